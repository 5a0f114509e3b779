/**
 * What the kernel does to a node's datagrams between the wire and the event loop.
 *
 * A host has two sockets: `shared`, where broadcasts arrive, and `own`, for unicast. Each has a receive buffer that
 * counts what the kernel allocates (832 B for small ones, a power of two and 256 B for others), not what was sent. A
 * datagram that finds the buffer full is lost. A turn of the event loop takes at most 32 datagrams from each socket. So
 * after a stall the two sockets are read alternately, whatever the order of arrival was.
 */
import type { Arrival, Endpoint } from '../contract.js';
import type { Boot } from './timeline.js';

export interface Datagram {
  readonly bytes: Buffer;
  readonly source: Endpoint;
  /** The sender, if the datagram arrived as it was sent. Only the oracles read it. */
  readonly sender?: Boot | null;
}

/** libuv reads this many datagrams of one socket before it turns to the next. */
export const DATAGRAMS_PER_TURN = 32;

export class ReceiveBuffer {
  readonly #queue: Datagram[] = [];
  #head = 0;
  #used = 0;

  constructor(readonly capacityBytes: number) {}

  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  /** False: no room, the datagram is lost. */
  offer(datagram: Datagram): boolean {
    const cost = kernelCost(datagram.bytes.length);
    if (this.#used + cost > this.capacityBytes) return false;
    this.#used += cost;
    this.#queue.push(datagram);
    return true;
  }

  take(): Datagram | undefined {
    const datagram = this.#queue[this.#head];
    if (datagram === undefined) return undefined;
    this.#head += 1;
    this.#used -= kernelCost(datagram.bytes.length);
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    }
    return datagram;
  }

  clear(): void {
    this.#queue.length = 0;
    this.#head = 0;
    this.#used = 0;
  }
}

export class Sockets {
  readonly #buffers: Readonly<Record<Arrival, ReceiveBuffer>>;

  constructor(capacityBytes: number) {
    this.#buffers = { shared: new ReceiveBuffer(capacityBytes), own: new ReceiveBuffer(capacityBytes) };
  }

  get isEmpty(): boolean {
    return this.#buffers.shared.isEmpty && this.#buffers.own.isEmpty;
  }

  offer(arrival: Arrival, datagram: Datagram): boolean {
    return this.#buffers[arrival].offer(datagram);
  }

  take(arrival: Arrival): Datagram | undefined {
    return this.#buffers[arrival].take();
  }

  clear(): void {
    this.#buffers.shared.clear();
    this.#buffers.own.clear();
  }
}

export function kernelCost(length: number): number {
  if (length <= 190) return 832;
  return Math.max(2_048, 2 ** Math.ceil(Math.log2(length + 400))) + 256;
}
