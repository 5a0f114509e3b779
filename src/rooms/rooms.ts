import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Connection } from '../connections/connection.js';
import type { Device } from '../connections/device.js';
import { isCoreEvent } from '../wire/core-events.js';
import type { RoomMessage, TraceContext } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { joinedFrame, leftFrame } from '../wire/room-frames.js';
import { isRoomName } from '../wire/room-name.js';
import { userIdFrom } from '../wire/user-id.js';
import { ClusterRoomChanges } from './cluster-room-changes.js';
import { Everybody } from './everybody.js';
import { Memberships, type RoomChange } from './memberships.js';
import { MEMBERS_PER_PAGE_MAX, RoomMembers, type RoomPage } from './room-members.js';
import { RoomMessaging } from './room-messaging.js';

/** Topics between nodes. */
const JOIN = 'lanfare.rooms.join';
const REMOVE = 'lanfare.rooms.remove';
const COUNT = 'lanfare.rooms.count';
/** How long this node waits for the others. */
const TIMEOUT_MS = 1000;

/** A message to a room went nowhere, or a name is not valid for a room. */
export class RoomRefusedError extends Error {
  override readonly name = 'RoomRefusedError';

  constructor(readonly code: 'bad_room' | 'bad_user_id' | 'missing_data' | 'too_large' | 'congested') {
    super(`the room refused: ${code}`);
  }
}

export interface RoomPublishOptions {
  /** The user in the message's `from`. Without it, the message comes from the application itself. */
  readonly from?: string | number;
  /** An event of a module's own, in place of `message`: clients get `{"event":…,"data":…}`. 1 to 255 bytes. */
  readonly event?: string;
  /**
   * Fresh beats certain, as for a cursor or a game's tick: it is not repaired, is dropped first where anything is full,
   * and the outcome comes at once, with this node's count, not complete.
   */
  readonly volatile?: boolean;
  /** The span that the message's spans, on all nodes, are children of. A volatile message has none. */
  readonly trace?: TraceContext | undefined;
}

/** What was done to connections of a user, on all nodes. */
export interface RoomEffect {
  readonly connections: number;
  /** False: a node did not answer in time, or this bus cannot know which nodes there are; of a join also that not every node
   * is known to route to the room yet. */
  readonly complete: boolean;
}

export interface RoomCount {
  /** A user counts once on each node. */
  readonly users: number;
  readonly connections: number;
  readonly complete: boolean;
}

/**
 * Rooms for modules, from anywhere in the cluster. No policy is asked about what a module does.
 */
@Injectable()
export class Rooms {
  /** A room's first member on this node has come, or its last one has gone. Hot; never ends. */
  readonly changes$: Observable<RoomChange>;
  /**
   * The same of the whole cluster: its first member has come, or its last one has gone. Told on the node whose member made
   * the change, at least once: two nodes may tell the same one, and a node that does not answer counts as empty. Hot; never
   * ends. Nothing is asked of other nodes while nobody subscribes.
   */
  readonly clusterChanges$: Observable<RoomChange>;

  /** Seven parts: this is the one door to rooms for modules and the HTTP API. The rules are in the parts behind it. */
  constructor(
    private readonly memberships: Memberships,
    private readonly messaging: RoomMessaging,
    private readonly everybody: Everybody,
    clusterChanges: ClusterRoomChanges,
    private readonly pages: RoomMembers,
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {
    this.changes$ = memberships.changes$;
    this.clusterChanges$ = clusterChanges.changes$;
    cluster.respond(JOIN, async (body) => this.#joinHere(...addressIn(body)));
    cluster.respond(REMOVE, (body) => this.#removeHere(...addressIn(body)));
    cluster.respond(COUNT, (body) => this.#countHere(addressIn(body)[0]));
  }

  /**
   * Publishes a JSON value to every member of the room.
   *
   * @throws {RoomRefusedError} when it went nowhere
   * @throws {TypeError} when the event is the core's or has no name, or `data` is circular or has a BigInt
   */
  async publish(room: string, data: unknown, options: RoomPublishOptions = {}): Promise<Outcome> {
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw new RoomRefusedError('missing_data');
    return this.publishText(room, Buffer.from(json), options);
  }

  /** The same with JSON text, which arrives unchanged. */
  async publishText(room: string, data: Buffer, options: RoomPublishOptions = {}): Promise<Outcome> {
    const { from, event, trace, volatile: isVolatile } = options;
    const sender = from === undefined ? null : userIdFrom(from);
    if (from !== undefined && sender === null) throw new RoomRefusedError('bad_user_id');
    if (event !== undefined && (event === '' || isCoreEvent(event))) {
      throw new TypeError(`the event "${event}" is the core's, or has no name`);
    }
    const message: RoomMessage = {
      room: checked(room),
      from: sender,
      data,
      ...(event !== undefined && { event }),
      ...(isVolatile === true ? { isVolatile } : { trace }),
    };
    return new Promise((resolve, reject) => {
      const refusal = this.messaging.post(message, null, resolve);
      if (refusal !== null) reject(new RoomRefusedError(refusal));
    });
  }

  /**
   * Sends a JSON value to every connection of the cluster, in a room or not: those of `lanfare.v1.json` get a `message`
   * with `"broadcast":true`, the others the bare value.
   *
   * @throws {RoomRefusedError} when it went nowhere
   * @throws {TypeError} when `data` is circular or has a BigInt
   */
  async broadcast(data: unknown): Promise<Outcome> {
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw new RoomRefusedError('missing_data');
    return this.broadcastText(Buffer.from(json));
  }

  /** The same with JSON text, which arrives unchanged. */
  async broadcastText(data: Buffer): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const refusal = this.everybody.post({ from: null, data }, resolve);
      if (refusal !== null) reject(new RoomRefusedError(refusal));
    });
  }

  /**
   * Puts the connections that a user has now into the room, on all nodes. Clients without `lanfare.v1.json` are passed
   * over, and so are connections that are in as many rooms as the limit allows. Connections that come later are not put
   * into the room.
   *
   * @throws {RoomRefusedError} bad_room, bad_user_id
   */
  async join(room: string, userId: string | number): Promise<RoomEffect> {
    const name = checked(room);
    const id = checkedUser(userId);
    const here = await this.#joinHere(name, id);
    const others = await this.#ask(JOIN, name, id);
    return {
      connections: others.sum('joined') + here.joined,
      complete: others.complete && here.complete && others.answers.every(({ complete }) => complete === true),
    };
  }

  /**
   * Takes all connections of a user, on all nodes, out of the room. Given a connection of this node, it takes out that
   * one only. Each client is told so, and should not join again.
   *
   * @throws {RoomRefusedError} bad_room, bad_user_id
   */
  async remove(room: string, who: string | number | Connection): Promise<RoomEffect> {
    const name = checked(room);
    if (typeof who === 'object') {
      return { connections: this.#removeConnection(who as Device, name) ? 1 : 0, complete: true };
    }
    const id = checkedUser(who);
    const { removed } = this.#removeHere(name, id);
    const others = await this.#ask(REMOVE, name, id);
    return { connections: others.sum('removed') + removed, complete: others.complete };
  }

  /** How many are in the room, on all nodes. @throws {RoomRefusedError} bad_room */
  async count(room: string): Promise<RoomCount> {
    const name = checked(room);
    const here = this.#countHere(name);
    const others = await this.#ask(COUNT, name, '');
    return {
      users: others.sum('users') + here.users,
      connections: others.sum('connections') + here.connections,
      complete: others.complete,
    };
  }

  /**
   * Who is in the room, on all nodes: a page of 1 to 500 users (100), by user id.
   *
   * @param after the user id behind which the page begins
   * @throws {RoomRefusedError} bad_room
   * @throws {RangeError} the limit is out of range
   */
  async members(
    room: string,
    { limit = 100, after = '' }: { limit?: number; after?: string } = {},
  ): Promise<RoomPage> {
    const name = checked(room);
    if (!Number.isInteger(limit) || limit < 1 || limit > MEMBERS_PER_PAGE_MAX) {
      throw new RangeError(`a page has 1 to ${MEMBERS_PER_PAGE_MAX} members, not ${limit}`);
    }
    return this.pages.page(name, after, limit);
  }

  async #joinHere(room: string, userId: string): Promise<{ joined: number; complete: boolean }> {
    const devices = this.connections.of(userId) as readonly Device[];
    const results = await Promise.all(
      devices
        .filter(({ isEnveloped }) => isEnveloped)
        .map(
          async (device) =>
            new Promise<boolean | null>((resolve) => {
              const isNew = this.memberships.find(device, room) === undefined;
              if (this.memberships.join(device, room, resolve) !== null) resolve(null);
              else if (isNew) device.sendText(joinedFrame(room));
            }),
        ),
    );
    const joined = results.filter((complete) => complete !== null);
    return { joined: joined.length, complete: joined.every((complete) => complete) };
  }

  #removeHere(room: string, userId: string): { removed: number } {
    const devices = this.connections.of(userId) as readonly Device[];
    return { removed: devices.filter((device) => this.#removeConnection(device, room)).length };
  }

  #removeConnection(device: Device, room: string): boolean {
    const wasMember = this.memberships.leave(device, room);
    if (wasMember) device.sendText(leftFrame(room, 'removed'));
    return wasMember;
  }

  #countHere(name: string): { users: number; connections: number } {
    const room = this.memberships.room(name);
    if (room === undefined) return { users: 0, connections: 0 };
    const users = new Set<string>();
    for (const { userId } of room.devices()) users.add(userId);
    return { users: users.size, connections: room.size };
  }

  async #ask(topic: string, room: string, userId: string): Promise<Answers> {
    const { answers, complete } = await this.cluster.ask(topic, { room, user_id: userId }, TIMEOUT_MS);
    return new Answers(
      answers.map(({ data }) => data as Record<string, unknown>),
      complete,
    );
  }
}

/** What the other nodes say. */
class Answers {
  constructor(
    readonly answers: readonly Readonly<Record<string, unknown>>[],
    readonly complete: boolean,
  ) {}

  /** The sum of one number in the answers. What is no number comes from another version, and counts as 0. */
  sum(name: string): number {
    return this.answers.reduce(
      (sum, answer) => sum + (Number.isSafeInteger(answer[name]) ? (answer[name] as number) : 0),
      0,
    );
  }
}

/** @throws {TypeError} when the question has no room or user: it comes from another version */
function addressIn(body: unknown): [room: string, userId: string] {
  const { room, user_id: userId } = (body ?? {}) as { room?: unknown; user_id?: unknown };
  if (typeof room !== 'string' || !isRoomName(room) || typeof userId !== 'string') {
    throw new TypeError('a question about a room names a room and a user');
  }
  return [room, userId];
}

function checked(room: string): string {
  if (typeof room !== 'string' || !isRoomName(room)) throw new RoomRefusedError('bad_room');
  return room;
}

function checkedUser(userId: string | number): string {
  const id = userIdFrom(userId);
  if (id === null) throw new RoomRefusedError('bad_user_id');
  return id;
}
