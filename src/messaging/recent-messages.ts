import { hash } from 'node:crypto';
import type { Message } from '../wire/message.js';

/** How long a message is remembered at least, unless there are too many. */
export const WINDOW_MS = 120_000;
/** In each of the two generations. At some 100 bytes each, both take 11 MB at most. */
export const MESSAGES_MAX = 50_000;

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

  /** Delivers the message, which has an id, unless it was delivered before. Returns into how many queues it went then. */
  once(message: Message, deliver: () => number): number {
    this.#turn();
    const key = keyOf(message);
    const before = this.#young.get(key) ?? this.#old.get(key);
    if (before !== undefined) return before;
    const delivered = deliver();
    // what reached nobody may be tried again
    if (delivered > 0) this.#young.set(key, delivered);
    return delivered;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
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

/** A digest, for the three names may have 300 bytes and more. Any of them may contain any character. */
export function keyOf({ from, to, messageId }: Message): string {
  return hash('sha256', JSON.stringify([from, to, messageId]), 'base64');
}
