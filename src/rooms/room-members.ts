import { Injectable } from '@nestjs/common';
import { Cluster } from '../cluster/cluster.js';
import { Memberships } from './memberships.js';

const MEMBERS = 'lanfare.rooms.members';
const TIMEOUT_MS = 1000;
/** So many of the longest entries fit into a message between nodes. */
export const MEMBERS_PER_PAGE_MAX = 500;

/** A user in a room, with all devices. */
export interface RoomMember {
  readonly userId: string;
  /** Connections that are in the room. */
  readonly devices: number;
  /** What the device shows of itself that joined last with `presence` `enter` or `both`; undefined: none does. */
  readonly info?: unknown;
}

export interface RoomPage {
  /** By user id, in the order of UTF-16 code units. */
  readonly members: readonly RoomMember[];
  /** Where the next page goes on, as `after`; null: this is the last one. */
  readonly next: string | null;
  /** False: a node did not answer in time, or this bus cannot know which nodes there are. */
  readonly complete: boolean;
}

interface Found {
  devices: number;
  /** JSON text; '': none. */
  info: string;
  /** When the device entered that shows it. */
  at: number;
}

type WireMember = readonly [userId: string, devices: number, info: string, at: number];

/** Who is in a room, on all nodes, in pages. */
@Injectable()
export class RoomMembers {
  constructor(
    private readonly memberships: Memberships,
    private readonly cluster: Cluster,
  ) {
    cluster.respond(MEMBERS, (body) => {
      const { room, after, limit } = (body ?? {}) as Record<string, unknown>;
      if (typeof room !== 'string' || typeof after !== 'string' || typeof limit !== 'number') {
        throw new TypeError('a question about members names a room and a page');
      }
      return [...this.#here(room, after, limit)].map(([userId, { devices, info, at }]) => [
        userId,
        devices,
        info,
        at,
      ]);
    });
  }

  /** @param after the user id behind which the page begins; '': at the first */
  async page(room: string, after: string, limit: number): Promise<RoomPage> {
    // one more than asked for says whether there is a next page
    const members = new Map(this.#here(room, after, limit + 1));
    const question = { room, after, limit: limit + 1 };
    const { answers, complete } = await this.cluster.ask(MEMBERS, question, TIMEOUT_MS);
    for (const { data } of answers) {
      for (const [userId, devices, info, at] of data as readonly WireMember[]) {
        add(members, userId, { devices, info, at });
      }
    }
    const ids = [...members.keys()].sort();
    const page = ids.slice(0, limit).map((userId) => {
      const { devices, info } = members.get(userId) as Found;
      return info === '' ? { userId, devices } : { userId, devices, info: JSON.parse(info) as unknown };
    });
    return { members: page, next: ids.length > limit ? (ids[limit - 1] as string) : null, complete };
  }

  /** The first users behind `after` who are here. A large room is cut down while it is walked, not sorted as a whole. */
  #here(name: string, after: string, limit: number): ReadonlyMap<string, Found> {
    let found = new Map<string, Found>();
    let last: string | undefined;
    const cut = (): void => {
      const ids = [...found.keys()].sort().slice(0, limit);
      if (found.size > limit) last = ids.at(-1);
      found = new Map(ids.map((id) => [id, found.get(id) as Found]));
    };
    for (const { device, entrance } of this.memberships.room(name)?.memberships() ?? []) {
      const { userId } = device;
      if (userId <= after || (last !== undefined && userId > last)) continue;
      add(found, userId, { devices: 1, info: entrance?.info ?? '', at: entrance?.at ?? -1 });
      if (found.size > 4 * limit) cut();
    }
    cut();
    return found;
  }
}

function add(members: Map<string, Found>, userId: string, { devices, info, at }: Found): void {
  const present = members.get(userId);
  if (present === undefined) {
    members.set(userId, { devices, info, at });
    return;
  }
  present.devices += devices;
  if (at <= present.at) return;
  present.info = info;
  present.at = at;
}
