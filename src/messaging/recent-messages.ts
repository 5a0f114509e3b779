import { hash } from 'node:crypto';
import type { Message } from '../wire/message.js';

/** A message is remembered for at least this long, unless there are too many. */
export const WINDOW_MS = 120_000;
/** The limit of each of the two generations. At some 100 bytes a message, both take 11 MB at most. */
export const MESSAGES_MAX = 50_000;

/**
 * The messages with a `message_id` that this node has delivered lately, and to how many connections each went. A
 * retry is not delivered again, and its sender gets the same count. There are two generations: when the younger is
 * full, or as old as the window, the older is forgotten.
 */
export class RecentMessages {
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedAt: number;

  constructor(private readonly now: () => number = performance.now.bind(performance)) {
    this.#turnedAt = now();
  }

  /**
   * Delivers a message that has an id, unless it was delivered before. Returns into how many queues it went the first
   * time.
   */
  once(message: Message, deliver: () => number): number {
    const key = keyOf(message);
    const before = this.find(key);
    if (before !== undefined) return before;
    const delivered = deliver();
    this.remember(key, delivered);
    return delivered;
  }

  /** Into how many queues the message with this key went; undefined: it is not remembered. */
  find(key: string): number | undefined {
    this.#turn();
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** A message that reached nobody is not remembered: it may be delivered by a retry. */
  remember(key: string, delivered: number): void {
    if (delivered > 0) this.#young.set(key, delivered);
    else this.#young.delete(key);
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

/** A digest, because the three ids may have more than 300 bytes. Any of them may contain any character. */
export function keyOf({ from, to, messageId }: Pick<Message, 'from' | 'to' | 'messageId'>): string {
  return hash('sha256', JSON.stringify([from, to, messageId]), 'base64');
}
