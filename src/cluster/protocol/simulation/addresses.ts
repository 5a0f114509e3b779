/** Addresses as the simulation writes them. A room has a prefix, so that a room and a user of the same name differ. */
import type { Address } from '../contract.js';
import type { Workload } from './scenario.js';

const ROOM_MARK = 'room ';

/** In place of an address: all devices. */
export const EVERYBODY = 'everybody';

export const roomCalled = (name: string): string => `${ROOM_MARK}${name}`;

export const userAt = (index: number): string => `user-${index}`;

export function addressOf(text: string): Address {
  return text.startsWith(ROOM_MARK)
    ? { kind: 'room', name: text.slice(ROOM_MARK.length) }
    : { kind: 'user', name: text };
}

/** The addresses that a workload uses, but for those of its storms. */
export function namedAddresses({ users, offlineUsers, rooms }: Workload): string[] {
  return [
    ...Array.from({ length: users + offlineUsers }, (_, index) => userAt(index)),
    ...Array.from({ length: rooms }, (_, index) => roomCalled(userAt(index))),
  ];
}
