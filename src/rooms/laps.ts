import type { Room } from './room.js';

/**
 * How long all rooms together may write in one turn of the event loop. Other work of the node waits no longer than
 * this, and a turn stays well below the 10 ms by which a large room may delay others.
 */
const SLICE_MS = 4;

/** Lets the rooms that have something to write take turns, a slice each, until nothing waits. */
export class Laps {
  /** Rooms with work, each once, in the order of their turns. */
  readonly #rooms = new Set<Room>();
  #next: NodeJS.Immediate | undefined;

  constructor(
    /** A room has nothing to write any more. */
    private readonly rested: (room: Room) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The room has work. */
  add(room: Room): void {
    this.#rooms.add(room);
    this.#next ??= setImmediate(this.#run);
  }

  stop(): void {
    clearImmediate(this.#next);
  }

  readonly #run = (): void => {
    const until = this.now() + SLICE_MS;
    const isOver = (): boolean => this.now() >= until;
    for (const room of this.#rooms) {
      // the room moves behind the others if its lap has not ended or more waits: a set yields it again in its new place
      this.#rooms.delete(room);
      room.walk(isOver);
      if (room.hasWork) this.#rooms.add(room);
      else this.rested(room);
      if (isOver()) break;
    }
    this.#next = this.#rooms.size === 0 ? undefined : setImmediate(this.#run);
  };
}
