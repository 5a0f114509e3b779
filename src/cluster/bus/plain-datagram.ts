/**
 * The datagram of the original, the Go program that Lanfare began with: `{"user_id":2,"data":"haha"}`, JSON in UTF-8.
 *
 * The original reads `user_id` as a number and drops other datagrams, so canonical integers are sent as numbers. It
 * ignores unknown members, and the case of names, as Go does. We add `from`, and `node`, by which a node recognises its
 * own broadcasts.
 */
import { isUtf8 } from 'node:buffer';
import { membersOf, stringOf } from '../../wire/json-members.js';
import type { Message } from '../../wire/message.js';
import { isCanonicalInteger, userIdFromJson } from '../../wire/user-id.js';

export interface PlainDatagram {
  /** The Lanfare node that sent it; null: a foreign program. */
  readonly node: string | null;
  /** Null: a probe, for no user. With it a node finds out whether it hears its own broadcasts. */
  readonly message: Message | null;
}

export function encodePlain({ to, from, data }: Message, node: string): Buffer {
  const id = isCanonicalInteger(to) ? to : JSON.stringify(to);
  const head = `{"user_id":${id},"from":${JSON.stringify(from)},"node":"${node}","data":`;
  return Buffer.concat([Buffer.from(head), data, Buffer.from('}')]);
}

/** A datagram for no user. */
export function encodeProbe(node: string): Buffer {
  return Buffer.from(`{"node":"${node}"}`);
}

const MEMBERS = ['user_id', 'from', 'node', 'data'] as const;

/** Reads a datagram. Returns null when it is not a plain datagram. Never throws. */
export function decodePlain(bytes: Buffer): PlainDatagram | null {
  const members = isUtf8(bytes) ? membersOf(bytes, MEMBERS) : 'no json';
  if (typeof members === 'string') return null;
  const node = textOf(members.get('node'));
  const userId = members.get('user_id');
  if (userId === undefined) return node === null ? null : { node, message: null };

  const to = userIdFromJson(userId);
  const data = members.get('data');
  if (to === null || data === undefined) return null;
  return { node, message: { to, from: node === null ? null : textOf(members.get('from')), data } };
}

function textOf(json: Buffer | undefined): string | null {
  return json === undefined ? null : stringOf(json);
}
