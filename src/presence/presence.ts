import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { userIdFrom } from '../wire/user-id.js';
import { WatchedUsers } from './watched-users.js';

/** Where a user is, as far as this node knows. */
export interface UserPresence {
  /** The user has a connection somewhere. */
  readonly online: boolean;
  /** The nodes that hold the user, this one first. Empty: offline. */
  readonly nodeIds: readonly string[];
  /** The user's connections on this node. How many there are on others is not known here. */
  readonly devicesHere: number;
  /**
   * False: the answer may be wrong. The node is still learning the users of another node, or that node has fallen
   * silent or is not heard well, or the bus has no directory (`plain`). What is said of this node is always true.
   */
  readonly complete: boolean;
}

/** A user came online or went offline. */
export interface UserPresenceChange {
  readonly userId: string;
  readonly online: boolean;
}

/**
 * Who is online. It is read from the directory that every node keeps of the others' users: no datagram is sent, and
 * nothing is waited for.
 *
 * An answer is what this node has heard so far. A user who comes is known here before the client's upgrade is answered,
 * unless that takes longer than 150 ms. A user who goes is known to have gone milliseconds after the socket has closed
 * (a client that is being closed may take 5 s for that). The users of a node that dies without a good-bye are known to
 * have gone after 5 s. The directory holds hashes of 53 bits: while ten million users are online, one offline user in
 * 900 million is reported as online.
 */
@Injectable()
export class Presence {
  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
    private readonly users: WatchedUsers,
  ) {}

  /** @throws {TypeError} when nobody can have this id: it is no safe integer, nor a string of 1 to 128 bytes */
  ofUser(userId: string | number): UserPresence {
    const id = checked(userId);
    const devicesHere = this.connections.count(id);
    const { nodeIds: others, complete } = this.cluster.holders({ kind: 'user', name: id });
    const nodeIds = devicesHere === 0 ? others : [this.cluster.nodeId, ...others];
    return { online: nodeIds.length > 0, nodeIds, devicesHere, complete };
  }

  /**
   * Emits for each of the users whether the user is online, and then each change. Who goes is told PRESENCE_GRACE_MS
   * later, and who is back by then, on any node, was never gone. Cold: the users are watched while it is subscribed to.
   * It never errors or completes.
   *
   * @throws {TypeError} as `ofUser`
   */
  watch(userIds: readonly (string | number)[]): Observable<UserPresenceChange> {
    const ids = [...new Set(userIds.map(checked))];
    return new Observable((subscriber) => {
      const watcher = {
        userChanged: (userId: string, online: boolean) => subscriber.next({ userId, online }),
      };
      subscriber.add(() => {
        for (const id of ids) this.users.remove(id, watcher);
      });
      for (const userId of ids) subscriber.next({ userId, online: this.users.add(userId, watcher) });
    });
  }
}

function checked(userId: string | number): string {
  const id = userIdFrom(userId);
  if (id === null) throw new TypeError('an id is a safe integer, or a well-formed string of 1 to 128 bytes');
  return id;
}
