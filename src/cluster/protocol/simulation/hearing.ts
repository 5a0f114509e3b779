/**
 * Which node has heard which, as the network knows it. A datagram counts that is sealed for all, newer than those before,
 * and unchanged. A node knows of whom it has heard that it is there. The oracles know it from here, not from the core.
 */
import { isSealedForPair, packetNumberOf } from '../wire/datagram.js';
import type { Datagram } from './kernel.js';
import type { Boot } from './timeline.js';

interface Heard {
  readonly at: number;
  readonly number: number;
}

export class Hearing {
  readonly #byPair = new Map<string, Heard>();

  note(listener: Boot, { bytes, sender }: Datagram, at: number): void {
    // What is sealed for one may be for the listener's last boot, which had the same address.
    if (sender === undefined || sender === null || isSealedForPair(bytes)) return;
    if (sender.cluster !== listener.cluster || sender === listener) return;
    const key = `${listener.index}<${sender.index}`;
    const number = packetNumberOf(bytes);
    if (number > (this.#byPair.get(key)?.number ?? 0)) this.#byPair.set(key, { at, number });
  }

  /** When the listener last heard the sender; -Infinity: never. */
  lastHeardAt(listener: Boot, sender: Boot): number {
    return this.#byPair.get(`${listener.index}<${sender.index}`)?.at ?? -Infinity;
  }
}
