import type { Peer } from '../peers/peer.js';

/** The peers that something must be sent to at the end of the turn. */
export class FlushQueue {
  readonly #peers: Peer[] = [];

  get peers(): readonly Peer[] {
    return this.#peers;
  }

  add(peer: Peer): void {
    if (peer.enqueue()) this.#peers.push(peer);
  }

  /** Calls `flush` for each; one that is added meanwhile has its turn too. */
  drain(flush: (peer: Peer) => void): void {
    if (this.#peers.length === 0) return;
    for (const peer of this.#peers) {
      peer.dequeue();
      flush(peer);
    }
    this.#peers.length = 0;
  }
}
