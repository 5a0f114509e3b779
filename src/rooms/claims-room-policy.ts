import type { Connection } from '../connections/connection.js';
import { RoomPolicy } from './room-policy.js';

interface Grant {
  /** With `*` as its last character it stands for all names that begin with the rest. */
  readonly pattern: string;
  readonly publish: boolean;
}

/**
 * Follows the claim `rooms` of the token: a list of patterns, `"chat:*"` or `{"room":"news:*","publish":false}`. The
 * first pattern that matches decides. Without the claim nothing is allowed. Entries that are no pattern are skipped and
 * counted.
 */
export class ClaimsRoomPolicy extends RoomPolicy {
  #malformed = 0;
  /** A connection's claims are one object until its token is refreshed. */
  readonly #grants = new WeakMap<object, readonly Grant[]>();

  /** Entries of claims that are no pattern, since the start. */
  get malformed(): number {
    return this.#malformed;
  }

  join(connection: Connection, room: string): boolean {
    return this.#grantFor(connection, room) !== undefined;
  }

  publish(connection: Connection, room: string): boolean {
    return this.#grantFor(connection, room)?.publish === true;
  }

  #grantFor({ claims }: Connection, room: string): Grant | undefined {
    let grants = this.#grants.get(claims);
    if (grants === undefined) {
      grants = this.#read(claims['rooms']);
      this.#grants.set(claims, grants);
    }
    return grants.find(({ pattern }) => matches(pattern, room));
  }

  #read(claim: unknown): Grant[] {
    if (claim === undefined) return [];
    if (!Array.isArray(claim)) {
      this.#malformed++;
      return [];
    }
    const grants: Grant[] = [];
    for (const entry of claim as unknown[]) {
      const grant = grantOf(entry);
      if (grant === null) this.#malformed++;
      else grants.push(grant);
    }
    return grants;
  }
}

/** Null: the entry is no pattern. */
function grantOf(entry: unknown): Grant | null {
  const { room, publish = true }: { room?: unknown; publish?: unknown } =
    typeof entry === 'object' && entry !== null ? entry : { room: entry };
  if (typeof room !== 'string' || room === '' || typeof publish !== 'boolean') return null;
  const star = room.indexOf('*');
  return star === -1 || star === room.length - 1 ? { pattern: room, publish } : null;
}

function matches(pattern: string, room: string): boolean {
  return pattern.endsWith('*') ? room.startsWith(pattern.slice(0, -1)) : room === pattern;
}
