/**
 * Which way a message to a room takes to each node that holds it: unicast, or one record of the broadcast stream for many.
 *
 * Theory of operation. A broadcast record names those that must ignore it. So "by broadcast" and "by unicast to each" reach
 * the same nodes, and receipts are the same. It is only cheaper to write. Nothing orders the two streams against each
 * other, so for each room and receiver one way at a time is used: the way changes only when everything of that room on the
 * other one has been applied there, or never can be. The sender knows that from acks that exist. The receiver keeps
 * nothing for it.
 *
 * Rules.
 * - Of a room with unacked messages its *marks* are kept: the last broadcast record that has a part of its last message,
 *   and for each peer the last unicast record. An open mark ties the peer to its way.
 * - A peer without a session gets unicast, which is kept for it. So does one that does not know these records.
 * - A peer that was dropped may not know it yet. A broadcast record names its former session too (FormerSessions).
 * - A peer that a room's own marks tie to both ways gets unicast: all broadcast records of the room that it has not applied
 *   name it as one that must ignore them.
 * - A mark of a former session is open as long as something is unacked that was carried into the present one.
 * - Broadcast is begun for more than half of the nodes, and more than three. It is not begun for a laggard, nor when the
 *   records of rooms would fill more than half of the window or a quarter of the ring: announcements wait behind them.
 *   Once a peer is tied to it, a message that has no room there is refused.
 * - A busy room has always something unacked, so it would never leave unicast. Where broadcast is wished for, acks of some of
 *   its records are wanted at once: the next pause in the room is enough then, if it is longer than the way there and back.
 * - Beyond `roomMarksMax` rooms the oldest marks are folded into one for all rooms without an entry. Such a mark may tie
 *   a peer longer than necessary. It never frees one.
 */
import { Fifo } from '../fifo.js';
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';

const WINDOW_SHARE = 1 / 2;
const RING_SHARE = 1 / 4;
/** Of the window: when so little is unacked, senders that were refused may go on. */
const RELIEVED_SHARE = 1 / 4;
/** Larger messages go by unicast: they would keep the broadcast stream busy for long. */
const BROADCAST_BYTES_MAX = 65_536;
/** Rooms whose marks are looked at when a room gets an entry. */
const SWEPT_PER_ENTRY = 4;
/** Acks of a room that should go by broadcast are hurried so often. */
const HURRIED_EVERY_MS = 100;
/** The most sessions that a record names. In a larger cluster all goes by unicast. */
const NOT_LIST_MAX = 255;

/** The last unicast record with something for the room, in the numbers of one session. */
interface UnicastMark {
  readonly session: number;
  readonly sequence: number;
}

interface Marks {
  lastBroadcast: number;
  /** By the peer's index. Not by the peer: one that is gone, with all that was queued for it, would be kept. */
  readonly unicast: Map<number, UnicastMark>;
}

interface RoomMarks extends Marks {
  readonly room: string;
  /** When acks were last wanted soon. */
  hurriedAt: number;
}

/** Which way a peer must get a room's next message. */
type Tie = 'unicast' | 'broadcast' | 'free' | 'both';

export interface Paths {
  readonly unicast: readonly Peer[];
  readonly broadcast: readonly Peer[];
  /** Acks from those who get it by unicast are wanted soon: they are what keeps the room from the broadcast. */
  readonly isUrgent: boolean;
}

type Parts = Pick<
  NodeParts,
  'broadcast' | 'flow' | 'limits' | 'members' | 'options' | 'recordBytes' | 'routes'
>;

export class RoomPaths {
  /** By the name of the room, which is empty for everybody. */
  readonly #marks = new Map<string, RoomMarks>();
  /** The same: those that were looked at longest ago come first. A Map is a slow queue: it walks over what was removed. */
  readonly #order = new Fifo<RoomMarks>();
  readonly #folded: Marks = { lastBroadcast: 0, unicast: new Map() };

  constructor(private readonly parts: Parts) {}

  /**
   * The ways for a message to `holders[0..count)`.
   *
   * @param bytes with its head, about
   * @returns 'full': somebody must get it by broadcast, where it has no room
   */
  choose(now: number, room: string, holders: readonly Peer[], count: number, bytes: number): Paths | 'full' {
    const marks = this.#marks.get(room);
    const all = holders.slice(0, count);
    const lastBroadcast = Math.max(marks?.lastBroadcast ?? 0, this.#folded.lastBroadcast);
    const isWished = this.#isWished(count, bytes);
    if (!isWished && lastBroadcast === 0) return { unicast: all, broadcast: [], isUrgent: false };
    const unicast: Peer[] = [];
    const free: Peer[] = [];
    const tied: Peer[] = [];
    for (const peer of all) {
      const way = peer.outgoing.isOpen && peer.knowsBroadcastRooms ? this.#tieOf(peer, marks) : 'unicast';
      if (way === 'both') return 'full';
      if (way === 'unicast') unicast.push(peer);
      else if (way === 'broadcast') tied.push(peer);
      else free.push(peer);
    }
    const isUrgent = isWished && unicast.length > 0 && marks !== undefined && mayHurry(now, marks);
    const isFree = isWished && free.every(({ outgoing }) => !outgoing.windowStanding.isLaggard);
    const isBegun = isFree && tied.length + free.length > this.#holdersBelow;
    const onlyUnicast = { unicast: all, broadcast: [], isUrgent };
    if (tied.length === 0 && !isBegun) return onlyUnicast;
    if (!this.#mayBroadcast(bytes)) return tied.length === 0 ? onlyUnicast : 'full';
    const broadcast = isFree ? tied.concat(free) : tied;
    return { unicast: isFree ? unicast : unicast.concat(free), broadcast, isUrgent };
  }

  /** Whether a volatile message should reach these holders by one broadcast. */
  isWorthBroadcast(takers: readonly Peer[], bytes: number): boolean {
    return (
      this.#isWished(takers.length, bytes) &&
      takers.every(({ outgoing }) => !outgoing.windowStanding.isLaggard)
    );
  }

  /** There is room again for messages that must go by broadcast. */
  get isRelieved(): boolean {
    return this.parts.broadcast.records <= this.parts.flow.broadcastWindow * RELIEVED_SHARE;
  }

  /** The sessions of those that must ignore the record which `receivers` get. */
  notListFor(receivers: readonly Peer[]): number[] {
    const { all, formerSessions } = this.parts.members;
    const others = all.filter(
      (peer) => peer.outgoing.isOpen && peer.knowsBroadcastRooms && !receivers.includes(peer),
    );
    return [...others.map(({ outgoing }) => outgoing.id), ...formerSessions.ids];
  }

  /** A message to the room was written into our stream to the peer. */
  noteUnicast(room: string, peer: Peer): void {
    if (this.parts.options.mode === 'mesh') return;
    const { id, stream } = peer.outgoing;
    const mark = { session: id, sequence: stream.lastAppended };
    const { limits, routes } = this.parts;
    const own = this.#marks.get(room);
    // where no room goes by broadcast, one mark for all is enough
    const isFolded = own === undefined && routes.broadcastTakers < limits.broadcastHoldersMin;
    this.#mark(isFolded ? this.#folded : (own ?? this.#marksOf(room)), peer, mark);
  }

  /** A message to the room was written into the broadcast stream. */
  noteBroadcast(room: string): void {
    this.#marksOf(room).lastBroadcast = this.parts.broadcast.lastAppended;
  }

  /** More holders than this are worth a broadcast. */
  get #holdersBelow(): number {
    const { limits, members } = this.parts;
    return Math.max(limits.broadcastHoldersMin - 1, (members.size + 1) / 2);
  }

  #isWished(count: number, bytes: number): boolean {
    return this.parts.options.mode === 'broadcast' && count > this.#holdersBelow && this.#mayBroadcast(bytes);
  }

  #mayBroadcast(bytes: number): boolean {
    const { formerSessions, size } = this.parts.members;
    const isNameable = size + formerSessions.size <= NOT_LIST_MAX;
    return isNameable && bytes <= BROADCAST_BYTES_MAX && this.#hasRoom(bytes);
  }

  #hasRoom(bytes: number): boolean {
    const { broadcast, limits, recordBytes } = this.parts;
    const records = broadcast.records + Math.ceil(bytes / recordBytes);
    return (
      records <= Math.max(1, this.parts.flow.broadcastWindow * WINDOW_SHARE) &&
      records <= limits.broadcastRingRecords * RING_SHARE &&
      broadcast.bytes + bytes <= limits.broadcastRingBytes * RING_SHARE
    );
  }

  /**
   * A room's own unicast mark is exact: whatever it has in the broadcast stream, the peer must ignore. Folded marks may be of
   * this room or of others. So if they tie the peer to the other way than its own mark, or to both, the room has to wait.
   */
  #tieOf(peer: Peer, marks: Marks | undefined): Tie {
    const own = marks === undefined ? 'free' : tieBy(peer, marks);
    if (own === 'unicast' || own === 'both') return 'unicast';
    const folded = tieBy(peer, this.#folded);
    if (own === 'free') return folded;
    return folded === 'unicast' || folded === 'both' ? 'both' : 'broadcast';
  }

  #marksOf(room: string): Marks {
    const known = this.#marks.get(room);
    if (known !== undefined) return known;
    this.#sweep();
    const marks: RoomMarks = { room, lastBroadcast: 0, unicast: new Map(), hurriedAt: -Infinity };
    this.#marks.set(room, marks);
    this.#order.push(marks);
    return marks;
  }

  /** Removes marks that tie nobody any more, a few at a time. Beyond the limit the oldest are folded. */
  #sweep(): void {
    for (let looked = 0; looked < SWEPT_PER_ENTRY; looked += 1) {
      const marks = this.#order.shift();
      if (marks === undefined) break;
      // what still ties somebody is looked at again when all others were
      if (this.#tiesSomebody(marks)) this.#order.push(marks);
      else this.#marks.delete(marks.room);
    }
    if (this.#marks.size < this.parts.limits.roomMarksMax) return;
    const oldest = this.#order.shift();
    if (oldest === undefined) return;
    this.#marks.delete(oldest.room);
    this.#fold(oldest);
  }

  #fold({ lastBroadcast, unicast }: Marks): void {
    const folded = this.#folded;
    folded.lastBroadcast = Math.max(folded.lastBroadcast, lastBroadcast);
    for (const peer of this.parts.members.all) {
      const mark = unicast.get(peer.index);
      const before = folded.unicast.get(peer.index);
      if (mark !== undefined && (before === undefined || isOlder(before, mark)))
        this.#mark(folded, peer, mark);
    }
  }

  /** There are at most as many marks as members: those of peers that are gone are removed. */
  #mark({ unicast }: Marks, peer: Peer, mark: UnicastMark): void {
    unicast.set(peer.index, mark);
    const { members } = this.parts;
    if (unicast.size <= members.size) return;
    const present = new Set(members.all.map(({ index }) => index));
    for (const index of unicast.keys()) if (!present.has(index)) unicast.delete(index);
  }

  #tiesSomebody({ lastBroadcast, unicast }: Marks): boolean {
    const isTied = (peer: Peer): boolean =>
      (peer.outgoing.isOpen && lastBroadcast > peer.outgoing.broadcastNeededAfter) ||
      isOpenMark(peer, unicast.get(peer.index));
    return this.parts.members.all.some(isTied);
  }
}

/** So often and no more: each time costs an ack of every peer. */
function mayHurry(now: number, marks: RoomMarks): boolean {
  if (now - marks.hurriedAt < HURRIED_EVERY_MS) return false;
  marks.hurriedAt = now;
  return true;
}

function tieBy(peer: Peer, { lastBroadcast, unicast }: Marks): Tie {
  const isBroadcast = lastBroadcast > peer.outgoing.broadcastNeededAfter;
  if (!isOpenMark(peer, unicast.get(peer.index))) return isBroadcast ? 'broadcast' : 'free';
  return isBroadcast ? 'both' : 'unicast';
}

function isOpenMark({ outgoing }: Peer, mark: UnicastMark | undefined): boolean {
  if (mark === undefined) return false;
  const last = mark.session === outgoing.id ? mark.sequence : outgoing.carried;
  return outgoing.stream.first <= last;
}

function isOlder(one: UnicastMark, other: UnicastMark): boolean {
  return one.session < other.session || (one.session === other.session && one.sequence < other.sequence);
}
