import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Message } from '../wire/message.js';
import { keyOf, MESSAGES_MAX, RecentMessages, WINDOW_MS } from './recent-messages.js';

const message = (messageId: string, from: string | null = 'ann', to = 'bob'): Message => ({
  from,
  to,
  messageId,
  data: Buffer.from('1'),
});

describe('recent messages', () => {
  let now: number;
  let recent: RecentMessages;
  let delivered: number;

  const once = (what: Message, count = 1) =>
    recent.once(what, () => {
      delivered++;
      return count;
    });

  beforeEach(() => {
    now = 0;
    delivered = 0;
    recent = new RecentMessages(() => now);
  });

  it('are delivered once, and a retry gets the same count', () => {
    expect(once(message('1'), 3)).toBe(3);
    expect(once(message('1'), 4)).toBe(3);
    expect(delivered).toBe(1);
  });

  it('are delivered again when they reached nobody', () => {
    expect(once(message('1'), 0)).toBe(0);
    expect(once(message('1'), 2)).toBe(2);
    expect(recent.size).toBe(1);
  });

  it('differ by sender, receiver and id, whatever characters these have', () => {
    const others = [
      message('1'),
      message('1', 'bob'),
      message('1', null),
      message('1', 'null'),
      message('1', 'ann', 'ann'),
      message('"1'),
      message('1', 'ann","bob', ''),
      message('', 'ann', 'bob","1'),
    ];
    for (const other of others) once(other);
    expect(delivered).toBe(others.length);
  });

  it('are remembered for the window, and forgotten after two', () => {
    once(message('1'));
    now = WINDOW_MS;
    once(message('1'));
    expect(delivered).toBe(1);
    now = 3 * WINDOW_MS;
    once(message('1'));
    expect(delivered).toBe(2);
  });

  it('are bounded in number, and the latest are kept', () => {
    const last = 3 * MESSAGES_MAX;
    for (let i = 0; i <= last; i++) once(message(String(i)));
    expect(recent.size).toBeLessThanOrEqual(2 * MESSAGES_MAX);
    delivered = 0;
    once(message(String(last)));
    once(message('0'));
    expect(delivered).toBe(1);
  });

  it('have keys of the same length, however long the ids are', () => {
    const lengths = ['a', '\u0001', 'é', '🦊'].map(
      (c) => keyOf(message(c, c.repeat(32), c.repeat(32))).length,
    );
    expect(new Set(lengths).size).toBe(1);
  });
});
