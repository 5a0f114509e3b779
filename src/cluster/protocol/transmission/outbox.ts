/**
 * Turns what is written into `writer` into sealed datagrams, and queues them for the driver.
 *
 * In broadcast mode one transmit reaches everyone. In mesh mode there is one for each listed peer, of the same bytes. So a
 * datagram is sealed once in either mode.
 */
import type { Endpoint, Transmit } from '../contract.js';
import { Fifo } from '../fifo.js';
import type { Members } from '../peers/members.js';
import type { Peer } from '../peers/peer.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { DATAGRAM_OVERHEAD_BYTES } from '../wire/datagram.js';
import type { SealingChannel } from '../wire/sealing.js';

export class Outbox {
  readonly writer: ByteWriter;
  readonly #transmits = new Fifo<Transmit>();
  #sent = 0;

  constructor(
    /** Of datagrams, in order. */
    sizes: readonly number[],
    private readonly isMesh: boolean,
    private readonly members: Members,
    private readonly broadcastKey: SealingChannel,
  ) {
    const smallest = sizes[0] as number;
    const largest = sizes.at(-1) as number;
    this.writer = new ByteWriter(smallest - DATAGRAM_OVERHEAD_BYTES, largest - DATAGRAM_OVERHEAD_BYTES);
  }

  get sent(): number {
    return this.#sent;
  }

  /** The number of the last datagram sealed with the broadcast key. */
  get broadcastPacketNumber(): number {
    return this.broadcastKey.packetNumber;
  }

  toPeer(peer: Peer): void {
    this.#queue(peer.endpoint, peer.keys.sealing.seal(this.writer.written()));
  }

  toAll(): void {
    if (!this.isMesh) {
      this.#queue(null, this.broadcastKey.seal(this.writer.written()));
      return;
    }
    let bytes: Buffer | undefined;
    for (const peer of this.members.all) {
      if (!peer.isListed) continue;
      bytes ??= this.broadcastKey.seal(this.writer.written());
      this.#queue(peer.endpoint, bytes);
    }
    this.writer.clear();
  }

  /** Sends to an address whose boot id is not known yet. So only the broadcast key can be used. */
  toStranger(endpoint: Endpoint): void {
    this.#queue(endpoint, this.broadcastKey.seal(this.writer.written()));
  }

  poll(): Transmit | undefined {
    return this.#transmits.shift();
  }

  #queue(to: Endpoint | null, bytes: Buffer): void {
    this.#transmits.push({ to, bytes });
    this.#sent += 1;
    this.writer.clear();
  }
}
