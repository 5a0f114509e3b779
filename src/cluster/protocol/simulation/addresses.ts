/** Addresses as the simulation writes them. A room has a prefix, so that a room and a user of the same name differ. */
import type { Address } from '../contract.js';

const ROOM_MARK = 'room ';

export const roomCalled = (name: string): string => `${ROOM_MARK}${name}`;

export const userAt = (index: number): string => `user-${index}`;

export function addressOf(text: string): Address {
  return text.startsWith(ROOM_MARK)
    ? { kind: 'room', name: text.slice(ROOM_MARK.length) }
    : { kind: 'user', name: text };
}
