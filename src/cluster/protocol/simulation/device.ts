/**
 * A client's connection, as the simulation sees it.
 *
 * joining  the node does not promise yet that messages reach it
 * ready    they do
 * gone     it has left, or its node has ended
 */
import type { Boot } from './timeline.js';

export class Device {
  #state: 'joining' | 'ready' | 'gone' = 'joining';

  constructor(
    readonly id: number,
    /** A user's, or a room's of which it is a member: see `addressOf`. */
    readonly address: string,
    readonly boot: Boot,
  ) {}

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  admit(): void {
    if (this.#state === 'joining') this.#state = 'ready';
  }

  leave(): void {
    this.#state = 'gone';
  }
}
