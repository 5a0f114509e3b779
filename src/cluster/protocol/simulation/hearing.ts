/**
 * Which node has heard which, as the network knows it. A datagram counts if it is sealed for all, unchanged, and newer
 * than those before. A node knows that a boot is there once it has heard it. The oracles read this here, because they
 * must not rely on the core.
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
    // A datagram sealed for one node may be meant for the listener's previous boot, which had the same address.
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
