import type { Device } from '../connections/device.js';
import type { SharedFrame } from '../wire/shared-frame.js';

/** While the client has not taken so much, it is written no more. */
const BACKLOG_BYTES = 65_536;
/** A client that is so far behind gets whole lists when it has caught up, in place of the changes. */
const FRAMES_MAX = 256;

/** What one client is to be told of rooms' members, as fast as it reads. */
export class PresenceQueue {
  /** Rooms of which it has the list, and gets the changes. */
  readonly listed = new Set<string>();
  /** Rooms of which it is to get the list. */
  readonly unlisted = new Set<string>();
  #frames: SharedFrame[] = [];

  constructor(readonly device: Device) {}

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  get isWatching(): boolean {
    return this.listed.size + this.unlisted.size > 0;
  }

  push(frames: readonly SharedFrame[]): void {
    this.#frames.push(...frames);
    if (this.#frames.length <= FRAMES_MAX) return;
    this.#frames = [];
    for (const room of this.listed) this.unlisted.add(room);
    this.listed.clear();
  }

  forget(room: string): void {
    this.listed.delete(room);
    this.unlisted.delete(room);
  }

  /** Writes until the client has enough to take. Returns false when something is left, or a list that it has no room for. */
  write(): boolean {
    const { device } = this;
    let written = 0;
    while (written < this.#frames.length && device.backlogBytes < BACKLOG_BYTES) {
      device.deliverFrame(this.#frames[written] as SharedFrame);
      written++;
    }
    this.#frames.splice(0, written);
    device.flush();
    return this.isEmpty && (this.unlisted.size === 0 || device.backlogBytes < BACKLOG_BYTES);
  }
}
