import { Injectable } from '@nestjs/common';
import {
  CLOSES,
  FRAME_ERRORS,
  UPGRADE_REFUSALS,
  type CloseName,
  type FrameErrorCode,
  type UpgradeRefusalCode,
} from '../wire/codes.js';

/** Why sockets and plain requests on the public port were turned away. */
export const TURNED_AWAY = [
  'full',
  'too_many_from_address',
  'too_many_requests',
  'too_slow',
  'too_large',
  'bad_request',
  'not_found',
  'draining',
] as const;

/** Counts since the start: how clients came, what they were refused, and how they went. Plain fields that only grow. */
@Injectable()
export class GatewayStatistics {
  /** Upgrades, by how they ended. */
  readonly handshakes = zeros<'accepted' | UpgradeRefusalCode>([
    'accepted',
    ...Object.keys(UPGRADE_REFUSALS),
  ]);
  /** Sockets and plain requests that were turned away, by reason. */
  readonly turnedAway = zeros<(typeof TURNED_AWAY)[number]>(TURNED_AWAY);
  /** Error frames, by code. */
  readonly errors = zeros<FrameErrorCode>(Object.keys(FRAME_ERRORS));
  /** Connections that have gone, by why this node closed them; `ended`: the client or the network did. */
  readonly closes = zeros<CloseName | 'ended'>(['ended', ...Object.keys(CLOSES)]);
  /** Frames received. */
  frames = 0;
  /** Volatile messages that a client did not get, because its queue was half full. */
  volatileDropped = 0;
}

function zeros<K extends string>(names: readonly string[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}
