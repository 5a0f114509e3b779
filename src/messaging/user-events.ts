import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Channel } from '../cluster/channel.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Device } from '../connections/device.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { isCoreEvent } from '../wire/core-events.js';
import { eventFrame } from '../wire/outgoing-frame.js';
import { userIdFrom } from '../wire/user-id.js';
import { MessageRefusedError, MESSAGE_BYTES_MAX } from './messaging.js';

const CHANNEL = 'lanfare.user-events';
const EVENT_BYTES_MAX = 255;

/** What travels between nodes. */
interface UserEvent {
  readonly to: string;
  readonly event: string;
  readonly data?: unknown;
}

/**
 * Events of modules' own to users, on whichever node. They go to the nodes that hold the user, in the order of the messages
 * and events that one node sends there. Nobody answers: `Messaging.send` says what became of a message. Where an event is
 * lost between nodes, that is told like the loss of a message.
 */
@Injectable()
export class UserEvents implements OnModuleInit {
  readonly #warnings = new LogBudget(new Logger(UserEvents.name));
  readonly #channel: Channel<UserEvent>;

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {
    this.#channel = cluster.channel(CHANNEL);
  }

  onModuleInit(): void {
    this.#channel.messages$.subscribe(({ nodeId, data }) => {
      if (isUserEvent(data)) this.#deliver(data);
      else
        this.#warnings.warn(
          'malformed',
          `Node ${nodeId} sent an event that cannot be read; it is passed over`,
        );
    });
  }

  /**
   * Sends an event to every device of a user that speaks `lanfare.v1.json`, as `{"event":…,"data":…}`.
   *
   * @param event 1 to 255 bytes
   * @param data a JSON value; none: no `data` in the frame
   * @returns false: a node that may hold the user does not get it, because queues are full, it is being met, or this bus
   *   has no channels (`plain`)
   * @throws {MessageRefusedError} bad_user_id, too_large: it went nowhere
   * @throws {TypeError} the event is the core's or has no name, or `data` is circular or has a BigInt
   */
  send(userId: string | number, event: string, data?: unknown): boolean {
    const to = userIdFrom(userId);
    if (to === null) throw new MessageRefusedError('bad_user_id');
    const eventBytes = Buffer.byteLength(event);
    if (eventBytes === 0 || eventBytes > EVENT_BYTES_MAX || isCoreEvent(event)) {
      throw new TypeError(`the event "${event}" is the core's, or has not 1 to ${EVENT_BYTES_MAX} bytes`);
    }
    if (Buffer.byteLength(eventFrame(event, null, data)) > MESSAGE_BYTES_MAX) {
      throw new MessageRefusedError('too_large');
    }
    const message: UserEvent = { to, event, data };
    const address = { kind: 'user', name: to } as const;
    // the cluster first, as with messages: here and there it comes in the order in which it was sent
    const refused = this.#channel.publishToHolders(address, message);
    this.#deliver(message);
    return refused.length === 0 && this.cluster.holders(address).complete;
  }

  #deliver({ to, event, data }: UserEvent): void {
    const devices = (this.connections.of(to) as readonly Device[]).filter(({ isEnveloped }) => isEnveloped);
    if (devices.length === 0) return;
    const frame = eventFrame(event, null, data);
    for (const device of devices) device.sendText(frame);
  }
}

/** It comes from a node with the cluster's secret, which may be of another version. */
function isUserEvent(value: unknown): value is UserEvent {
  const { to, event } = (value ?? {}) as Partial<Record<keyof UserEvent, unknown>>;
  return typeof to === 'string' && typeof event === 'string' && event !== '' && !isCoreEvent(event);
}
