import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import type { BusRefusal, Receipt } from '../cluster/bus/bus.js';
import type { Device } from '../connections/device.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import type { Message } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { userIdFrom } from '../wire/user-id.js';
import type { MessageSample } from './message-sample.js';
import { MessageStatistics } from './message-statistics.js';
import { MessageTracing, SAMPLE_EVERY } from './message-tracing.js';
import { RecentMessages } from './recent-messages.js';
import { Tally } from './tally.js';

/**
 * The largest message that nodes carry to each other. A larger one is refused on every bus, even on a node without
 * others.
 */
export const MESSAGE_BYTES_MAX = 1_048_576;

/** The message went nowhere, and why. */
export class MessageRefusedError extends Error {
  override readonly name = 'MessageRefusedError';

  constructor(readonly code: BusRefusal | 'bad_user_id' | 'missing_data') {
    super(`the message was refused: ${code}`);
  }
}

/**
 * Decides where a message goes: to the user's connections on this node, and through the cluster to those on other
 * nodes. Connections join and leave through it, so that the registry and the cluster's directory change in one step.
 */
@Injectable()
export class Messaging implements OnModuleInit {
  readonly #recent = new RecentMessages();
  readonly #statistics = new MessageStatistics();
  readonly #samples = new Subject<MessageSample>();
  readonly #posted = new Subject<Message>();
  /** One message in so many is measured and traced, if somebody subscribes or an SDK is registered. */
  #untilSample = SAMPLE_EVERY;
  /** Null: there is no OpenTelemetry SDK. */
  #tracing: MessageTracing | null = null;

  /** The timings of one message in many. Hot; never ends. Nothing is measured while nobody subscribes. */
  readonly samples$: Observable<MessageSample> = this.#samples.asObservable();

  /**
   * Every message that was accepted on this node, from its clients and its modules, after it was sent. So each message
   * of the cluster is seen on one node. Hot; never ends. Subscribers run where messages are sent: a slow subscriber
   * slows them down. Nothing is done while nobody subscribes. `data` is what the sender wrote: do not write to it, and
   * copy it to keep it, since it is a view.
   */
  readonly posted$: Observable<Message> = this.#posted.asObservable();

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {}

  /** Messages with a `message_id` that are remembered. */
  get remembered(): number {
    return this.#recent.size;
  }

  get statistics(): Readonly<MessageStatistics> {
    return this.#statistics;
  }

  onModuleInit(): void {
    this.#tracing = MessageTracing.start(this.cluster.nodeId, 'users/{user_id}');
    if (this.#tracing !== null) {
      new Logger(MessageTracing.name).log('Sampled messages are traced: an OpenTelemetry SDK is registered');
    }
    this.cluster.inbound$.subscribe((message) => {
      const delivered = this.#deliver(message);
      this.#statistics.countInbound(delivered);
      message.acknowledge?.(delivered);
    });
  }

  /** `reachable` is called once, when it can be promised that every node reaches the connection. */
  join(connection: Device, reachable: () => void): void {
    this.connections.add(connection);
    this.cluster.join({ kind: 'user', name: connection.userId }, reachable);
  }

  /** Calling it again is harmless. */
  leave(connection: Device): void {
    if (this.connections.remove(connection)) this.cluster.leave({ kind: 'user', name: connection.userId });
  }

  /**
   * The hot path: sends a message to every device of a user. `outcome`, when given, is called once, at once or
   * within a second. A refusal means that no device got it, and `outcome` is not called.
   *
   * A message that has a trace is traced whether it is sampled or not: its sender decided that. A volatile message is
   * neither traced nor measured, and its outcome comes at once: this node's count, not complete.
   *
   * @throws {TypeError} when `data` is no Buffer; the message went nowhere then
   */
  post(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    // checked here: at the end of the turn such data would break the writes to other clients
    if (!Buffer.isBuffer(message.data)) throw new TypeError('data must be JSON text in a Buffer');
    if (message.data.length > MESSAGE_BYTES_MAX) {
      this.#statistics.clusterRefused.too_large++;
      return 'too_large';
    }
    const refusal =
      message.isVolatile === true
        ? this.#postVolatile(message, outcome)
        : --this.#untilSample === 0 || message.trace !== undefined
          ? this.#postObserved(message, outcome)
          : this.#route(message, outcome);
    if (refusal === null && this.#posted.observed) this.#posted.next(message);
    return refusal;
  }

  /**
   * Sends a JSON value to every device of a user, from anywhere in the cluster.
   *
   * @param from the user in the message's `from`; null: it comes from the application itself
   * @throws {MessageRefusedError} when it went nowhere
   * @throws {TypeError} when `data` is circular or has a BigInt, as JSON.stringify does
   */
  async send(userId: string | number, data: unknown, from: string | number | null = null): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const refusal = this.#postValue(userId, data, from, resolve);
      if (refusal !== null) reject(new MessageRefusedError(refusal));
    });
  }

  /**
   * Like `send`, for a module that does not wait for the outcome: there is no promise, and other nodes are not asked
   * for receipts.
   *
   * @returns why it went nowhere; null: it is on its way
   * @throws {TypeError} when `data` is circular or has a BigInt, as JSON.stringify does
   */
  sendAndForget(
    userId: string | number,
    data: unknown,
    from: string | number | null = null,
  ): MessageRefusedError['code'] | null {
    return this.#postValue(userId, data, from, null);
  }

  #postValue(
    userId: string | number,
    data: unknown,
    from: string | number | null,
    outcome: ((outcome: Outcome) => void) | null,
  ): MessageRefusedError['code'] | null {
    const to = userIdFrom(userId);
    const sender = from === null ? null : userIdFrom(from);
    if (to === null || (from !== null && sender === null)) return 'bad_user_id';
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) return 'missing_data';
    return this.post({ to, from: sender, data: Buffer.from(json) }, outcome);
  }

  /**
   * Measures the message, if it is sampled, and makes a span for it, if tracing wants one. The message carries the
   * span from here on. The span ends with the outcome, which is asked for even if the sender wants none.
   */
  #postObserved(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    const isSample = this.#untilSample === 0;
    if (isSample) this.#untilSample = SAMPLE_EVERY;
    const isMeasured = isSample && this.#samples.observed;
    const span = this.#tracing?.startSend(message) ?? null;
    if (span === null) {
      return isMeasured ? this.#routeMeasured(message, outcome) : this.#route(message, outcome);
    }
    const traced = { ...message, trace: span.trace };
    const finish = (what: Outcome) => {
      span.end(what);
      outcome?.(what);
    };
    const refusal = isMeasured ? this.#routeMeasured(traced, finish) : this.#route(traced, finish);
    if (refusal !== null) span.end(refusal);
    return refusal;
  }

  /** Other nodes are not asked who got it: the outcome comes at once, with this node's count. */
  #postVolatile(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    const refusal = this.#sendToCluster(message, null);
    if (refusal !== null) return refusal;
    const delivered = this.#deliverHere(message);
    outcome?.({ delivered, complete: false });
    return null;
  }

  #route(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    if (outcome === null) {
      const refusal = this.#sendToCluster(message, null);
      if (refusal === null) this.#deliverHere(message);
      return refusal;
    }
    const tally = new Tally(outcome);
    // the cluster first: a message that it refuses must not have been delivered here
    const refusal = this.#sendToCluster(message, (remote) => tally.addRemote(remote));
    if (refusal === null) tally.addLocal(this.#deliverHere(message));
    return refusal;
  }

  #sendToCluster(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const refusal = this.cluster.send(message, receipt);
    if (refusal === null) this.#statistics.clusterAccepted++;
    else this.#statistics.clusterRefused[refusal]++;
    return refusal;
  }

  #deliverHere(message: Message): number {
    const delivered = this.#deliver(message);
    this.#statistics.countLocal(delivered);
    return delivered;
  }

  /** Like `#route`, but timed. A receipt is asked for even if the sender wants none. */
  #routeMeasured(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    const start = performance.now();
    const finish = (path: MessageSample['path'], what: Outcome) => {
      const durationMs = performance.now() - start;
      this.#samples.next({
        path,
        startedAt: Date.now() - durationMs,
        durationMs,
        outcome: what,
      });
    };
    const tally = new Tally(outcome ?? ignore);
    const refusal = this.#sendToCluster(message, (remote) => {
      // no other node was asked, so there was no round trip
      if (remote.delivered > 0) finish('cluster', remote);
      tally.addRemote(remote);
    });
    if (refusal !== null) return refusal;
    const delivered = this.#deliverHere(message);
    tally.addLocal(delivered);
    // connections write in the check phase of this turn, and their setImmediate was called before this one
    if (delivered > 0) setImmediate(finish, 'local', { delivered, complete: true });
    return null;
  }

  #deliver(message: Message): number {
    // a node without a device of the user makes no span
    if (message.trace === undefined || this.connections.count(message.to) === 0) {
      return this.#deliverOnce(message);
    }
    const end = this.#tracing?.startDelivery(message, message.trace);
    const delivered = this.#deliverOnce(message);
    end?.(delivered);
    return delivered;
  }

  /** Delivers to this node's connections, unless they got the same message before and this is a retry. */
  #deliverOnce(message: Message): number {
    if (message.messageId === undefined) return this.connections.deliver(message);
    return this.#recent.once(message, () => this.connections.deliver(message));
  }
}

function ignore(): void {}
