import { filter, map, type Observable } from 'rxjs';
import type { Bus } from './bus/bus.js';

const NAME_BYTES_MAX = 64;

export interface ChannelMessage<T = unknown> {
  /** The node that published it. */
  readonly nodeId: string;
  readonly data: T;
}

/**
 * Node-to-node messages of one module, by name: what one node publishes, the modules of the same channel on all
 * other nodes receive, in the publisher's order. Made by `Cluster.channel(name)`.
 */
export class Channel<T = unknown> {
  /** Messages of other nodes. Hot: no replay. A publisher's `data` is trusted as far as the cluster's secret is. */
  readonly messages$: Observable<ChannelMessage<T>>;

  constructor(
    readonly name: string,
    private readonly bus: Bus,
  ) {
    if (name === '' || Buffer.byteLength(name) > NAME_BYTES_MAX) {
      throw new RangeError(`a channel's name must have 1 to ${NAME_BYTES_MAX} bytes`);
    }
    this.messages$ = bus.publications$.pipe(
      filter(({ channel }) => channel === name),
      map(({ nodeId, body }) => ({ nodeId, data: JSON.parse(body.toString('utf8')) as T })),
    );
  }

  /**
   * Publishes a JSON value to all other nodes. False: it was not sent, because queues are full or it is too large,
   * or because this bus has no channels (`plain`). On a single node there is nobody to send to, and that is true.
   */
  publish(data: T): boolean {
    return this.bus.publish(this.name, Buffer.from(JSON.stringify(data)));
  }
}
