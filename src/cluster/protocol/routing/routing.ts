/**
 * What the node above sends to users, rooms and everybody, each into the streams of the peers it is for.
 *
 * Rules.
 * - R9: a message goes to the peers whose replica is complete and holds the address, and to those whose replica is not
 *   complete. It goes to no other peer.
 * - R14: a receipt calls itself complete if all of them have answered, and if they are all that may hold the user.
 * - All or nothing: the queues of all holders are looked at before the first is written to. A full queue towards a peer that
 *   still acks refuses the message ('congested': slow down, lose nothing).
 * - A peer that has stopped acking delays nobody. Its receipt counts as missing at once. When its queue is full,
 *   messages for it are dropped, counted, and reported as incomplete.
 * - R15: while nothing is carried a message for a peer is refused in the same way, and nobody is congested.
 */
import type {
  Address,
  Holders,
  OutgoingBroadcast,
  OutgoingMessage,
  OutgoingRoomMessage,
  SendResult,
} from '../contract.js';
import type { View } from '../membership/view.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { Congestion } from './congestion.js';
import { MessageHead } from './message-head.js';
import type { RoomPaths } from './room-paths.js';

/** In place of a room's name: names are not empty. */
const EVERYBODY = '';

/** The nodes that a message to a room goes to. */
interface Group {
  readonly name: string;
  /** They are the first of the holders. */
  readonly count: number;
  /** False: others may have members, and can't be reached. */
  readonly isForAll: boolean;
}

type Parts = Pick<
  NodeParts,
  'broadcast' | 'carriage' | 'flow' | 'flushQueue' | 'journal' | 'options' | 'receipts' | 'routes'
>;

export class Routing {
  readonly #head = new MessageHead();
  readonly #holders: Peer[] = [];
  readonly #asked: Peer[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly view: View,
    private readonly paths: RoomPaths,
    private readonly congestion: Congestion,
  ) {}

  send(now: number, message: OutgoingMessage, token: number): SendResult {
    const count = this.parts.routes.locate('user', message.to, this.#holders);
    const { data } = message;
    const end = this.#judge(now, data, count, token);
    if (end !== null) return end;
    const length = this.#head.writeUser(message, this.#receiptFor(token));
    if (length < 0) return 'too_large';
    const isComplete = token !== 0 && this.view.isComplete(now, this.#holders, count);
    return this.#append(now, length, data, count, token, isComplete);
  }

  sendToRoom(now: number, message: OutgoingRoomMessage, token: number): SendResult {
    const { data, room } = message;
    const group = {
      name: room,
      count: this.parts.routes.locate('room', room, this.#holders),
      isForAll: true,
    };
    return this.#sendToGroup(now, group, data, token, (receipt) => this.#head.writeRoom(message, receipt));
  }

  sendToAll(now: number, message: OutgoingBroadcast, token: number): SendResult {
    const { routes } = this.parts;
    const { data } = message;
    const count = routes.locateAll(this.#holders);
    const group = { name: EVERYBODY, count, isForAll: routes.everybodyIsReached };
    return this.#sendToGroup(now, group, data, token, (receipt) => this.#head.writeToAll(message, receipt));
  }

  holders(now: number, address: Address): Holders {
    const { routes } = this.parts;
    const peers = routes.holdersOf(address).map(({ id }) => id);
    return { peers, complete: routes.isComplete && this.view.isComplete(now, [], 0) };
  }

  /** To the nodes `#holders[0..count)`, by unicast or broadcast. @param writeHead returns where the head ends */
  #sendToGroup(
    now: number,
    { name, count, isForAll }: Group,
    data: Buffer,
    token: number,
    writeHead: (receipt: number) => number,
  ): SendResult {
    const end = this.#judgeAll(data, count, token, isForAll, now);
    if (end !== null) return end;
    const length = writeHead(this.#receiptFor(token));
    if (length < 0) return 'too_large';
    const paths = this.paths.choose(now, name, this.#holders, count, length + data.length);
    if (paths === 'full') {
      this.congestion.fillBroadcast();
      return 'congested';
    }
    const { broadcast, isUrgent, unicast } = paths;
    if (unicast.some((peer) => this.congestion.isFull(now, peer, data.length))) return 'congested';
    const isComplete = isForAll && token !== 0 && this.view.isComplete(now, this.#holders, count);
    if (broadcast.length > 0) this.#appendBroadcast(now, name, length, data, broadcast);
    const answering = broadcast.filter((peer) => this.#mayAnswer(now, peer));
    for (const [index, peer] of answering.entries()) this.#asked[index] = peer;
    for (const [index, peer] of unicast.entries()) this.#holders[index] = peer;
    const isFirstComplete = isComplete && answering.length === broadcast.length;
    const result = this.#append(now, length, data, unicast.length, token, isFirstComplete, answering.length);
    for (const peer of unicast) {
      this.paths.noteUnicast(name, peer);
      if (isUrgent) peer.outgoing.stream.hurryAck();
    }
    return result;
  }

  #appendBroadcast(
    now: number,
    name: string,
    length: number,
    data: Buffer,
    receivers: readonly Peer[],
  ): void {
    const { broadcast } = this.parts;
    const end = this.#head.addNotList(length, this.paths.notListFor(receivers));
    broadcast.append(now, this.#head.bytes, end, data, 0, false);
    this.#head.dropNotList();
    this.paths.noteBroadcast(name);
    this.parts.journal.counters.roomBroadcasts += 1;
  }

  /** A laggard may never get what is in the broadcast stream. */
  #mayAnswer(now: number, peer: Peer): boolean {
    return !this.congestion.isStalled(now, peer) && !peer.outgoing.windowStanding.isLaggard;
  }

  /** Why a message for `#holders[0..count)` is not written for any of them; null: it may be written. */
  #judge(now: number, data: Buffer, count: number, token: number): SendResult | null {
    const end = this.#judgeAll(data, count, token, true, now);
    if (end !== null) return end;
    for (let index = 0; index < count; index += 1) {
      if (this.congestion.isFull(now, this.#holders[index] as Peer, data.length)) return 'congested';
    }
    return null;
  }

  /** The same without a look at their queues. */
  #judgeAll(data: Buffer, count: number, token: number, isForAll: boolean, now: number): SendResult | null {
    const { parts } = this;
    if (data.length > parts.options.messageBytesMax) return 'too_large';
    if (count === 0) {
      parts.journal.counters.directoryMisses += 1;
      if (token !== 0) {
        const complete = isForAll && this.view.isComplete(now, this.#holders, 0);
        parts.journal.events.push({ type: 'receipt', token, delivered: 0, complete });
      }
      return 'none';
    }
    return !parts.carriage.isUp || (token !== 0 && parts.receipts.isFull) ? 'congested' : null;
  }

  /** The number that the message carries; -1: no receipt is wanted. */
  #receiptFor(token: number): number {
    return token === 0 ? -1 : this.parts.receipts.next;
  }

  /**
   * Writes the message, whose head is written, for each of `#holders[0..count)`.
   *
   * @param isAllComplete everybody who may hold it is asked
   * @param askedBefore so many of `#asked` get it in another way
   */
  #append(
    now: number,
    length: number,
    data: Buffer,
    count: number,
    token: number,
    isAllComplete: boolean,
    askedBefore = 0,
  ): SendResult {
    const { parts } = this;
    let asked = askedBefore;
    let isComplete = isAllComplete;
    for (let index = 0; index < count; index += 1) {
      const peer = this.#holders[index] as Peer;
      if (parts.flow.isFull(peer.outgoing.stream, data.length)) {
        peer.outgoing.backlog.drop(1);
        isComplete = false;
      } else {
        peer.outgoing.stream.append(now, this.#head.bytes, length, data, 1, false);
        this.congestion.noteQueued(now, peer);
        if (token !== 0) {
          if (this.congestion.isStalled(now, peer)) {
            isComplete = false;
          } else {
            this.#asked[asked] = peer;
            asked += 1;
          }
        }
      }
      parts.flushQueue.add(peer);
    }
    parts.journal.counters.directoryHits += 1;
    parts.journal.counters.messagesSent += 1;
    if (token !== 0) parts.receipts.open(now, token, this.#asked, asked, isComplete);
    return 'queued';
  }
}
