/**
 * Nodes that have nothing but presence: books that talk to each other over ways that can be slow, lose things, and refuse.
 */
import { PresenceBook } from '../presence/presence-book.js';
import { Violation } from './violation.js';

export const GRACE_MS = 1_000;
const ROOM = 'r';
export const STEP_MS = 5;
/** How long the way from a party is. */
const DELAY_MS = 1;
type Fate = 'arrives' | 'refused' | 'lost';

interface Underway {
  readonly at: number;
  readonly to: Party;
  readonly from: string;
  readonly text: string;
}

export class Party {
  readonly book: PresenceBook;
  readonly shown = new Set<string>();
  readonly gone: string[] = [];
  #isKnownToWatch = false;

  constructor(
    readonly id: string,
    private readonly parties: Parties,
  ) {
    this.book = new PresenceBook(
      { graceMs: GRACE_MS, usersMax: 100, infoBytesMax: 10_000 },
      {
        tellWatchers: (_room, message) =>
          parties.others(this).flatMap((other) => {
            const isTaken = !other.isKnownToWatch || parties.send(this, other, message);
            return isTaken ? [] : [other.id];
          }),
        tell: (id, message) => parties.send(this, parties.withId(id), message),
        peers: () => parties.others(this).map(({ id: other }) => other),
        show: (_room, change) => {
          for (const { user } of change?.joined ?? []) this.shown.add(user);
          for (const user of change?.left ?? []) {
            this.shown.delete(user);
            this.gone.push(user);
          }
        },
      },
    );
  }

  /** The others know that this node watches. */
  get isKnownToWatch(): boolean {
    return this.#isKnownToWatch;
  }

  enter(user: string): void {
    const { now } = this.parties;
    this.book.enter(now, ROOM, { connection: `${this.id} ${user}`, user, at: now, info: '' });
  }

  leave(user: string): void {
    this.book.exit(this.parties.now, ROOM, `${this.id} ${user}`);
  }

  lose(user: string): void {
    this.book.lose(this.parties.now, ROOM, `${this.id} ${user}`);
  }

  watch(done: (complete: boolean) => void = () => undefined): void {
    this.book.watch(this.parties.now, ROOM, done);
  }

  /** Every node knows that it watches. */
  reached(): void {
    this.#isKnownToWatch = true;
    this.book.reached(this.parties.now, ROOM, true);
  }
}

export class Parties {
  readonly #all: readonly Party[];
  readonly #delaysMs = new Map<Party, number>();
  /** What becomes of what a party sends. */
  #fateOf: (from: Party) => Fate = () => 'arrives';
  #now = 1_000;
  #underway: Underway[] = [];

  constructor(count: number) {
    this.#all = Array.from({ length: count }, (_, index) => new Party(`n${index}`, this));
  }

  get now(): number {
    return this.#now;
  }

  /** What is sent arrives again. */
  carryAll(): void {
    this.#fateOf = () => 'arrives';
  }

  /** What is sent is lost without a word. */
  loseAll(): void {
    this.#fateOf = () => 'lost';
  }

  /** The same, of what one party sends. */
  loseFrom(party: Party): void {
    this.#fateOf = (from) => (from === party ? 'lost' : 'arrives');
  }

  /** What the party wants to send is refused: it is told so. */
  refuseFrom(party: Party): void {
    this.#fateOf = (from) => (from === party ? 'refused' : 'arrives');
  }

  /** What the party sends takes so long. */
  slowDown(party: Party, milliseconds: number): void {
    this.#delaysMs.set(party, milliseconds);
  }

  at(index: number): Party {
    return this.#all[index] as Party;
  }

  withId(id: string): Party {
    return this.#all.find((party) => party.id === id) as Party;
  }

  others(party: Party): Party[] {
    return this.#all.filter((other) => other !== party);
  }

  send(from: Party, to: Party, message: unknown): boolean {
    const fate = this.#fateOf(from);
    if (fate === 'arrives') {
      this.#underway.push({
        at: this.#now + (this.#delaysMs.get(from) ?? DELAY_MS),
        to,
        from: from.id,
        text: JSON.stringify(message),
      });
    }
    return fate !== 'refused';
  }

  run(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (; this.#now < end; this.#now += STEP_MS) {
      const due = this.#underway.filter(({ at }) => at <= this.#now);
      this.#underway = this.#underway.filter(({ at }) => at > this.#now);
      for (const { to, from, text } of due) to.book.receive(this.#now, from, JSON.parse(text));
      for (const { book } of this.#all) if (book.pollTimeout() <= this.#now) book.handleTimeout(this.#now);
    }
  }
}

/** Throws a `Violation` if the party shows other users, or has shown others as gone. */
export function expectShown(party: Party, users: readonly string[], gone: readonly string[] = []): void {
  const is = [...party.shown].sort().join();
  const should = [...users].sort().join();
  if (is !== should) throw new Violation('presence', `shown is "${is}", there are "${should}"`);
  if (party.gone.join() !== gone.join())
    throw new Violation('presence', `shown as gone: "${party.gone.join()}"`);
}
