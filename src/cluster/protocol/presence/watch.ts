/**
 * A room that is watched here: its sources, who waits for their sets, and when something new is shown.
 *
 * announcing  other nodes are being told that the room is watched here, and no source was asked yet
 * complete    all nodes know it, and were asked
 * partial     those were asked that are known; some may not know that the room is watched here
 */
import type { NodeId } from '../contract.js';
import { next, type Transitions } from '../transitions.js';
import type { Count, Entry, SizeLimit } from './entry.js';
import type { Change, Whole } from './messages.js';
import { BATCH_MS } from './pace.js';
import { RoomView, type Member, type ViewChange } from './room-view.js';
import { Source } from './source.js';

export type WatchState = 'announcing' | 'complete' | 'partial';
export type WatchEvent = 'reachAll' | 'reachSome';

const TRANSITIONS: Transitions<WatchState, WatchEvent> = {
  announcing: { reachAll: 'complete', reachSome: 'partial' },
  complete: { reachAll: 'complete', reachSome: 'partial' },
  partial: { reachAll: 'complete', reachSome: 'partial' },
};

/** How long whoever begins to watch waits for the sets. */
const FIRST_LOOK_MS = 1_000;

/** What became of changes: there is a hole before them; they came before the answer; or they are in the view. */
export type Applied = 'hole' | 'early' | 'applied';

export class Watch {
  readonly #view: RoomView;
  readonly #sources = new Map<NodeId, Source>();
  #state: WatchState = 'announcing';
  /** Called when all sources have answered, or when the time for that is over. */
  #waiting: ((complete: boolean) => void)[] = [];
  #waitsUntil = Infinity;
  #showAt = Infinity;

  constructor(
    private readonly limit: SizeLimit,
    /** Its memory has grown by so many bytes. */
    grown: (bytes: number) => void,
  ) {
    this.#view = new RoomView(grown);
  }

  get state(): WatchState {
    return this.#state;
  }

  /** Sources were asked. Their answers are here, or still to come. */
  get hasAsked(): boolean {
    return this.#state !== 'announcing';
  }

  /** Something is to be shown soon. */
  get hasNews(): boolean {
    return this.#showAt !== Infinity;
  }

  /** Memory of the entries. */
  get bytes(): number {
    return this.#view.bytes;
  }

  /** When something is to be shown, asked or forgotten; Infinity: never. */
  get due(): number {
    let due = Math.min(this.#waitsUntil, this.#showAt);
    for (const source of this.#sources.values()) due = Math.min(due, source.due);
    return due;
  }

  /** The members as they were shown last; null: they are too many, see `count`. */
  get members(): Member[] | null {
    return this.limit.isExceeded ? null : this.#view.members();
  }

  get count(): Count {
    let { users, devices } = this.#view.count;
    for (const { set } of this.#sources.values()) {
      users += set.count?.users ?? 0;
      devices += set.count?.devices ?? 0;
    }
    return { users, devices };
  }

  /** `done` is called once, at once or later: see `PresenceBook.watch`. Returns until when it waits; Infinity: it does not. */
  wait(now: number, done: (complete: boolean) => void): number {
    if (this.#isSettled) {
      done(this.#state === 'complete');
      return Infinity;
    }
    this.#waiting.push(done);
    if (this.#waitsUntil === Infinity) this.#waitsUntil = now + FIRST_LOOK_MS;
    return this.#waitsUntil;
  }

  /** The announcement has had its time. `isComplete`: all nodes know it. The sources are asked now. */
  reach(isComplete: boolean): void {
    this.#state = next(TRANSITIONS, this.#state, isComplete ? 'reachAll' : 'reachSome');
  }

  /** The node is asked for its whole set now. Returns when it is asked again. */
  owe(now: number, node: NodeId): number {
    let source = this.#sources.get(node);
    if (source === undefined) {
      source = new Source();
      this.#sources.set(node, source);
    }
    return source.owe(now);
  }

  /** The node's whole set is waited for. */
  isOwedBy(node: NodeId): boolean {
    return this.#sources.get(node)?.isOwed === true;
  }

  /** The node is gone. Returns when what it told is forgotten: at `forgetAt`, or before; Infinity: it told nothing. */
  leave(node: NodeId, forgetAt: number): number {
    const source = this.#sources.get(node);
    if (source === undefined) return Infinity;
    const at = source.leave(forgetAt);
    this.settle();
    return at;
  }

  /** A connection of this node came, changed or went. */
  noteOwn(before: Entry | undefined, after: Entry | undefined): void {
    this.#view.note(before, after);
  }

  applyChange(node: NodeId, change: Change): Applied {
    const source = this.#sources.get(node);
    if (source === undefined || source.isOwed) return 'early';
    return source.set.apply(change, this.#view.note) ? 'applied' : 'hole';
  }

  /** Returns true when the last part has come. */
  applyWhole(node: NodeId, part: Whole): boolean {
    const source = this.#sources.get(node);
    if (source === undefined || !source.set.applyWhole(part, this.#view.note)) return false;
    source.complete();
    return true;
  }

  /** Those who wait for the sets go on when all have come. */
  settle(): void {
    if (this.#waiting.length > 0 && this.#isSettled) this.#release(this.#state === 'complete');
  }

  /** Nobody looks any more: those who still wait go on. */
  end(): void {
    this.#release(false);
  }

  /** Forgets what nodes told that did not come back. Returns the nodes that are to be asked again. */
  review(now: number): NodeId[] {
    const asked: NodeId[] = [];
    for (const [node, source] of this.#sources) {
      if (source.forget(now)) {
        source.set.clear(this.#view.note);
        this.#showAt = now;
        if (source.state === 'forgotten') this.#sources.delete(node);
      }
      if (source.askAgain(now)) asked.push(node);
    }
    if (this.#waitsUntil <= now) this.#release(false);
    return asked;
  }

  /** Something is new. Returns when it is shown. */
  showSoon(now: number): number {
    this.#showAt = Math.min(this.#showAt, now + BATCH_MS);
    return this.#showAt;
  }

  /** It is time to show what is new. */
  isShowDue(now: number): boolean {
    return this.#showAt <= now;
  }

  /**
   * What is new, to be shown now; null: the room is too large now, and is shown by `count`.
   *
   * @param isOwnCounted this node's own set is told by numbers
   */
  takeNews(now: number, isOwnCounted: boolean): ViewChange | null {
    this.#showAt = Infinity;
    let heldUntil = -Infinity;
    let isCounted = isOwnCounted;
    for (const { holdsUntil, set } of this.#sources.values()) {
      heldUntil = Math.max(heldUntil, holdsUntil);
      if (set.count !== null) isCounted = true;
    }
    const change = this.#view.takeChange(now < heldUntil);
    if (this.#view.isDirty) this.#showAt = Math.min(now + BATCH_MS, heldUntil);
    this.limit.judge(isCounted ? Infinity : this.#view.count.users, this.#view.infoBytes);
    return this.limit.isExceeded ? null : change;
  }

  /** No source owes its set. */
  get #isSettled(): boolean {
    if (!this.hasAsked) return false;
    for (const source of this.#sources.values()) if (source.isOwed) return false;
    return true;
  }

  #release(isComplete: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitsUntil = Infinity;
    for (const done of waiting) done(isComplete);
  }
}
