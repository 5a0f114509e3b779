/**
 * Questions to all peers. A question ends when every peer asked has answered or is lost, or at its deadline; whoever has
 * not answered by then is named as missing, so that a partial result says that it is one. So is whoever answers when the
 * answers of all open questions are too much together.
 */
import type { NodeId } from '../contract.js';
import type { Timer } from '../timers.js';

interface Answer {
  readonly peer: NodeId;
  readonly body: Buffer;
}

interface Inquiry {
  readonly token: number;
  readonly deadline: number;
  readonly waiting: Set<NodeId>;
  readonly answers: Answer[];
  readonly missing: NodeId[];
  /** Who was asked, or was missing from the start, is everybody. */
  readonly isOfAll: boolean;
}

export type AnswersSink = (
  token: number,
  answers: readonly Answer[],
  missing: readonly NodeId[],
  complete: boolean,
) => void;

export class Inquiries {
  readonly #open = new Map<number, Inquiry>();
  #ids = 0;
  #bytes = 0;

  constructor(
    private readonly openMax: number,
    private readonly bytesMax: number,
    /** Set while a question is open: when the next one ends. */
    private readonly timer: Timer,
    private readonly sink: AnswersSink,
  ) {}

  get isFull(): boolean {
    return this.#open.size >= this.openMax;
  }

  /** Of the answers to questions that are still open. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number the next `open` takes. */
  get next(): number {
    return (this.#ids + 1) >>> 0;
  }

  open(token: number, deadline: number, asked: Iterable<NodeId>, missing: NodeId[], isOfAll: boolean): void {
    this.#ids = this.next;
    const inquiry = { token, deadline, waiting: new Set(asked), answers: [], missing, isOfAll };
    this.#open.set(this.#ids, inquiry);
    this.timer.setIfSooner(deadline);
    this.#finishIfDone(this.#ids, inquiry);
  }

  answer(id: number, peer: NodeId, body: Buffer): void {
    const inquiry = this.#open.get(id);
    if (inquiry === undefined || !inquiry.waiting.delete(peer)) return;
    if (this.#bytes + body.length > this.bytesMax) {
      inquiry.missing.push(peer);
    } else {
      // A copy: a view would keep a whole datagram.
      inquiry.answers.push({ peer, body: Buffer.from(body) });
      this.#bytes += body.length;
    }
    this.#finishIfDone(id, inquiry);
  }

  losePeer(peer: NodeId): void {
    for (const [id, inquiry] of this.#open) {
      if (!inquiry.waiting.delete(peer)) continue;
      inquiry.missing.push(peer);
      this.#finishIfDone(id, inquiry);
    }
  }

  expire(now: number): void {
    for (const [id, inquiry] of this.#open) {
      if (inquiry.deadline > now) continue;
      inquiry.missing.push(...inquiry.waiting);
      inquiry.waiting.clear();
      this.#finishIfDone(id, inquiry);
    }
  }

  #finishIfDone(id: number, inquiry: Inquiry): void {
    if (inquiry.waiting.size > 0) return;
    this.#open.delete(id);
    if (inquiry.deadline <= this.timer.at) this.timer.set(this.#earliest());
    const { token, answers, missing, isOfAll } = inquiry;
    for (const { body } of answers) this.#bytes -= body.length;
    this.sink(token, answers, missing, isOfAll && missing.length === 0);
  }

  #earliest(): number {
    let earliest = Infinity;
    for (const { deadline } of this.#open.values()) earliest = Math.min(earliest, deadline);
    return earliest;
  }
}
