/**
 * The original's datagram: `{"user_id":2,"data":"haha"}`, JSON in UTF-8.
 *
 * The original reads `user_id` as a number and drops the datagram otherwise, so canonical integers go out as
 * numbers. It ignores members it does not know (matching names without regard to case, as Go does): we add `node`,
 * by which a node knows its own broadcasts, and `from`.
 */
import { membersOf } from '../../wire/json-members.js';
import type { Message } from '../../wire/message.js';
import { isCanonicalInteger, userIdFromJson } from '../../wire/user-id.js';

export interface PlainDatagram {
  /** The Lanfare node that sent it; null: a foreign program. */
  readonly node: string | null;
  /** Null: nothing for a user (the probe by which a node finds out whether it hears its own broadcasts). */
  readonly message: Message | null;
}

export function encodePlain({ to, from, data }: Message, node: string): Buffer {
  const id = isCanonicalInteger(to) ? to : JSON.stringify(to);
  const head = `{"user_id":${id},"from":${JSON.stringify(from)},"node":"${node}","data":`;
  return Buffer.concat([Buffer.from(head), data, Buffer.from('}')]);
}

/** A datagram no user is addressed by. */
export function encodeProbe(node: string): Buffer {
  return Buffer.from(`{"node":"${node}"}`);
}

/** What a datagram says; null when it is no such datagram. Never throws. */
export function decodePlain(bytes: Buffer): PlainDatagram | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { user_id: userId, from, node } = value as Record<string, unknown>;
  const sender = typeof node === 'string' ? node : null;
  if (userId === undefined) return sender === null ? null : { node: sender, message: null };

  const members = membersOf(bytes);
  const to = userIdFromJson(userId, members.get('user_id')?.toString('latin1') ?? '');
  const data = members.get('data');
  if (to === null || data === undefined) return null;
  return {
    node: sender,
    message: { to, from: sender !== null && typeof from === 'string' ? from : null, data },
  };
}
