import { filter, map, share, type Observable } from 'rxjs';
import type { Bodies } from './bodies.js';
import type { Address, Bus } from './bus/bus.js';

const NAME_BYTES_MAX = 64;

export interface ChannelMessage<T = unknown> {
  /** The id of the node that published it. */
  readonly nodeId: string;
  readonly data: T;
}

/**
 * Messages of one module between nodes, by name. What one node publishes arrives in the same channel on all other
 * nodes, in the publisher's order. `Cluster.channel(name)` makes it.
 */
export class Channel<T = unknown> {
  /**
   * Messages of other nodes. Hot: no replay. Never errors: a body that is not JSON is logged and skipped. `data` is
   * JSON of a node with the cluster's secret. Its shape is not checked: another version of your module may send
   * another shape.
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
      share(), // decodes once for all subscribers
    );
  }

  /**
   * Publishes a JSON value to all other nodes. Returns false when it was not sent: queues are full, it is too large,
   * or this bus has no channels (`plain`). On a single node it returns true, though there is nobody to send to.
   *
   * @throws {TypeError} when `data` is not a JSON value
   */
  publish(data: T): boolean {
    return this.bus.publish(this.name, this.#encode(data));
  }

  /** The same, to one other node. Returns false also when that node is not there. */
  publishTo(nodeId: string, data: T): boolean {
    return this.bus.publishTo(nodeId, this.name, this.#encode(data));
  }

  /** The same, to every other node that holds the address, or may hold it. Returns those to whom it could not be sent. */
  publishToHolders(address: Address, data: T): readonly string[] {
    return this.bus.publishToHolders(address, this.name, this.#encode(data));
  }

  #encode(data: T): Buffer {
    return this.bodies.encode(data, 'publication', this.name);
  }
}
