/**
 * Directed schedules of presence: books that talk to each other over ways that can be slow, lose things, and refuse. Each
 * throws a `Violation` when a node shows what is not so.
 */
import { PresenceBook } from '../presence/presence-book.js';
import { Violation } from './violation.js';

const GRACE_MS = 1_000;
const ROOM = 'r';
const STEP_MS = 5;
/** After this time everything has been told, asked again and answered. */
const SETTLED_MS = 4_000;

type Fate = 'arrives' | 'refused' | 'lost';

interface Underway {
  readonly at: number;
  readonly to: Party;
  readonly from: string;
  readonly text: string;
}

class Party {
  readonly book: PresenceBook;
  readonly shown = new Set<string>();
  readonly gone: string[] = [];
  /** The others know that this node watches. */
  isKnownToWatch = false;

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
    this.isKnownToWatch = true;
    this.book.reached(this.parties.now, ROOM, true);
  }
}

class Parties {
  now = 1_000;
  /** How long the way from a party is. */
  delayMs: (from: Party) => number = () => 1;
  /** What becomes of what is sent. */
  fate: (from: Party, to: Party) => Fate = () => 'arrives';
  readonly #all: readonly Party[];
  #underway: Underway[] = [];

  constructor(count: number) {
    this.#all = Array.from({ length: count }, (_, index) => new Party(`n${index}`, this));
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
    const fate = this.fate(from, to);
    if (fate === 'arrives') {
      this.#underway.push({
        at: this.now + this.delayMs(from),
        to,
        from: from.id,
        text: JSON.stringify(message),
      });
    }
    return fate !== 'refused';
  }

  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (; this.now < end; this.now += STEP_MS) {
      const due = this.#underway.filter(({ at }) => at <= this.now);
      this.#underway = this.#underway.filter(({ at }) => at > this.now);
      for (const { to, from, text } of due) to.book.receive(this.now, from, JSON.parse(text));
      for (const { book } of this.#all) if (book.pollTimeout() <= this.now) book.handleTimeout(this.now);
    }
  }
}

function expectShown(party: Party, users: readonly string[], gone: readonly string[] = []): void {
  const is = [...party.shown].sort().join();
  const should = [...users].sort().join();
  if (is !== should) throw new Violation('presence', `shown is "${is}", there are "${should}"`);
  if (party.gone.join() !== gone.join())
    throw new Violation('presence', `shown as gone: "${party.gone.join()}"`);
}

/** A watcher and others; all that is there is shown. */
function watched(count: number): { parties: Parties; watcher: Party; source: Party } {
  const parties = new Parties(count);
  const [watcher, source] = [parties.at(0), parties.at(1)];
  watcher.watch();
  watcher.reached();
  source.enter('ann');
  parties.run(500);
  expectShown(watcher, ['ann']);
  return { parties, watcher, source };
}

/** The same, and the last change was taken, and dropped from the queue later. The source has just learnt it. */
function dropped(): ReturnType<typeof watched> {
  const world = watched(2);
  const { parties, watcher, source } = world;
  parties.fate = () => 'lost';
  source.leave('ann');
  parties.run(300);
  parties.fate = () => 'arrives';
  source.book.dropped(parties.now, watcher.id);
  return world;
}

/** Who comes back at the last instant of the grace, on another node and over a slow way, was never gone. */
export function presenceReturnAtTheLastInstant(): void {
  const { parties, watcher, source } = watched(3);
  source.lose('ann');
  parties.run(GRACE_MS - STEP_MS);
  parties.delayMs = (from) => (from === parties.at(2) ? 200 : 1);
  parties.at(2).enter('ann');
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann']);
}

/** A change is lost without a word. The next one shows the hole. */
export function presenceHoleInTheChanges(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.run(300);
  parties.fate = () => 'lost';
  source.leave('ann');
  parties.run(300);
  parties.fate = () => 'arrives';
  source.enter('cem');
  parties.run(SETTLED_MS);
  expectShown(watcher, ['bob', 'cem'], ['ann']);
}

/** The last change is lost with its session. */
export function presenceNewSession(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.fate = () => 'lost';
  parties.run(300);
  parties.fate = () => 'arrives';
  watcher.book.peerJoined(parties.now, source.id);
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann', 'bob']);
}

/** The last change is refused by a full queue. */
export function presenceRefusedChange(): void {
  const { parties, watcher, source } = watched(2);
  parties.fate = (from) => (from === source ? 'refused' : 'arrives');
  source.leave('ann');
  parties.run(300);
  parties.fate = () => 'arrives';
  parties.run(SETTLED_MS);
  expectShown(watcher, [], ['ann']);
}

/** The last change was taken, and dropped from the queue later. */
export function presenceDroppedChange(): void {
  const { parties, watcher } = dropped();
  parties.run(SETTLED_MS);
  expectShown(watcher, [], ['ann']);
}

/** The same, and before the source says so it gets a new session from the watcher, whose own one goes on. */
export function presenceDroppedBeforeANewSession(): void {
  const { parties, watcher, source } = dropped();
  source.book.peerJoined(parties.now, watcher.id);
  parties.run(SETTLED_MS);
  expectShown(watcher, [], ['ann']);
}

/** Somebody comes while not every node knows yet that the room is watched. */
export function presenceChangeBeforeTheBarrier(): void {
  const parties = new Parties(2);
  const [watcher, source] = [parties.at(0), parties.at(1)];
  source.enter('ann');
  parties.run(300);
  watcher.watch();
  parties.run(20);
  source.enter('bob');
  parties.run(120);
  watcher.reached();
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann', 'bob']);
}

/** A user moves to another node while that one's session is made anew: its answer comes late. */
export function presenceOwedSet(): void {
  const { parties, watcher, source } = watched(3);
  const other = parties.at(2);
  parties.fate = (from) => (from === other ? 'lost' : 'arrives');
  source.lose('ann');
  parties.run(500);
  other.enter('ann');
  parties.run(500);
  watcher.book.peerJoined(parties.now, other.id);
  parties.run(900);
  parties.fate = () => 'arrives';
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann']);
}

/** Whoever begins to look waits for all sources, and no longer than a second. */
export function presenceFirstLook(): void {
  const parties = new Parties(3);
  const [watcher, slow] = [parties.at(0), parties.at(2)];
  const answers: boolean[] = [];
  parties.at(1).enter('ann');
  slow.enter('bob');
  parties.run(300);
  parties.fate = (from) => (from === slow ? 'lost' : 'arrives');
  watcher.watch((complete) => answers.push(complete));
  watcher.reached();
  parties.run(500);
  if (answers.length > 0) throw new Violation('presence', 'a list is given before all sources have answered');
  parties.fate = () => 'arrives';
  parties.run(1_000);
  if (answers.join() !== 'false') throw new Violation('presence', `the answers are ${answers.join()}`);
  watcher.watch((complete) => answers.push(complete));
  parties.run(1_500);
  if (answers.join() !== 'false,true') throw new Violation('presence', `the answers are ${answers.join()}`);
  expectShown(watcher, ['ann', 'bob']);
}

/** The source dies in the grace of its connection; the same boot is found again. */
export function presenceDeathInTheGrace(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.run(300);
  source.lose('ann');
  parties.run(300);
  watcher.book.peerGone(parties.now, source.id);
  parties.run(GRACE_MS);
  expectShown(watcher, ['ann', 'bob']);
  watcher.book.peerJoined(parties.now, source.id);
  parties.run(SETTLED_MS);
  expectShown(watcher, ['bob'], ['ann']);
  watcher.book.peerGone(parties.now, source.id);
  parties.run(SETTLED_MS);
  expectShown(watcher, [], ['ann', 'bob']);
}

/** A set that was told, and has been empty for long, begins anew. */
export function presenceSetBeginsAnew(): void {
  const { parties, watcher, source } = watched(2);
  parties.fate = () => 'lost';
  source.leave('ann');
  parties.run(300);
  source.enter('bob');
  parties.fate = () => 'arrives';
  parties.run(300);
  expectShown(watcher, ['bob'], ['ann']);
}
