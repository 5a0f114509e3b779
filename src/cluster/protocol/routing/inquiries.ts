/**
 * Questions to all nodes, and what this node answers to others: answers, and receipts of their messages.
 *
 * Answers and receipts may use twice the queue: refusing them would keep others waiting. Beyond that they are not sent. The
 * node that asked then reaches its deadline, and counts this node as missing.
 */
import type { View } from '../membership/view.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import { MESSAGE_ANSWER, MESSAGE_HEADER_BYTES, MESSAGE_QUESTION, MESSAGE_RECEIPT } from '../wire/frames.js';
import type { Congestion } from './congestion.js';
import { MessageHead, TEXT_BYTES_MAX } from './message-head.js';

type Parts = Pick<
  NodeParts,
  'carriage' | 'flow' | 'flushQueue' | 'journal' | 'members' | 'options' | 'questions'
>;

export class Inquiries {
  readonly #head = new MessageHead();

  constructor(
    private readonly parts: Parts,
    private readonly view: View,
    private readonly congestion: Congestion,
  ) {}

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
      const isAsked = carriage.isUp && peer.isProven && !this.congestion.isStalled(now, peer);
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
    if (body.length > this.parts.options.messageBytesMax || this.#isOverfull(peer)) {
      this.parts.journal.counters.answersDropped += 1;
      return;
    }
    this.#head.bytes[0] = MESSAGE_ANSWER;
    this.#head.bytes.writeUInt32BE(id, MESSAGE_HEADER_BYTES);
    peer.outgoing.stream.append(now, this.#head.bytes, MESSAGE_HEADER_BYTES + 4, body, 0, false);
    this.parts.flushQueue.add(peer);
  }

  /** The peer's message reached so many devices here. */
  acknowledge(now: number, peer: Peer, receipt: number, delivered: number): void {
    if (this.#isOverfull(peer)) {
      this.parts.journal.counters.answersDropped += 1;
      return;
    }
    this.#head.bytes[0] = MESSAGE_RECEIPT;
    this.#head.bytes.writeUInt32BE(receipt - 1, MESSAGE_HEADER_BYTES);
    this.#head.bytes.writeUInt32BE(delivered, MESSAGE_HEADER_BYTES + 4);
    peer.outgoing.stream.append(now, this.#head.bytes, MESSAGE_HEADER_BYTES + 8, null, 0, false);
    this.parts.flushQueue.add(peer);
  }

  #isOverfull({ outgoing }: Peer): boolean {
    return this.parts.flow.isOverfull(outgoing.stream);
  }
}
