import { ConnectionKey } from 'lanfare';
import { z } from 'zod';

export const cartLine = z.object({
  item: z.string().min(1).max(64),
  pieces: z.int().min(1).max(99),
});

export type CartLine = z.infer<typeof cartLine>;

/** What a client has chosen so far. It is kept in the connection, and ends with it. */
export const cart = new ConnectionKey<readonly CartLine[]>('cart');
