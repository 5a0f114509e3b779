import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { BusRefusal, InboundRoomMessage } from '../cluster/bus/bus.js';
import { Cluster } from '../cluster/cluster.js';
import type { Device } from '../connections/device.js';
import { MESSAGE_BYTES_MAX } from '../messaging/messaging.js';
import { MessageTracing, SAMPLE_EVERY, type SendSpan } from '../messaging/message-tracing.js';
import { keyOf, RecentMessages } from '../messaging/recent-messages.js';
import { Tally } from '../messaging/tally.js';
import { LogBudget } from '../telemetry/log-budget.js';
import type { RoomMessage } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { roomDelivery } from '../wire/room-frames.js';
import { Fanout } from './fanout.js';
import { Memberships } from './memberships.js';
import type { Room } from './room.js';
import { RoomStatistics } from './room-statistics.js';

/**
 * Carries messages to rooms: through the cluster to the nodes that have members, and to the members here. A message is
 * framed once on each node, and each member is written this frame.
 */
@Injectable()
export class RoomMessaging implements OnModuleInit {
  readonly statistics = new RoomStatistics();
  readonly #recent = new RecentMessages();
  readonly #warnings = new LogBudget(new Logger('Rooms'));
  #untilSample = SAMPLE_EVERY;
  /** Null: there is no OpenTelemetry SDK. */
  #tracing: MessageTracing | null = null;

  constructor(
    private readonly memberships: Memberships,
    private readonly fanout: Fanout,
    private readonly cluster: Cluster,
  ) {}

  onModuleInit(): void {
    this.#tracing = MessageTracing.start(this.cluster.nodeId, 'rooms/{room}');
    this.cluster.roomInbound$.subscribe((message) => this.#receive(message));
  }

  /** Messages with a `message_id` that are remembered. */
  get remembered(): number {
    return this.#recent.size;
  }

  /**
   * Sends a message to every member of its room, on every node. `outcome`, when given, is called once, at once or
   * later. A refusal means that no member got it, and `outcome` is not called. A message that has a trace is traced whether
   * it is sampled or not: its sender decided that. A volatile message is not traced.
   *
   * @param except the connection that does not get it; null: all members get it
   */
  post(
    message: RoomMessage,
    except: Device | null,
    outcome: ((outcome: Outcome) => void) | null,
  ): BusRefusal | null {
    const span = this.#startSend(message);
    const refusal =
      span === null ? this.#post(message, except, outcome) : this.#postTraced(span, message, except, outcome);
    if (refusal === null) this.statistics.posted++;
    else this.statistics.refused[refusal]++;
    return refusal;
  }

  /** Null: the message is not traced. */
  #startSend(message: RoomMessage): SendSpan | null {
    if (this.#tracing === null || message.isVolatile === true) return null;
    const isSample = --this.#untilSample === 0;
    if (isSample) this.#untilSample = SAMPLE_EVERY;
    return isSample || message.trace !== undefined ? this.#tracing.startSend(message) : null;
  }

  /** The message carries the span from here on. The span ends with the outcome, which is asked for even if nobody wants it. */
  #postTraced(
    span: SendSpan,
    message: RoomMessage,
    except: Device | null,
    outcome: ((outcome: Outcome) => void) | null,
  ): BusRefusal | null {
    const refusal = this.#post({ ...message, trace: span.trace }, except, (what) => {
      span.end(what);
      outcome?.(what);
    });
    if (refusal !== null) span.end(refusal);
    return refusal;
  }

  #post(
    message: RoomMessage,
    except: Device | null,
    outcome: ((outcome: Outcome) => void) | null,
  ): BusRefusal | null {
    if (message.data.length > MESSAGE_BYTES_MAX) return 'too_large';
    const room = this.memberships.room(message.room);
    if (message.isVolatile === true) return this.#postVolatile(message, room, except, outcome);
    if (room !== undefined && this.fanout.isFull(room, 1 / 2)) return 'congested';
    const tally = outcome === null ? null : new Tally(outcome);
    // the cluster first: a message that it refuses must not have been delivered here
    const refusal = this.cluster.sendToRoom(message, tally && ((remote) => tally.addRemote(remote)));
    if (refusal === null) this.#deliver(message, room, except, (delivered) => tally?.addLocal(delivered));
    return refusal;
  }

  /** Other nodes are not asked who got it. The outcome comes when the members here were written to: at once, if they are few. */
  #postVolatile(
    message: RoomMessage,
    room: Room | undefined,
    except: Device | null,
    outcome: ((outcome: Outcome) => void) | null,
  ): BusRefusal | null {
    const refusal = this.cluster.sendToRoom(message, null);
    if (refusal !== null) return refusal;
    const done = (delivered: number): void => outcome?.({ delivered, complete: false });
    if (room !== undefined && this.fanout.isFull(room, 1 / 2)) {
      this.statistics.volatileDropped++;
      done(0);
    } else {
      this.#deliver(message, room, except, done);
    }
    return null;
  }

  #receive(message: InboundRoomMessage): void {
    this.statistics.received++;
    const room = this.memberships.room(message.room);
    if (message.isVolatile === true && room !== undefined && this.fanout.isFull(room, 1 / 2)) {
      this.statistics.volatileDropped++;
      return;
    }
    if (room !== undefined && this.fanout.isFull(room, 1)) {
      // there is no answer, so the sender knows that its count is not complete
      this.statistics.dropped++;
      this.#warnings.warn(
        'incomplete',
        'Delivery not certain (incomplete): more came for the members of a room than could be written to them',
      );
      return;
    }
    this.#deliver(message, room, null, (delivered) => message.acknowledge?.(delivered));
  }

  /** Delivers to the members here, unless they got the same message before and this is a retry. */
  #deliver(
    message: RoomMessage,
    room: Room | undefined,
    except: Device | null,
    done: (delivered: number) => void,
  ): void {
    if (room === undefined) {
      done(0);
      return;
    }
    const end = message.trace && this.#tracing?.startDelivery(message, message.trace);
    this.#deliverOnce(message, room, except, (delivered) => {
      end?.(delivered);
      done(delivered);
    });
  }

  #deliverOnce(
    message: RoomMessage,
    room: Room,
    except: Device | null,
    done: (delivered: number) => void,
  ): void {
    if (message.messageId === undefined) {
      this.#write(message, room, except, done);
      return;
    }
    const key = keyOf({ from: message.from, to: room.name, messageId: message.messageId });
    const before = this.#recent.find(key);
    if (before !== undefined) {
      done(before);
      return;
    }
    // remembered now, so that a retry cannot overtake it; the exact count follows when all members were written to
    this.#recent.remember(key, room.size);
    this.#write(message, room, except, (delivered) => {
      this.#recent.remember(key, delivered);
      done(delivered);
    });
  }

  #write(message: RoomMessage, room: Room, except: Device | null, done: (delivered: number) => void): void {
    this.fanout.write(room, {
      frame: roomDelivery(message),
      except,
      done: (delivered) => {
        this.statistics.deliveries += delivered;
        done(delivered);
      },
    });
  }
}
