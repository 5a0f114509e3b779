import type { Device } from '../connections/device.js';
import type { SharedFrame } from '../wire/shared-frame.js';

/** How a connection is seen in a room. */
export interface Entrance {
  /** JSON text; '': none. */
  readonly info: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One connection in one room. */
export class Membership {
  #index: number;
  #mayPublish: boolean | undefined;
  #entrance: Entrance | null = null;

  /**
   * @param number grows with each join: it shows which members joined before a message was accepted
   * @param index its place in the list of members
   */
  constructor(
    readonly device: Device,
    readonly room: Room,
    readonly number: number,
    index: number,
  ) {
    this.#index = index;
  }

  get index(): number {
    return this.#index;
  }

  /** What the RoomPolicy said; undefined: it must be asked. */
  get mayPublish(): boolean | undefined {
    return this.#mayPublish;
  }

  /** Null: those who look at the room do not see it. */
  get entrance(): Entrance | null {
    return this.#entrance;
  }

  enter(entrance: Entrance | null): void {
    this.#entrance = entrance;
  }

  moveTo(index: number): void {
    this.#index = index;
  }

  /** The RoomPolicy was asked whether the member may publish. */
  remember(mayPublish: boolean): void {
    this.#mayPublish = mayPublish;
  }

  /** The RoomPolicy is to be asked again: the connection's token was replaced. */
  forgetVerdict(): void {
    this.#mayPublish = undefined;
  }
}

/** A message on its way to the members here. */
export interface Publication {
  readonly frame: SharedFrame;
  /** For members that do not speak `lanfare.v1.json`. No room has any, but everybody is a room too. */
  readonly bareFrame?: SharedFrame;
  /** The connection that does not get it; null: all members get it. */
  readonly except: Device | null;
  /** Called once, when all members were written to. `delivered`: into how many queues the message went. */
  readonly done: (delivered: number) => void;
}

interface Waiting extends Publication {
  /** The message is for members with a smaller number: they joined before it was accepted. */
  readonly before: number;
  delivered: number;
}

/** How many members are written to between two looks at the clock: some 100 us. */
const MEMBERS_PER_LOOK = 8;
/** A room with so many members or fewer is written to at once. */
const SMALL = 64;

/**
 * The members of one room on this node, and what waits for them.
 *
 * A *lap* takes all that waits and walks the members once: each gets, in one write, what was accepted after it joined.
 * What is accepted during a lap waits for the next. So every member gets everything in order, and the longer a lap
 * takes, the more one write carries. A walk may stop anywhere and go on in a later turn. A member that leaves becomes a
 * hole at once, and gets nothing more. Holes are closed between laps.
 */
export class Room {
  readonly #members: (Membership | null)[] = [];
  #holes = 0;
  #nextNumber = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The messages of the present lap; null: there is no lap. */
  #lap: Waiting[] | null = null;
  #lapBytes = 0;
  /** Where the walk goes on, and where it ends. */
  #at = 0;
  #end = 0;

  constructor(readonly name: string) {}

  /** Members here. */
  get size(): number {
    return this.#members.length - this.#holes;
  }

  /** Messages that wait, or are being written. */
  get messages(): number {
    return this.#waiting.length + (this.#lap?.length ?? 0);
  }

  /** The bytes of these messages. */
  get bytes(): number {
    return this.#waitingBytes + this.#lapBytes;
  }

  get hasWork(): boolean {
    return this.messages > 0;
  }

  *devices(): IterableIterator<Device> {
    for (const { device } of this.memberships()) yield device;
  }

  *memberships(): IterableIterator<Membership> {
    for (const member of this.#members) if (member !== null) yield member;
  }

  add(device: Device): Membership {
    const member = new Membership(device, this, this.#nextNumber++, this.#members.length);
    this.#members.push(member);
    return member;
  }

  remove({ index }: Membership): void {
    this.#members[index] = null;
    this.#holes++;
    if (this.#lap === null) this.#closeHoles();
  }

  /** Writes to all members at once, if they are few and nothing waits. Else it returns false, and does nothing. */
  writeNow(publication: Publication): boolean {
    if (this.size > SMALL || this.hasWork) return false;
    let delivered = 0;
    for (const member of this.#members) {
      if (member !== null && member.device !== publication.except && deliver(member.device, publication)) {
        delivered++;
      }
    }
    publication.done(delivered);
    return true;
  }

  enqueue(publication: Publication): void {
    this.#waiting.push({ ...publication, before: this.#nextNumber, delivered: 0 });
    this.#waitingBytes += publication.frame.bytes.length;
  }

  /** Walks on until `isOver` returns true. Returns true when the lap has ended. */
  walk(isOver: () => boolean): boolean {
    const lap = (this.#lap ??= this.#beginLap());
    while (this.#at < this.#end) {
      const stop = Math.min(this.#at + MEMBERS_PER_LOOK, this.#end);
      for (; this.#at < stop; this.#at++) {
        const member = this.#members[this.#at];
        if (member) writeTo(member, lap);
      }
      if (isOver() && this.#at < this.#end) return false;
    }
    this.#lap = null;
    this.#lapBytes = 0;
    this.#closeHoles();
    for (const { done, delivered } of lap) done(delivered);
    return true;
  }

  #beginLap(): Waiting[] {
    const lap = this.#waiting;
    this.#waiting = [];
    this.#lapBytes = this.#waitingBytes;
    this.#waitingBytes = 0;
    this.#at = 0;
    // members that join from now on stand behind this place
    this.#end = this.#members.length;
    return lap;
  }

  /** Closes holes when they are half of all places, so that each hole costs a constant time. */
  #closeHoles(): void {
    if (this.#holes * 2 < this.#members.length) return;
    let end = 0;
    for (const member of this.#members) {
      if (member === null) continue;
      member.moveTo(end);
      this.#members[end++] = member;
    }
    this.#members.length = end;
    this.#holes = 0;
  }
}

function writeTo({ device, number }: Membership, lap: readonly Waiting[]): void {
  for (const message of lap) {
    if (number >= message.before || device === message.except) continue;
    if (deliver(device, message)) message.delivered++;
  }
  device.flush();
}

function deliver(device: Device, { frame, bareFrame }: Publication): boolean {
  return device.deliverFrame(device.isEnveloped || bareFrame === undefined ? frame : bareFrame);
}
