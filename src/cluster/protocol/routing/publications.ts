/** Publications: what modules of one node tell all others, or those that hold an address. They have no receipt. */
import type { Address, NodeId } from '../contract.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import { MESSAGE_HEADER_BYTES, MESSAGE_PUBLICATION } from '../wire/frames.js';
import { MessageHead, TEXT_BYTES_MAX } from './message-head.js';

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'carriage'
  | 'flow'
  | 'flushQueue'
  | 'gathering'
  | 'limits'
  | 'options'
  | 'recordBytes'
  | 'routes'
>;

export class Publications {
  readonly #head = new MessageHead();
  readonly #holders: Peer[] = [];

  constructor(private readonly parts: Parts) {}

  /** To all nodes, in the broadcast stream. False: it is too large, or the stream is half full. */
  publish(now: number, channel: string, body: Buffer): boolean {
    const { broadcast, carriage, limits, options } = this.parts;
    if (body.length > options.messageBytesMax || !carriage.isUp) return false;
    const isHalfFull =
      (broadcast.bytes + body.length) * 2 > limits.broadcastRingBytes ||
      (broadcast.records + body.length / this.parts.recordBytes) * 2 > limits.broadcastRingRecords;
    if (isHalfFull) return false;
    this.parts.gathering.hurry();
    broadcast.append(now, this.#head.bytes, this.#writeHead(channel), body, 0, false);
    return true;
  }

  /** Returns the holders to whom it could not be sent. */
  publishToHolders(now: number, { kind, name }: Address, channel: string, body: Buffer): NodeId[] {
    const count = this.parts.routes.locate(kind, name, this.#holders);
    const refused: NodeId[] = [];
    for (let index = 0; index < count; index += 1) {
      const peer = this.#holders[index] as Peer;
      if (!this.publishTo(now, peer, channel, body)) refused.push(peer.id);
    }
    return refused;
  }

  /** It counts as a message: if it is dropped later, that is reported. Without a session it is refused at once. */
  publishTo(now: number, peer: Peer, channel: string, body: Buffer): boolean {
    const { isOpen, stream } = peer.outgoing;
    if (!isOpen || body.length > this.parts.options.messageBytesMax) return false;
    if (this.parts.flow.isFull(stream, body.length)) return false;
    stream.append(now, this.#head.bytes, this.#writeHead(channel), body, 1, false);
    this.parts.flushQueue.add(peer);
    return true;
  }

  #writeHead(channel: string): number {
    this.#head.bytes[0] = MESSAGE_PUBLICATION;
    const length = this.#head.writeText(MESSAGE_HEADER_BYTES, channel);
    if (length < 0) throw new RangeError(`A channel's name has at most ${TEXT_BYTES_MAX} bytes`);
    return length;
  }
}
