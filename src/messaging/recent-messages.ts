import type { Message } from '../wire/message.js';

/** How long a message is remembered at least, unless there are too many. */
export const WINDOW_MS = 120_000;
/** In each of the two generations. */
const MESSAGES_MAX = 50_000;

/**
 * Messages with an id of their sender that this node has delivered lately, and to how many connections: a retry must
 * not be delivered twice, and its sender wants the same count. Two generations: when the younger is full, or as
 * old as the window, the older is forgotten.
 */
export class RecentMessages {
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedAt: number;

  constructor(private readonly now: () => number = performance.now.bind(performance)) {
    this.#turnedAt = now();
  }

  /** Into how many queues it went then; undefined: it is new. */
  deliveredBefore(message: Message): number | undefined {
    this.#turn();
    const key = keyOf(message);
    return this.#young.get(key) ?? this.#old.get(key);
  }

  remember(message: Message, delivered: number): void {
    this.#young.set(keyOf(message), delivered);
  }

  #turn(): void {
    const age = this.now() - this.#turnedAt;
    if (age < WINDOW_MS && this.#young.size < MESSAGES_MAX) return;
    // after two windows without a message both are outdated
    this.#old = age < 2 * WINDOW_MS ? this.#young : new Map();
    this.#young = new Map();
    this.#turnedAt = this.now();
  }
}

/** Any of the three may contain any character. */
function keyOf({ from, to, messageId }: Message): string {
  return JSON.stringify([from, to, messageId]);
}
