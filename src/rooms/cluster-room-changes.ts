import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import { isRoomName } from '../wire/room-name.js';
import { Memberships, type RoomChange } from './memberships.js';

/** Topic between nodes. */
const OCCUPIED = 'lanfare.rooms.occupied';
/** How long this node waits for the others. */
const TIMEOUT_MS = 1000;

/**
 * When rooms get their first member in the cluster, and lose their last one. The node whose member made the change tells
 * it. The directory does not say enough: a node goes on holding a room for some seconds after its last member. So where
 * others hold the room, they are asked.
 *
 * A change is told at least once. Two nodes tell the same one when they can't know of each other: a node that still asks
 * whether it was the first does not count as occupied for others. One that does not answer counts as empty.
 */
@Injectable()
export class ClusterRoomChanges implements OnModuleInit {
  readonly #changes = new Subject<RoomChange>();
  /** Rooms that got their first member here, while the others are asked. */
  readonly #asking = new Set<string>();

  /** Hot; never ends. Nothing is asked while nobody subscribes. */
  readonly changes$: Observable<RoomChange> = this.#changes.asObservable();

  constructor(
    private readonly memberships: Memberships,
    private readonly cluster: Cluster,
  ) {
    cluster.respond(OCCUPIED, (body) => ({ occupied: this.#isOccupied(body) }));
  }

  onModuleInit(): void {
    this.memberships.changes$.subscribe((change) => {
      if (this.#changes.observed) void this.#judge(change);
    });
  }

  async #judge(change: RoomChange): Promise<void> {
    const { room } = change;
    const { nodeIds, complete } = this.cluster.holders({ kind: 'room', name: room });
    const mustAsk = nodeIds.length > 0 || (change.change === 'vacated' && !complete);
    if (mustAsk && (await this.#isOccupiedElsewhere(change))) return;
    if (change.change === 'vacated' && this.#hasMembers(room)) return;
    this.#changes.next(change);
  }

  async #isOccupiedElsewhere({ change, room }: RoomChange): Promise<boolean> {
    if (change === 'occupied') this.#asking.add(room);
    const { answers } = await this.cluster.ask(OCCUPIED, { room }, TIMEOUT_MS);
    if (change === 'occupied') this.#asking.delete(room);
    return answers.some(({ data }) => (data as { readonly occupied?: unknown } | null)?.occupied === true);
  }

  #isOccupied(body: unknown): boolean {
    const { room } = (body ?? {}) as { readonly room?: unknown };
    if (typeof room !== 'string' || !isRoomName(room)) throw new TypeError('a question names a room');
    return this.#hasMembers(room) && !this.#asking.has(room);
  }

  #hasMembers(room: string): boolean {
    return (this.memberships.room(room)?.size ?? 0) > 0;
  }
}
