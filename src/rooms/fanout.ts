import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Laps } from './laps.js';
import { Memberships } from './memberships.js';
import type { Publication, Room } from './room.js';

/**
 * How much may wait for the members of one room here, and of all rooms together. It is as much as can be written to a
 * large room in some seconds. When half of it waits, this node's own senders are refused.
 */
export const ROOM_WAITING_MAX = { messages: 1024, bytes: 8 << 20 } as const;
const ALL_WAITING_MAX = { messages: 65_536, bytes: 64 << 20 } as const;

/** Writes messages to the members of rooms here: at once to few, in laps to many. What waits is bounded. */
@Injectable()
export class Fanout implements OnApplicationShutdown {
  readonly #laps: Laps;
  /** What waits for the members of all rooms here. */
  readonly #waiting = { messages: 0, bytes: 0 };

  constructor(memberships: Memberships) {
    this.#laps = new Laps((room) => memberships.rested(room));
  }

  /** Not in an earlier hook: while the node drains, clients still get what was accepted for them. */
  onApplicationShutdown(): void {
    this.#laps.stop();
  }

  /** Bytes that wait for members here. */
  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  /** @param share of the limits */
  isFull(room: Room, share: number): boolean {
    return (
      room.messages >= ROOM_WAITING_MAX.messages * share ||
      room.bytes >= ROOM_WAITING_MAX.bytes * share ||
      this.#waiting.messages >= ALL_WAITING_MAX.messages * share ||
      this.#waiting.bytes >= ALL_WAITING_MAX.bytes * share
    );
  }

  write(room: Room, publication: Publication): void {
    if (room.writeNow(publication)) return;
    const { length } = publication.frame.bytes;
    this.#waiting.messages++;
    this.#waiting.bytes += length;
    room.enqueue({
      ...publication,
      done: (delivered) => {
        this.#waiting.messages--;
        this.#waiting.bytes -= length;
        publication.done(delivered);
      },
    });
    this.#laps.add(room);
  }
}
