import { Injectable } from '@nestjs/common';
import { MessagePolicy, type RoomMessage } from 'lanfare';
import { z } from 'zod';

/** What is said in a room: a text, or that its sender is typing. */
const said = z.union([
  z.strictObject({ text: z.string().min(1).max(500) }),
  z.strictObject({ typing: z.literal(true) }),
]);

/** Lets nothing but the chat's own messages into its rooms: what the page shows need not be checked there. */
@Injectable()
export class ChatPolicy extends MessagePolicy {
  /** This chat has rooms only. */
  allows(): boolean {
    return false;
  }

  override allowsToRoom(_sender: unknown, { data }: RoomMessage): boolean {
    return said.safeParse(JSON.parse(data.toString())).success;
  }
}
