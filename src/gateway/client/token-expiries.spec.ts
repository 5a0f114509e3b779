import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { TokenExpiries } from './token-expiries.js';

const SECOND = 1000;
const HOUR = 3_600_000;
/** What the wall clock shows when the monotonic clock shows 0. */
const STARTED = 1_795_600_000_250;

class FakeConnection {
  expiresAt = Number.POSITIVE_INFINITY;
  expiryDeadline = Number.POSITIVE_INFINITY;
  expiryDue = 0;
  readonly sent: string[] = [];
  closedAt: number | null = null;

  constructor(
    private readonly now: () => number,
    readonly isEnveloped: boolean,
  ) {}

  /** Its token, just verified, is good until then, by the wall clock. */
  renew(expiresAt: number, expiries: TokenExpiries<FakeConnection>): void {
    this.expiresAt = expiresAt;
    this.expiryDeadline = expiries.deadlineOf(expiresAt);
    expiries.watch(this);
  }

  expiryFiled(second: number): void {
    this.expiryDue = second;
  }

  sendText(text: string): boolean {
    this.sent.push(text);
    return true;
  }

  closeFor(): void {
    this.closedAt = this.now();
  }
}

describe('the expiry of a token', () => {
  let now: number;
  /** How far the wall clock is off. */
  let off: number;
  let expiries: TokenExpiries<FakeConnection>;

  beforeEach(() => {
    Logger.overrideLogger(false);
    now = 123_456;
    off = 0;
    expiries = new TokenExpiries<FakeConnection>(
      () => now,
      () => STARTED + now + off,
    );
  });

  afterEach(() => expiries.stop());

  /** A connection whose token ends after so long, by the wall clock as it is. */
  function connect(leftMs: number | null, isEnveloped = false): FakeConnection {
    const connection = new FakeConnection(() => now, isEnveloped);
    connection.renew(leftMs === null ? Infinity : STARTED + now + off + leftMs, expiries);
    return connection;
  }

  /** Time goes by, second by second. */
  function pass(ms: number): void {
    for (const end = now + ms; now < end;) {
      now = Math.min(end, now + SECOND);
      expiries.look();
    }
  }

  it('ends the connection within a second, and no other', () => {
    const start = now;
    const [soon, later, never] = [connect(5 * SECOND), connect(60 * SECOND), connect(null)];
    pass(5 * SECOND - 1);
    expect(soon.closedAt).toBeNull();
    pass(SECOND + 1);
    expect((soon.closedAt ?? 0) - start).toBeGreaterThanOrEqual(5 * SECOND);
    expect([later.closedAt, never.closedAt]).toEqual([null, null]);
    pass(2 * HOUR);
    expect((later.closedAt ?? 0) - start).toBeLessThanOrEqual(61 * SECOND);
    expect(never.closedAt).toBeNull();
  });

  it('comes no later when the wall clock is set back', () => {
    const connection = connect(10 * SECOND);
    pass(3 * SECOND);
    off = -HOUR;
    const next = connect(5 * SECOND);
    pass(8 * SECOND);
    expect([connection.closedAt, next.closedAt]).not.toContain(null);
  });

  it('comes for those who connect after the wall clock was set back, as after the first look', () => {
    off = HOUR;
    connect(4 * SECOND);
    pass(6 * SECOND);
    off = 0;
    const connection = connect(4 * SECOND);
    pass(5 * SECOND);
    expect(connection.closedAt).not.toBeNull();
  });

  it('comes at once when the wall clock is set forward beyond it', () => {
    const [expired, valid] = [connect(HOUR), connect(3 * HOUR)];
    pass(10 * SECOND);
    off = 2 * HOUR;
    pass(2 * SECOND);
    expect(expired.closedAt).not.toBeNull();
    expect(valid.closedAt).toBeNull();
    pass(HOUR);
    expect(valid.closedAt).not.toBeNull();
  });

  it('comes when a clock that was behind at the verification is right again', () => {
    const early = connect(2 * HOUR);
    off = -HOUR;
    pass(SECOND);
    const connection = connect(HOUR + 60 * SECOND);
    off = 0;
    pass(2 * SECOND);
    expect(connection.closedAt).toBeNull();
    pass(62 * SECOND);
    expect(connection.closedAt).not.toBeNull();
    expect(early.closedAt).toBeNull();
  });

  it('comes after a machine was suspended, whose monotonic clock stood still', () => {
    const connection = connect(10 * 60 * SECOND);
    off = HOUR;
    pass(SECOND);
    expect(connection.closedAt).not.toBeNull();
  });

  it('is announced a minute before, half-way for shorter tokens, and only to clients that understand it', () => {
    const [long, short, bare] = [connect(HOUR, true), connect(10 * SECOND, true), connect(10 * SECOND)];
    pass(4 * SECOND);
    expect(short.sent).toEqual([]);
    pass(3 * SECOND);
    expect(short.sent).toEqual([
      `{"event":"token_expiring","data":{"expires_at":${short.expiresAt / 1000}}}`,
    ]);
    pass(HOUR - 68 * SECOND);
    expect(long.sent).toEqual([]);
    pass(2 * SECOND);
    expect([long.sent.length, long.closedAt]).toEqual([1, null]);
    expect(bare.sent).toEqual([]);
  });

  it('is counted anew for a newer token, and no more for a connection that has gone', () => {
    const [refreshed, gone] = [connect(5 * SECOND), connect(5 * SECOND)];
    refreshed.renew(STARTED + now + 60 * SECOND, expiries);
    expiries.forget(gone);
    pass(10 * SECOND);
    expect([refreshed.closedAt, gone.closedAt]).toEqual([null, null]);
    pass(55 * SECOND);
    expect(refreshed.closedAt).not.toBeNull();
  });
});
