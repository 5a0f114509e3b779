/**
 * Questions to all peers. A question ends when every peer that was asked has answered or is lost, or at its deadline. A
 * peer that has not answered by then is named as missing, so that a partial result says that it is partial. A peer whose
 * answer has no room among the answers of all open questions is missing too.
 */
import type { NodeId } from '../contract.js';
import type { Timer } from '../timers.js';

interface Answer {
  readonly peer: NodeId;
  readonly body: Buffer;
}

interface Question {
  readonly token: number;
  readonly deadline: number;
  readonly waiting: Set<NodeId>;
  readonly answers: Answer[];
  readonly missing: NodeId[];
  /** Everybody who is there was asked, or was missing from the start. */
  readonly isOfAll: boolean;
}

export type AnswersSink = (
  token: number,
  answers: readonly Answer[],
  missing: readonly NodeId[],
  complete: boolean,
) => void;

export class Questions {
  readonly #open = new Map<number, Question>();
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
    const question = { token, deadline, waiting: new Set(asked), answers: [], missing, isOfAll };
    this.#open.set(this.#ids, question);
    this.timer.setIfSooner(deadline);
    this.#finishIfDone(this.#ids, question);
  }

  answer(id: number, peer: NodeId, body: Buffer): void {
    const question = this.#open.get(id);
    if (question === undefined || !question.waiting.delete(peer)) return;
    if (this.#bytes + body.length > this.bytesMax) {
      question.missing.push(peer);
    } else {
      // A copy: a view would keep a whole datagram.
      question.answers.push({ peer, body: Buffer.from(body) });
      this.#bytes += body.length;
    }
    this.#finishIfDone(id, question);
  }

  losePeer(peer: NodeId): void {
    for (const [id, question] of this.#open) {
      if (!question.waiting.delete(peer)) continue;
      question.missing.push(peer);
      this.#finishIfDone(id, question);
    }
  }

  expire(now: number): void {
    for (const [id, question] of this.#open) {
      if (question.deadline > now) continue;
      question.missing.push(...question.waiting);
      question.waiting.clear();
      this.#finishIfDone(id, question);
    }
  }

  #finishIfDone(id: number, question: Question): void {
    if (question.waiting.size > 0) return;
    this.#open.delete(id);
    if (question.deadline <= this.timer.at) this.timer.set(this.#earliest());
    const { token, answers, missing, isOfAll } = question;
    for (const { body } of answers) this.#bytes -= body.length;
    this.sink(token, answers, missing, isOfAll && missing.length === 0);
  }

  #earliest(): number {
    let earliest = Infinity;
    for (const { deadline } of this.#open.values()) earliest = Math.min(earliest, deadline);
    return earliest;
  }
}
