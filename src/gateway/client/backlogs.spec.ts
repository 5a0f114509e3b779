import { beforeEach, describe, expect, it } from '@jest/globals';
import { Backlogs, FROM_CLIENTS, TO_CLIENTS } from './backlogs.js';

const BYTES_MAX = 1600;
/** The limit for clients that are not being closed. */
const OPEN_MAX = 1200;

describe('backlogs of all clients', () => {
  let backlogs: Backlogs<Client>;
  let warnings: string[];

  class Client {
    backlogBytes = 0;
    unhandledBytes = 0;
    closedFor: string | null = null;
    isClosing = false;
    isCut = false;
    /** Bytes of this turn, written when the client is closed. */
    unwritten = 0;

    grow(bytes: number): this {
      this.backlogBytes += bytes;
      backlogs.grown(this);
      return this;
    }

    closeFor(why: string): void {
      this.closedFor = why;
      this.grow(this.unwritten);
      this.isClosing = true;
      backlogs.closing(this);
    }

    terminate(): void {
      this.isCut = true;
      this.backlogBytes = 0;
    }
  }

  const withBacklogs = (...bytes: number[]) => bytes.map((each) => new Client().grow(each));
  const closing = (clients: Client[]) => clients.map(({ isClosing }) => isClosing);

  beforeEach(() => {
    warnings = [];
    backlogs = new Backlogs(TO_CLIENTS, BYTES_MAX, { warn: (line: string) => warnings.push(line) });
  });

  it('may be as large as the limit for those that are not being closed', () => {
    expect(closing(withBacklogs(OPEN_MAX / 2, OPEN_MAX / 2))).toEqual([false, false]);
    expect(backlogs).toMatchObject({ bytes: OPEN_MAX, shed: 0 });
    expect(warnings).toEqual([]);
  });

  it('are too much together: the client that holds most is closed, not the one that came last', () => {
    const clients = withBacklogs(300, 700, 150, 51);
    expect(closing(clients)).toEqual([false, true, false, false]);
    expect(backlogs.shed).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('1201 of WS_BUFFER_TOTAL_BYTES=1600')]);
  });

  it('leave some room after a client was closed for them', () => {
    const clients = withBacklogs(100, 100, 200, 200, 200, 200, 200);
    expect(closing(clients)).not.toContain(true);
    clients[0]?.grow(10);
    expect(closing(clients).filter(Boolean)).toHaveLength(1);
    clients[0]?.grow(80);
    expect(closing(clients).filter(Boolean)).toHaveLength(1);
  });

  it('are measured again before a client is closed: clients may have taken what was sent', () => {
    const clients = withBacklogs(600, 600);
    for (const client of clients) client.backlogBytes = 100;
    const [late] = withBacklogs(900) as [Client];
    expect(closing([...clients, late])).toEqual([false, false, false]);
    expect(backlogs.bytes).toBe(1100);
  });

  it('of clients that are being closed stay until they are too much, then the largest is cut', () => {
    const [first, second] = withBacklogs(200, 500) as [Client, Client];
    for (const client of [first, second]) client.closeFor('kicked');
    const [third, fourth] = withBacklogs(500, 400) as [Client, Client];
    expect([first, second, third, fourth].map(({ isCut }) => isCut)).toEqual([false, false, false, false]);
    expect(backlogs.bytes).toBe(BYTES_MAX);
    third.grow(1);
    expect([first, second, third, fourth].map(({ isCut }) => isCut)).toEqual([false, true, false, false]);
    expect(closing([third, fourth])).toEqual([false, false]);
    expect(backlogs.bytes).toBe(1101);
  });

  it('of clients that are being closed to free memory may still grow', () => {
    const [slow] = withBacklogs(1000) as [Client];
    slow.unwritten = 500;
    const [other] = withBacklogs(300) as [Client];
    expect([slow.isClosing, slow.isCut, other.isClosing]).toEqual([true, true, false]);
    expect(backlogs.bytes).toBe(300);
  });

  it('in the other direction are counted by themselves, and closed with a code of their own', () => {
    const unhandled = new Backlogs<Client>(FROM_CLIENTS, BYTES_MAX, {
      warn: (line: string) => warnings.push(line),
    });
    const [reader, sender] = withBacklogs(OPEN_MAX, 0) as [Client, Client];
    sender.unhandledBytes = OPEN_MAX + 1;
    unhandled.grown(reader);
    unhandled.grown(sender);
    expect([reader.closedFor, sender.closedFor]).toEqual([null, 'unhandled']);
    expect(warnings).toEqual([expect.stringContaining('1201 of WS_UNHANDLED_TOTAL_BYTES=1600')]);
  });

  it('are forgotten with their clients', () => {
    const [open, closed] = withBacklogs(500, 500) as [Client, Client];
    closed.closeFor('kicked');
    for (const client of [open, closed]) backlogs.gone(client);
    expect(backlogs.bytes).toBe(0);
    expect(closing(withBacklogs(OPEN_MAX))).toEqual([false]);
  });
});
