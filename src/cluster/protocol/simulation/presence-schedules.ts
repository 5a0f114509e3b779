/** Directed schedules of presence. Each throws a `Violation` when a node shows what is not so. */
import { expectShown, GRACE_MS, Parties, STEP_MS, type Party } from './presence-parties.js';
import { Violation } from './violation.js';

/** After this time everything has been told, asked again and answered. */
const SETTLED_MS = 4_000;

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
  parties.loseAll();
  source.leave('ann');
  parties.run(300);
  parties.carryAll();
  source.book.dropped(parties.now, watcher.id);
  return world;
}

/** Who comes back at the last instant of the grace, on another node and over a slow way, was never gone. */
export function presenceReturnAtTheLastInstant(): void {
  const { parties, watcher, source } = watched(3);
  source.lose('ann');
  parties.run(GRACE_MS - STEP_MS);
  parties.slowDown(parties.at(2), 200);
  parties.at(2).enter('ann');
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann']);
}

/** A change is lost without a word. The next one shows the hole. */
export function presenceHoleInTheChanges(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.run(300);
  parties.loseAll();
  source.leave('ann');
  parties.run(300);
  parties.carryAll();
  source.enter('cem');
  parties.run(SETTLED_MS);
  expectShown(watcher, ['bob', 'cem'], ['ann']);
}

/** The last change is lost with its session. */
export function presenceNewSession(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.loseAll();
  parties.run(300);
  parties.carryAll();
  watcher.book.peerJoined(parties.now, source.id);
  parties.run(SETTLED_MS);
  expectShown(watcher, ['ann', 'bob']);
}

/** The last change is refused by a full queue. */
export function presenceRefusedChange(): void {
  const { parties, watcher, source } = watched(2);
  parties.refuseFrom(source);
  source.leave('ann');
  parties.run(300);
  parties.carryAll();
  parties.run(SETTLED_MS);
  expectShown(watcher, [], ['ann']);
}

/** What a node may have missed it can ask for only when the queue to the source has room again. */
export function presenceRefusedQuestion(): void {
  const { parties, watcher, source } = watched(2);
  source.enter('bob');
  parties.loseAll();
  parties.run(300);
  parties.refuseFrom(watcher);
  watcher.book.peerJoined(parties.now, source.id);
  parties.run(1_500);
  parties.carryAll();
  parties.run(500);
  expectShown(watcher, ['ann', 'bob']);
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
  parties.loseFrom(other);
  source.lose('ann');
  parties.run(500);
  other.enter('ann');
  parties.run(500);
  watcher.book.peerJoined(parties.now, other.id);
  parties.run(900);
  parties.carryAll();
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
  parties.loseFrom(slow);
  watcher.watch((complete) => answers.push(complete));
  watcher.reached();
  parties.run(500);
  if (answers.length > 0) throw new Violation('presence', 'a list is given before all sources have answered');
  parties.carryAll();
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
  parties.loseAll();
  source.leave('ann');
  parties.run(300);
  source.enter('bob');
  parties.carryAll();
  parties.run(300);
  expectShown(watcher, ['bob'], ['ann']);
}
