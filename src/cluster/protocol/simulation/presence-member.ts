/** Presence on one node of the simulation: a book over the real core, and those who enter rooms and look at them. */
import type { ProtocolEvent, ProtocolNode } from '../contract.js';
import { PresenceBook } from '../presence/presence-book.js';
import type { Member } from '../presence/room-view.js';
import { GRACE_MS, type PresenceJudge, type Seen } from './presence-judge.js';
import type { Boot } from './timeline.js';
import { Violation } from './violation.js';

export const PRESENCE_CHANNEL = 'presence';

/** Tokens of joins that are ours. */
const FIRST_TOKEN = 1_000_000_000;
const REACH_AGAIN_MS = 300;

export class PresenceMember {
  readonly book: PresenceBook;
  readonly #entered = new Map<string, Seen>();
  readonly #shown = new Map<string, Map<string, Member>>();
  readonly #roomsByToken = new Map<number, string>();
  readonly #tokens = new Map<string, number>();
  /** Rooms of which not every node knows that they are watched here, and when that is tried again. */
  readonly #reachAgain = new Map<string, number>();
  #nextToken = FIRST_TOKEN;
  #now = 0;

  constructor(
    private readonly boot: Boot,
    private readonly node: ProtocolNode,
    private readonly judge: PresenceJudge,
    private readonly worldNow: () => number,
  ) {
    this.book = new PresenceBook(
      { graceMs: GRACE_MS, usersMax: 1_000, infoBytesMax: 65_536 },
      {
        tellWatchers: (name, message) =>
          node.publishToHolders(this.#now, { kind: 'watch', name }, PRESENCE_CHANNEL, bytesOf(message)),
        tell: (peer, message) => node.publishTo(this.#now, peer, PRESENCE_CHANNEL, bytesOf(message)),
        peers: () => node.peers().map(({ nodeId }) => nodeId),
        show: (room, change) => {
          const shown = this.#shown.get(room);
          if (shown === undefined || change === null)
            throw new Violation('presence', `${room} is not looked at`);
          for (const member of [...change.joined, ...change.updated]) shown.set(member.user, member);
          for (const user of change.left) {
            if (!shown.delete(user)) throw new Violation('presence', `${user} was not in ${room}`);
            this.judge.gone(this.boot.index, room, user, this.worldNow());
          }
        },
      },
    );
  }

  get watched(): string[] {
    return [...this.#shown.keys()];
  }

  get connections(): string[] {
    return [...this.#entered.keys()];
  }

  seen(connection: string): Seen {
    return this.#entered.get(connection) as Seen;
  }

  pollTimeout(): number {
    return Math.min(this.book.pollTimeout(), ...this.#reachAgain.values());
  }

  handleTimeout(now: number): void {
    this.#now = now;
    this.book.handleTimeout(now);
    for (const [room, at] of this.#reachAgain) {
      if (at > now) continue;
      this.#reachAgain.delete(room);
      // a second join asks again whether every node knows it
      this.#reach(now, room);
      this.node.leave(now, { kind: 'watch', name: room }, 0);
    }
  }

  enter(now: number, room: string, user: string, connection: string, info: string): void {
    this.#now = now;
    const at = Math.floor(this.worldNow());
    this.book.enter(now, room, { connection, user, at, info });
    const seen = { connection, room, user, info, at, boot: this.boot.index, enteredAt: this.worldNow() };
    this.#entered.set(connection, this.judge.entered(seen));
  }

  end(now: number, connection: string, isLost: boolean): void {
    this.#now = now;
    const seen = this.#entered.get(connection);
    if (seen === undefined) return;
    this.#entered.delete(connection);
    this.judge.ended(seen, this.worldNow(), isLost);
    if (isLost) this.book.lose(now, seen.room, connection);
    else this.book.exit(now, seen.room, connection);
  }

  watch(now: number, room: string): void {
    this.#now = now;
    if (this.#shown.has(room)) return;
    this.#shown.set(room, new Map());
    this.book.watch(now, room, () => undefined);
    this.#reach(now, room);
  }

  unwatch(now: number, room: string): void {
    this.#now = now;
    if (!this.#shown.delete(room)) return;
    this.book.unwatch(room);
    this.#reachAgain.delete(room);
    const token = this.#tokens.get(room) ?? 0;
    this.#tokens.delete(room);
    this.#roomsByToken.delete(token);
    this.node.leave(now, { kind: 'watch', name: room }, token);
  }

  /** Returns whether the event was for us. */
  handle(event: ProtocolEvent, now: number): boolean {
    this.#now = now;
    switch (event.type) {
      case 'reachable': {
        if (event.token < FIRST_TOKEN) return false;
        const room = this.#roomsByToken.get(event.token);
        this.#roomsByToken.delete(event.token);
        if (room === undefined || this.#tokens.get(room) !== event.token) return true;
        this.#tokens.delete(room);
        this.book.reached(now, room, event.complete);
        if (!event.complete) this.#reachAgain.set(room, now + REACH_AGAIN_MS);
        return true;
      }
      case 'publication':
        if (event.channel !== PRESENCE_CHANNEL) return false;
        this.#receive(now, event.peer, JSON.parse(event.body.toString('utf8')));
        if (this.book.malformed > 0) throw new Violation('presence', 'a message could not be read');
        return true;
      case 'peer':
        if (event.change === 'joined' || event.change === 'rejoined')
          this.book.peerJoined(now, event.peer.nodeId);
        else this.book.peerGone(now, event.peer.nodeId);
        return false;
      case 'gap':
        if (event.kind === 'incomplete' || event.kind === 'lost') this.book.dropped(now, event.peer);
        return false;
      default:
        return false;
    }
  }

  /** The process has ended. */
  ended(): void {
    for (const seen of this.#entered.values()) this.judge.ended(seen, this.worldNow(), true);
  }

  /** All is quiet. */
  compare(livingBoots: ReadonlySet<number>): void {
    for (const [room, shown] of this.#shown) {
      const members = [...shown.values()];
      this.judge.compare(this.boot.index, room, members, livingBoots);
      this.judge.compare(this.boot.index, room, this.book.members(room) ?? [], livingBoots);
    }
  }

  /** `put` has the entries that the message tells of. */
  #receive(now: number, peer: string, message: { put?: readonly (readonly [connection: string])[] }): void {
    for (const [connection] of message.put ?? []) this.judge.told(this.boot.index, connection);
    this.book.receive(now, peer, message);
  }

  #reach(now: number, room: string): void {
    const token = this.#nextToken++;
    this.#tokens.set(room, token);
    this.#roomsByToken.set(token, room);
    this.node.join(now, { kind: 'watch', name: room }, token);
  }
}

function bytesOf(message: unknown): Buffer {
  return Buffer.from(JSON.stringify(message));
}
