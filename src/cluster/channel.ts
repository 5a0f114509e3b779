import { filter, map, share, type Observable } from 'rxjs';
import type { Bodies } from './bodies.js';
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
  /**
   * Messages of other nodes. Hot: no replay; never errors: what is not JSON is logged and passed over. A publisher's
   * `data` is JSON, and trusted as far as the cluster's secret is: other versions of your module may send another
   * shape.
   */
  readonly messages$: Observable<ChannelMessage<T>>;

  constructor(
    readonly name: string,
    private readonly bus: Bus,
    private readonly bodies: Bodies,
  ) {
    if (name === '' || Buffer.byteLength(name) > NAME_BYTES_MAX) {
      throw new RangeError(`a channel's name must have 1 to ${NAME_BYTES_MAX} bytes`);
    }
    this.messages$ = bus.publications$.pipe(
      filter(({ channel }) => channel === name),
      map(({ nodeId, body }) => ({ nodeId, data: bodies.decode(body, 'publication', name, nodeId) as T })),
      filter(({ data }) => data !== undefined),
      share(), // read once, however many listen
    );
  }

  /**
   * Publishes a JSON value to all other nodes. False: it was not sent, because queues are full or it is too large,
   * or because this bus has no channels (`plain`). On a single node there is nobody to send to, and that is true.
   *
   * @throws {TypeError} when `data` is not a JSON value
   */
  publish(data: T): boolean {
    return this.bus.publish(this.name, this.bodies.encode(data, 'publication', this.name));
  }
}
