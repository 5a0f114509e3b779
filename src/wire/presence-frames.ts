import type { FrameErrorCode } from './codes.js';
import { elementsOf, membersOf } from './json-members.js';
import { userIdFromJson } from './user-id.js';

/** The data of `watch` and `unwatch`, and the frames that tell who is online. */

/** A frame that tells a list is not longer than this. */
const LIST_BYTES_MAX = 65_536;

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
    if (bytes + size > LIST_BYTES_MAX - 256 && list.length > 0) {
      yield list.join(',');
      list = [];
      bytes = 0;
    }
    list.push(item);
    bytes += size;
  }
  if (list.length > 0) yield list.join(',');
}
