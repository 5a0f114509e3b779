/**
 * What a node must not do while it is told that nothing is carried (R15): declare peers dead, take messages for peers, or
 * call an answer complete. Nor may it declare a peer dead because of the time before or in the outage.
 */
import type { ProtocolEvent, SendResult } from '../contract.js';
import { Violation } from './violation.js';

/** How the core begins the reason, when a peer was dropped for its silence. */
const SILENCE = 'no report';

export class OutageWatch {
  #isCutOff = false;
  #backAt = -Infinity;
  /** Of questions, of connections, and of messages for nobody elsewhere, that began in an outage. */
  readonly #tokens = new Set<number>();

  constructor(private readonly deadAfterMs: number) {}

  begin(): void {
    this.#isCutOff = true;
  }

  end(now: number): void {
    this.#isCutOff = false;
    this.#backAt = now;
  }

  noteAsked(token: number): void {
    if (this.#isCutOff && token !== 0) this.#tokens.add(token);
  }

  noteSent(result: SendResult): void {
    if (this.#isCutOff && result === 'queued') {
      throw new Violation('outage', 'a message for a peer is taken while nothing is carried');
    }
  }

  judge(event: ProtocolEvent, now: number): void {
    if (event.type === 'peer') {
      if (event.change === 'lost' && event.reason.startsWith(SILENCE)) this.#judgeDeath(now);
    } else if (event.type === 'receipt' || event.type === 'reachable' || event.type === 'answers') {
      if (this.#tokens.delete(event.token) && event.complete) {
        throw new Violation('outage', `a complete ${event.type} of what began while nothing was carried`);
      }
    }
  }

  #judgeDeath(now: number): void {
    if (this.#isCutOff) throw new Violation('outage', 'a peer is declared dead while nothing is carried');
    if (now - this.#backAt < this.deadAfterMs) {
      throw new Violation('outage', `declared dead ${(now - this.#backAt).toFixed(0)} ms after an outage`);
    }
  }
}
