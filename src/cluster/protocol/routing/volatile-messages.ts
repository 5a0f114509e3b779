/**
 * Volatile messages: fresh beats certain.
 *
 * Rules.
 * - A volatile message goes to the peers to which a certain one would go (R9), as a frame without a sequence. It is not
 *   repaired, so it leaves no hole in a stream, and nothing waits for it. It has no receipt.
 * - It is dropped, and counted, while nothing is carried, towards a peer without a session, a peer that has stalled, one
 *   whose queue or window is more than half full, and beyond a quarter of the peer's window in datagrams every few milliseconds.
 * - One to a room goes by one broadcast to all who take such frames, where a certain one would begin to (RoomPaths). No marks are
 *   read or made for it: nothing orders it against others. Its budget is a quarter of the broadcast window. Nodes without
 *   members ignore it.
 * - One that does not fit into a datagram, and one for a peer that does not take such frames, travels in the stream. It is
 *   marked there. It is repaired like its neighbours, but never counted as lost.
 * - The receiver drops what was sent before a frame that has come already (IncomingSession).
 */
import type { OutgoingMessage, OutgoingRoomMessage, SendResult } from '../contract.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Congestion } from './congestion.js';
import { MessageHead } from './message-head.js';
import type { RoomPaths } from './room-paths.js';

/** Of a queue or window towards a peer: when it is fuller, volatile messages are dropped. */
const DROPPED_ABOVE = 1 / 2;
const BUDGET_SHARE = 1 / 4;

type Parts = Pick<
  NodeParts,
  'carriage' | 'flow' | 'flushQueue' | 'journal' | 'limits' | 'options' | 'routes' | 'volatileToAll'
>;

export class VolatileMessages {
  readonly #frameHead = new MessageHead();
  readonly #recordHead = new MessageHead();
  readonly #holders: Peer[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly congestion: Congestion,
    private readonly paths: RoomPaths,
  ) {}

  send(now: number, message: OutgoingMessage): SendResult {
    const count = this.parts.routes.locate('user', message.to, this.#holders);
    const length = this.#frameHead.writeVolatileToUser(message);
    return this.#send(now, message.data, count, length, () => this.#recordHead.writeUser(message, -1));
  }

  sendToRoom(now: number, message: OutgoingRoomMessage): SendResult {
    const count = this.parts.routes.locate('room', message.room, this.#holders);
    const length = this.#frameHead.writeVolatileToRoom(message);
    const left = this.#broadcast(now, message.data, count, length);
    const result = this.#send(now, message.data, left, length, () => this.#recordHead.writeRoom(message, -1));
    return left < count && result === 'none' ? 'queued' : result;
  }

  /** Sends to most of `#holders[0..count)` at once, if that is worth it. Returns how many are left, which are the first then. */
  #broadcast(now: number, data: Buffer, count: number, headLength: number): number {
    const { carriage, flow, journal, options, volatileToAll } = this.parts;
    const bytes = headLength + data.length;
    const isSendable = headLength >= 0 && data.length <= options.messageBytesMax && carriage.isUp;
    if (!isSendable || !volatileToAll.hasRoomFor(bytes)) return count;
    const takers = this.#holders.slice(0, count).filter(takesFrames);
    if (!this.paths.isWorthBroadcast(takers, bytes)) return count;
    const budget = budgetOf(flow.broadcastWindow);
    if (volatileToAll.append(now, this.#frameHead.bytes, headLength, data, budget)) {
      journal.counters.volatileSent += takers.length;
      journal.counters.roomBroadcasts += 1;
    } else {
      journal.counters.volatileDropped += takers.length;
    }
    let left = 0;
    for (let index = 0; index < count; index += 1) {
      const peer = this.#holders[index] as Peer;
      if (!takesFrames(peer)) this.#holders[left++] = peer;
    }
    return left;
  }

  /** Sends to `#holders[0..count)`. @param writeRecordHead called for those who get it in the stream */
  #send(
    now: number,
    data: Buffer,
    count: number,
    frameHeadLength: number,
    writeRecordHead: () => number,
  ): SendResult {
    const { counters } = this.parts.journal;
    if (frameHeadLength < 0 || data.length > this.parts.options.messageBytesMax) return 'too_large';
    let recordHeadLength = 0;
    for (let index = 0; index < count; index += 1) {
      const peer = this.#holders[index] as Peer;
      const { stream, volatile } = peer.outgoing;
      let isTaken = this.#hasRoom(now, peer, data.length);
      if (isTaken && peer.knowsVolatile && volatile.hasRoomFor(frameHeadLength + data.length)) {
        const budget = budgetOf(this.#window(peer));
        isTaken = volatile.append(now, this.#frameHead.bytes, frameHeadLength, data, budget);
      } else if (isTaken) {
        if (recordHeadLength === 0) recordHeadLength = writeRecordHead();
        stream.append(now, this.#recordHead.bytes, recordHeadLength, data, 0, false);
      }
      if (isTaken) this.parts.flushQueue.add(peer);
      if (isTaken) counters.volatileSent += 1;
      else counters.volatileDropped += 1;
    }
    return count === 0 ? 'none' : 'queued';
  }

  #hasRoom(now: number, peer: Peer, bytes: number): boolean {
    const { flow } = this.parts;
    const { stream } = peer.outgoing;
    return (
      this.congestion.answers(now, peer) &&
      flow.fill(stream) <= DROPPED_ABOVE &&
      stream.inFlight <= this.#window(peer) * DROPPED_ABOVE &&
      !flow.isFull(stream, bytes)
    );
  }

  #window({ outgoing }: Peer): number {
    return Math.min(outgoing.window, this.parts.limits.unicastWindowRecords);
  }
}

/** It hears our frames: it has a session with us. */
function takesFrames({ knowsVolatile, outgoing }: Peer): boolean {
  return knowsVolatile && outgoing.isOpen;
}

/** In datagrams, of a window. */
function budgetOf(window: number): number {
  return Math.max(1, Math.floor(window * BUDGET_SHARE));
}
