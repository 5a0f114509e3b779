/**
 * What the node above sends: messages to users and rooms, receipts, publications, questions and answers, each into the streams
 * of the peers it is for.
 *
 * Rules.
 * - R9: a message goes to the peers whose replica is complete and holds the address, and to those whose replica is not
 *   complete. It goes to no other peer.
 * - R14: a receipt calls itself complete if all of them have answered, and if they are all that may hold the user.
 * - All or nothing: the queues of all holders are looked at before the first is written to. A full queue towards a peer that
 *   still acks refuses the message ('congested': slow down, lose nothing).
 * - A peer that has stopped acking delays nobody. Its receipt counts as missing at once. When its queue is full,
 *   messages for it are dropped, counted, and reported as incomplete.
 * - R15: while nothing is carried a message for a peer is refused in the same way, and nobody is congested: senders are not
 *   to wait for the end of an outage.
 * - Receipts and answers may use twice the queue: refusing them would keep others waiting. Beyond that they are not
 *   sent. The node that asked then reaches its deadline, and counts this node as missing.
 */
import type {
  Address,
  Holders,
  NodeId,
  OutgoingBroadcast,
  OutgoingMessage,
  OutgoingRoomMessage,
  SendResult,
} from '../contract.js';
import { HASH_BYTES, writeHash } from '../directory/name-hash.js';
import type { View } from '../membership/view.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import {
  MESSAGE_ANNOUNCE,
  MESSAGE_ANSWER,
  MESSAGE_HEADER_BYTES,
  MESSAGE_PUBLICATION,
  MESSAGE_QUESTION,
  MESSAGE_RECEIPT,
  MESSAGE_WITHDRAW,
} from '../wire/frames.js';
import { MessageHead, TEXT_BYTES_MAX } from './message-head.js';
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

/** Congestion begins at half of a queue and ends at an eighth, so that it does not begin and end all the time. */
const CONGESTED_SHARE = 1 / 2;
const RELIEVED_SHARE = 1 / 8;

type Parts = Pick<
  NodeParts,
  | 'broadcast'
  | 'carriage'
  | 'flow'
  | 'flushQueue'
  | 'gathering'
  | 'journal'
  | 'limits'
  | 'members'
  | 'options'
  | 'questions'
  | 'receipts'
  | 'recordBytes'
  | 'routes'
>;

export class Routing {
  readonly #head = new MessageHead();
  readonly #holders: Peer[] = [];
  readonly #asked: Peer[] = [];
  readonly #congested = new Set<Peer>();
  /** A message to a room found no room in the broadcast stream. */
  #isBroadcastFull = false;

  constructor(
    private readonly parts: Parts,
    private readonly view: View,
    private readonly paths: RoomPaths,
  ) {}

  /** Some living peer's queue is above the high-water mark: senders should wait. True within the very `send` that fills it. */
  get isCongested(): boolean {
    return this.#congested.size > 0 || this.#isBroadcastFull;
  }

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

  acknowledge(now: number, peer: Peer, receipt: number, delivered: number): void {
    if (this.parts.flow.isOverfull(peer.outgoing.stream)) {
      this.parts.journal.counters.answersDropped += 1;
      return;
    }
    this.#head.bytes[0] = MESSAGE_RECEIPT;
    this.#head.bytes.writeUInt32BE(receipt - 1, MESSAGE_HEADER_BYTES);
    this.#head.bytes.writeUInt32BE(delivered, MESSAGE_HEADER_BYTES + 4);
    peer.outgoing.stream.append(now, this.#head.bytes, MESSAGE_HEADER_BYTES + 8, null, 0, false);
    this.parts.flushQueue.add(peer);
  }

  publish(now: number, channel: string, body: Buffer): boolean {
    const { broadcast, carriage, limits, options } = this.parts;
    if (body.length > options.messageBytesMax || !carriage.isUp) return false;
    const isHalfFull =
      (broadcast.bytes + body.length) * 2 > limits.broadcastRingBytes ||
      (broadcast.records + body.length / this.parts.recordBytes) * 2 > limits.broadcastRingRecords;
    if (isHalfFull) return false;
    this.parts.gathering.hurry();
    broadcast.append(now, this.#head.bytes, this.#publicationHead(channel), body, 0, false);
    return true;
  }

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
    stream.append(now, this.#head.bytes, this.#publicationHead(channel), body, 1, false);
    this.parts.flushQueue.add(peer);
    return true;
  }

  /** Returns the number of the broadcast record that carries it. */
  announce(now: number, key: number): number {
    this.#writeHashMessage(now, MESSAGE_ANNOUNCE, key, true);
    return this.parts.broadcast.nextSequence;
  }

  withdraw(now: number, key: number): void {
    this.#writeHashMessage(now, MESSAGE_WITHDRAW, key, false);
  }

  ask(now: number, topic: string, body: Buffer, timeoutMs: number, token: number): void {
    const { carriage, flow, members, options, questions } = this.parts;
    if (questions.isFull || body.length > options.messageBytesMax) {
      const all = members.all.map(({ id }) => id);
      this.parts.journal.events.push({
        type: 'answers',
        token,
        answers: [],
        missing: all,
        complete: false,
      });
      return;
    }
    const asked: string[] = [];
    const missing: string[] = [];
    this.#head.bytes[0] = MESSAGE_QUESTION;
    this.#head.bytes.writeUInt32BE(questions.next, MESSAGE_HEADER_BYTES);
    const length = this.#head.writeText(MESSAGE_HEADER_BYTES + 4, topic);
    if (length < 0) throw new RangeError(`A topic has at most ${TEXT_BYTES_MAX} bytes`);
    for (const peer of members.all) {
      const isAsked = carriage.isUp && peer.isProven && !this.isStalled(now, peer);
      if (!isAsked || flow.isFull(peer.outgoing.stream, body.length)) {
        missing.push(peer.id);
        continue;
      }
      peer.outgoing.stream.append(now, this.#head.bytes, length, body, 0, false);
      this.parts.flushQueue.add(peer);
      asked.push(peer.id);
    }
    const isComplete = this.view.isComplete(now, members.all, members.size);
    questions.open(token, now + timeoutMs, asked, missing, isComplete);
  }

  answer(now: number, peer: Peer, id: number, body: Buffer): void {
    if (
      body.length > this.parts.options.messageBytesMax ||
      this.parts.flow.isOverfull(peer.outgoing.stream)
    ) {
      this.parts.journal.counters.answersDropped += 1;
      return;
    }
    this.#head.bytes[0] = MESSAGE_ANSWER;
    this.#head.bytes.writeUInt32BE(id, MESSAGE_HEADER_BYTES);
    peer.outgoing.stream.append(now, this.#head.bytes, MESSAGE_HEADER_BYTES + 4, body, 0, false);
    this.parts.flushQueue.add(peer);
  }

  /** Nothing is heard of the peer, or it makes no progress with what it was sent: not worth waiting for. */
  isStalled(now: number, { isSilent, outgoing }: Peer): boolean {
    return isSilent || outgoing.backlog.isStalled(now);
  }

  /** The peer has a session and acks what it gets: worth waiting for. */
  answers(now: number, peer: Peer): boolean {
    return this.parts.carriage.isUp && peer.outgoing.isOpen && !this.isStalled(now, peer);
  }

  /** Call it for peers whose queues have changed. It reports drops, and when congestion begins and ends. */
  review(now: number, peer: Peer): void {
    const { backlog } = peer.outgoing;
    const dropped = backlog.takeDropped(now);
    if (dropped > 0) {
      this.parts.journal.gap(
        peer,
        'incomplete',
        dropped,
        'the peer does not answer, and its queue is full or has waited for too long',
      );
    }
    const isCongested =
      !peer.isGone &&
      this.parts.flow.fill(peer.outgoing.stream) >=
        (backlog.isCongested ? RELIEVED_SHARE : CONGESTED_SHARE) &&
      this.answers(now, peer);
    if (isCongested === backlog.isCongested) return;
    if (isCongested) backlog.congest();
    else backlog.relieve();
    const before = this.#congested.size;
    if (isCongested) this.#congested.add(peer);
    else this.#congested.delete(peer);
    if (!this.#isBroadcastFull && (before === 0) !== (this.#congested.size === 0)) {
      this.parts.journal.events.push({ type: 'congestion', congested: isCongested });
    }
  }

  /** Called every report interval, to report drops together, and because a peer can stall while no queue changes. */
  reviewAll(now: number): void {
    for (const peer of this.parts.members.all) if (peer.outgoing.backlog.dropped > 0) this.review(now, peer);
    for (const peer of this.#congested) this.review(now, peer);
  }

  /** Called when peers have acked more of the broadcast stream, and after what was queued has gone. */
  reviewBroadcast(): void {
    if (this.#isBroadcastFull && this.paths.isRelieved) this.#setBroadcastFull(false);
  }

  #publicationHead(channel: string): number {
    this.#head.bytes[0] = MESSAGE_PUBLICATION;
    const length = this.#head.writeText(MESSAGE_HEADER_BYTES, channel);
    if (length < 0) throw new RangeError(`A channel's name has at most ${TEXT_BYTES_MAX} bytes`);
    return length;
  }

  #writeHashMessage(now: number, type: number, key: number, isUrgent: boolean): void {
    this.#head.bytes[0] = type;
    writeHash(this.#head.bytes, MESSAGE_HEADER_BYTES, key);
    this.parts.broadcast.append(now, this.#head.bytes, MESSAGE_HEADER_BYTES + HASH_BYTES, null, 0, isUrgent);
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
    const paths = this.paths.choose(name, this.#holders, count, length + data.length);
    if (paths === 'full') {
      this.#setBroadcastFull(true);
      return 'congested';
    }
    const { broadcast, unicast } = paths;
    if (unicast.some((peer) => this.#isFull(now, peer, data))) return 'congested';
    const isComplete = isForAll && token !== 0 && this.view.isComplete(now, this.#holders, count);
    if (broadcast.length > 0) this.#appendBroadcast(now, name, length, data, broadcast);
    const answering = broadcast.filter((peer) => this.#mayAnswer(now, peer));
    for (const [index, peer] of answering.entries()) this.#asked[index] = peer;
    for (const [index, peer] of unicast.entries()) this.#holders[index] = peer;
    const isFirstComplete = isComplete && answering.length === broadcast.length;
    const result = this.#append(now, length, data, unicast.length, token, isFirstComplete, answering.length);
    for (const peer of unicast) this.paths.noteUnicast(name, peer);
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
    return !this.isStalled(now, peer) && !peer.outgoing.windowStanding.isLaggard;
  }

  /** The peer acks, so the message must wait. */
  #isFull(now: number, peer: Peer, data: Buffer): boolean {
    return this.parts.flow.isFull(peer.outgoing.stream, data.length) && this.answers(now, peer);
  }

  #setBroadcastFull(isFull: boolean): void {
    if (isFull === this.#isBroadcastFull) return;
    this.#isBroadcastFull = isFull;
    if (this.#congested.size === 0) this.parts.journal.events.push({ type: 'congestion', congested: isFull });
  }

  /** Why a message for `#holders[0..count)` is not written for any of them; null: it may be written. */
  #judge(now: number, data: Buffer, count: number, token: number): SendResult | null {
    const end = this.#judgeAll(data, count, token, true, now);
    if (end !== null) return end;
    for (let index = 0; index < count; index += 1) {
      if (this.#isFull(now, this.#holders[index] as Peer, data)) return 'congested';
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
        if (
          !peer.outgoing.backlog.isCongested &&
          this.parts.flow.fill(peer.outgoing.stream) >= CONGESTED_SHARE
        )
          this.review(now, peer);
        if (token !== 0) {
          if (this.isStalled(now, peer)) {
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
