/**
 * What must come exactly once, and in time: receipts, reachability, answers. A process that stands still can't keep a
 * deadline, so a stall extends all deadlines of its process.
 */
import { Violation } from './violation.js';

export class Deadlines<T> {
  readonly #pending = new Map<number, { readonly due: number; readonly subject: T }>();
  readonly #done = new Set<number>();
  #stalledMs = 0;

  constructor(
    readonly invariant: string,
    readonly slackMs: number,
  ) {}

  expect(token: number, now: number, withinMs: number, subject: T): void {
    this.#pending.set(token, { due: now - this.#stalledMs + withinMs, subject });
  }

  /** What was due has come. */
  meet(token: number): T {
    const expected = this.#pending.get(token);
    if (expected === undefined) {
      const why = this.#done.has(token) ? 'a second time' : 'though never asked for';
      throw new Violation(this.invariant, `token ${token} came ${why}`);
    }
    this.#pending.delete(token);
    this.#done.add(token);
    return expected.subject;
  }

  /** It is no longer due. */
  cancel(token: number): void {
    this.#pending.delete(token);
  }

  /** Called at the end of each turn. All of one kind have the same time limit, so the oldest is due first. */
  check(now: number, stalledMs: number): void {
    this.#stalledMs += stalledMs;
    for (const [token, { due }] of this.#pending) {
      const lateMs = now - this.#stalledMs - due;
      if (lateMs > this.slackMs)
        throw new Violation(this.invariant, `token ${token} is ${lateMs.toFixed(1)} ms late`);
      return;
    }
  }

  /** Called at the end of the run: nothing may be outstanding. */
  finish(): void {
    const [token] = this.#pending.keys();
    if (token !== undefined) throw new Violation(this.invariant, `token ${token} never came`);
  }
}
