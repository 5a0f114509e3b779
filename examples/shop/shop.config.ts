import { registerAs } from '@nestjs/config';
import { Variables, integer } from 'lanfare';
import { z } from 'zod';

/** Checked together with Lanfare's own variables at the start: `main.ts` passes them on. */
export const shopVariables = new Variables({
  SHOP_NAME: z.string().min(3, 'must have at least 3 letters').default('Corner shop'),
  SHOP_CART_LINES_MAX: integer(1, 1000).default(20),
});

export const shopConfig = registerAs('shop', () => shopVariables.parse(process.env));
