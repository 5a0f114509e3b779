import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { BusRefusal, InboundBroadcast } from '../cluster/bus/bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Device } from '../connections/device.js';
import { MESSAGE_BYTES_MAX } from '../messaging/messaging.js';
import { Tally } from '../messaging/tally.js';
import { LogBudget } from '../telemetry/log-budget.js';
import type { BroadcastMessage } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { bareFrame, broadcastDelivery } from '../wire/room-frames.js';
import { Fanout } from './fanout.js';
import { Room, type Membership } from './room.js';
import { RoomStatistics } from './room-statistics.js';

/**
 * Messages to every connection of the cluster. On each node all its connections are members of one room that has no name,
 * which no node announces: every node has it. So such a message is framed once for each format, and written in laps.
 */
@Injectable()
export class Everybody implements OnModuleInit {
  readonly statistics = new RoomStatistics();
  readonly #room = new Room('');
  readonly #members = new Map<Device, Membership>();
  readonly #warnings = new LogBudget(new Logger(Everybody.name));

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly fanout: Fanout,
    private readonly cluster: Cluster,
  ) {}

  onModuleInit(): void {
    this.connections.changes$.subscribe(({ change, connection }) => {
      const device = connection as Device;
      if (change === 'added') this.#members.set(device, this.#room.add(device));
      else this.#remove(device);
    });
    this.cluster.broadcasts$.subscribe((message) => this.#receive(message));
  }

  /** `outcome` is called once, at once or later. A refusal means that nobody got it, and `outcome` is not called. */
  post(message: BroadcastMessage, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    const refusal = this.#post(message, outcome);
    if (refusal === null) this.statistics.posted++;
    else this.statistics.refused[refusal]++;
    return refusal;
  }

  #post(message: BroadcastMessage, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    if (message.data.length > MESSAGE_BYTES_MAX) return 'too_large';
    if (this.fanout.isFull(this.#room, 1 / 2)) return 'congested';
    const tally = outcome === null ? null : new Tally(outcome);
    // the cluster first: a message that it refuses must not have been delivered here
    const refusal = this.cluster.sendToAll(message, tally && ((remote) => tally.addRemote(remote)));
    if (refusal === null) this.#write(message, (delivered) => tally?.addLocal(delivered));
    return refusal;
  }

  #receive(message: InboundBroadcast): void {
    this.statistics.received++;
    if (!this.fanout.isFull(this.#room, 1)) {
      this.#write(message, (delivered) => message.acknowledge?.(delivered));
      return;
    }
    // there is no answer, so the sender knows that its count is not complete
    this.statistics.dropped++;
    this.#warnings.warn(
      'incomplete',
      'Delivery not certain (incomplete): more came for all connections than could be written to them',
    );
  }

  #write(message: BroadcastMessage, done: (delivered: number) => void): void {
    this.fanout.write(this.#room, {
      frame: broadcastDelivery(message),
      bareFrame: bareFrame(message),
      except: null,
      done: (delivered) => {
        this.statistics.deliveries += delivered;
        done(delivered);
      },
    });
  }

  #remove(device: Device): void {
    const member = this.#members.get(device);
    if (member === undefined) return;
    this.#members.delete(device);
    this.#room.remove(member);
  }
}
