import type { FrameErrorCode } from './codes.js';
import { elementsOf, membersOf } from './json-members.js';
import { SharedFrame } from './shared-frame.js';
import { userIdFromJson } from './user-id.js';

/** The data of `watch` and `unwatch`, and the frames that tell who is online, and who is in a room. */

/** A frame that tells a list is not longer than this. */
const LIST_BYTES_MAX = 65_536;
/** What stands around the list: the room's name, and how it begins. */
const HEAD_BYTES = 512;

const OPEN_BRACKET = 0x5b;

/** Reads `{"user_ids":[…]}`: canonical ids. Undefined: there is no `user_ids`. */
export function readUserIds(data: Buffer | undefined): string[] | undefined | FrameErrorCode {
  if (data === undefined) return undefined;
  const members = membersOf(data, ['user_ids']);
  if (typeof members === 'string') return 'bad_frame';
  const list = members.get('user_ids');
  if (list === undefined) return undefined;
  if (list[0] !== OPEN_BRACKET) return 'bad_frame';
  const ids: string[] = [];
  for (const element of elementsOf(list)) {
    const id = userIdFromJson(element);
    if (id === null) return 'bad_user_id';
    ids.push(id);
  }
  return ids;
}

/** The answer to a `watch`. */
export function watchAckFrame(id: string, online: readonly string[], complete: boolean): string {
  return `{"event":"ack","id":${id},"data":${JSON.stringify({ online, complete })}}`;
}

/** Users who came online, or went offline: as many frames as the list needs. */
export function* usersFrames(
  change: 'online' | 'offline',
  userIds: readonly string[],
): Generator<string, void> {
  for (const list of lists(userIds.map((id) => JSON.stringify(id)))) {
    yield `{"event":"presence","data":{"${change}":[${list}]}}`;
  }
}

/** JSON texts, joined to lists that fit into a frame each. */
function* lists(items: readonly string[]): Generator<string, void> {
  let list: string[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(item) + 1;
    if (bytes + size > LIST_BYTES_MAX - HEAD_BYTES && list.length > 0) {
      yield list.join(',');
      list = [];
      bytes = 0;
    }
    list.push(item);
    bytes += size;
  }
  if (list.length > 0) yield list.join(',');
}

/** Who is seen in a room. */
export interface RoomMember {
  readonly user: string;
  readonly devices: number;
  /** JSON text; '': none. */
  readonly info: string;
}

/** Changes of who is seen in a room. */
export interface RoomMemberChange {
  readonly joined: readonly RoomMember[];
  readonly updated: readonly RoomMember[];
  readonly left: readonly string[];
}

/** All members of a room: as many frames as the list needs, `more` in all but the last. */
export function membersFrames(room: string, members: readonly RoomMember[]): SharedFrame[] {
  const pages = [...lists(members.map(memberText))];
  if (pages.length === 0) pages.push('');
  return pages.map((page, index) => {
    const more = index < pages.length - 1 ? ',"more":true' : '';
    return roomFrame(room, `"members":[${page}]${more}`);
  });
}

export function memberChangeFrames(room: string, { joined, updated, left }: RoomMemberChange): SharedFrame[] {
  const parts = [
    ...[...lists(joined.map(memberText))].map((list) => ['joined', list] as const),
    ...[...lists(updated.map(memberText))].map((list) => ['updated', list] as const),
    ...[...lists(left.map((user) => JSON.stringify(user)))].map((list) => ['left', list] as const),
  ];
  const isShort = parts.reduce((sum, [, list]) => sum + list.length, 0) < LIST_BYTES_MAX / 4;
  const texts = parts.map(([name, list]) => `"${name}":[${list}]`);
  return (isShort && texts.length > 0 ? [texts.join(',')] : texts).map((text) => roomFrame(room, text));
}

export function memberCountFrame(
  room: string,
  { users, devices }: { users: number; devices: number },
): SharedFrame {
  return roomFrame(room, `"count":{"users":${users},"devices":${devices}}`);
}

function roomFrame(room: string, text: string): SharedFrame {
  return new SharedFrame([
    Buffer.from(`{"event":"presence","data":{"room":${JSON.stringify(room)},${text}}}`),
  ]);
}

function memberText({ user, devices, info }: RoomMember): string {
  const shown = info === '' ? '' : `,"info":${info}`;
  return `{"user_id":${JSON.stringify(user)},"devices":${devices}${shown}}`;
}
