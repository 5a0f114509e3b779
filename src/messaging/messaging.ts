import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import type { BusRefusal, Receipt } from '../cluster/bus/bus.js';
import type { Connection } from '../connections/connection.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { moduleFailed } from '../telemetry/module-failures.js';
import type { Message } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { userIdFrom } from '../wire/user-id.js';
import type { MessageSample } from './message-sample.js';
import { MessageStatistics } from './message-statistics.js';
import { MessageTracing } from './message-tracing.js';
import { RecentMessages } from './recent-messages.js';

/** One message in so many is measured and traced, if anyone wants to know. */
const SAMPLE_EVERY = 256;
/** As much as the nodes carry: what is refused there goes to nobody here either, on a node without others too. */
const MESSAGE_BYTES_MAX = 1_048_576;

/** The message went nowhere, and why. */
export class MessageRefusedError extends Error {
  override readonly name = 'MessageRefusedError';

  constructor(readonly code: BusRefusal | 'bad_user_id' | 'missing_data') {
    super(`the message was refused: ${code}`);
  }
}

/**
 * Decides where a message goes: to the user's connections on this node, and through the cluster to those on
 * others. Connections join and leave through it, so that this node's registry and what the cluster knows of it
 * change in one step.
 */
@Injectable()
export class Messaging implements OnModuleInit {
  readonly #recent = new RecentMessages();
  readonly #statistics = new MessageStatistics();
  readonly #samples = new Subject<MessageSample>();
  #untilSample = SAMPLE_EVERY;
  /** Null: there is no OpenTelemetry SDK. */
  #tracing: MessageTracing | null = null;

  /** One message in many, after it went. Hot; never ends. Nothing is measured while nobody subscribes. */
  readonly samples$: Observable<MessageSample> = this.#samples.asObservable();

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {}

  get statistics(): Readonly<MessageStatistics> {
    return this.#statistics;
  }

  onModuleInit(): void {
    this.#tracing = MessageTracing.start(this.cluster.nodeId);
    this.cluster.inbound$.subscribe((message) => {
      const delivered = this.#deliver(message);
      this.#statistics.countInbound(delivered);
      message.acknowledge?.(delivered);
    });
  }

  /** `reachable` is called once, when the whole cluster can be promised to reach the connection. */
  join(connection: Connection, reachable: () => void): void {
    this.connections.add(connection);
    this.cluster.join(connection.userId, reachable);
  }

  /** Calling it again is harmless. */
  leave(connection: Connection): void {
    if (this.connections.remove(connection)) this.cluster.leave(connection.userId);
  }

  /**
   * The hot path: sends a message to every device of a user. `outcome`, when given, is called once, at once or
   * within a second. A refusal means that no device got it, and `outcome` is not called.
   *
   * A message that belongs to a trace already is traced whether it is a sample or not: that was decided elsewhere.
   *
   * @throws {TypeError} when `data` is no Buffer; the message went nowhere then
   */
  post(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    // else it would be found out when the turn ends, and cost whoever is written to then
    if (!Buffer.isBuffer(message.data)) throw new TypeError('data must be JSON text in a Buffer');
    if (message.data.length > MESSAGE_BYTES_MAX) {
      this.#statistics.clusterRefused.too_large++;
      return 'too_large';
    }
    if (--this.#untilSample === 0 || message.trace !== undefined) return this.#postObserved(message, outcome);
    return this.#route(message, outcome);
  }

  /**
   * Sends a JSON value to every device of a user, from anywhere in the cluster.
   *
   * @param from the user it is said to come from; null: from the application itself
   * @throws {MessageRefusedError} when it went nowhere
   * @throws {TypeError} what JSON.stringify throws of circular data and BigInts
   */
  async send(userId: string | number, data: unknown, from: string | number | null = null): Promise<Outcome> {
    const to = userIdFrom(userId);
    const sender = from === null ? null : userIdFrom(from);
    if (to === null || (from !== null && sender === null)) throw new MessageRefusedError('bad_user_id');
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw new MessageRefusedError('missing_data');
    return new Promise((resolve, reject) => {
      const refusal = this.post({ to, from: sender, data: Buffer.from(json) }, resolve);
      if (refusal !== null) reject(new MessageRefusedError(refusal));
    });
  }

  /**
   * Measured, if it is a sample; in a span, if tracing wants one, which the message carries from here on. The span
   * ends with the outcome, which is asked for even where the sender wants none.
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

  #route(message: Message, outcome: ((outcome: Outcome) => void) | null): BusRefusal | null {
    if (outcome === null) {
      const refusal = this.#sendToCluster(message, null);
      if (refusal === null) this.#deliverHere(message);
      return refusal;
    }
    const tally = new Tally(outcome);
    // the cluster first: what it refuses must not have been delivered here
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

  /** As `#route`, with a clock running. A receipt is asked for even where the sender wants none. */
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
      // nobody asked, nobody answered: that is no round trip
      if (remote.delivered > 0) finish('cluster', remote);
      tally.addRemote(remote);
    });
    if (refusal !== null) return refusal;
    const delivered = this.#deliverHere(message);
    tally.addLocal(delivered);
    // connections write in the check phase of this turn; this was asked for after theirs
    if (delivered > 0) setImmediate(finish, 'local', { delivered, complete: true });
    return null;
  }

  #deliver(message: Message): number {
    // who has no device here is no hop of the trace
    if (message.trace === undefined || this.connections.count(message.to) === 0) {
      return this.#deliverOnce(message);
    }
    const end = this.#tracing?.startDelivery(message, message.trace);
    const delivered = this.#deliverOnce(message);
    end?.(delivered);
    return delivered;
  }

  /** To this node's connections, unless it is a retry of what they got already. */
  #deliverOnce(message: Message): number {
    if (message.messageId === undefined) return this.connections.deliver(message);
    return this.#recent.once(message, () => this.connections.deliver(message));
  }
}

function ignore(): void {}

/** Adds up what this node and the others say; either may come first. */
class Tally {
  #delivered = 0;
  #complete = true;
  #missing = 2;

  constructor(private readonly outcome: (outcome: Outcome) => void) {}

  addLocal(delivered: number): void {
    this.#add(delivered, true);
  }

  addRemote({ delivered, complete }: Outcome): void {
    this.#add(delivered, complete);
  }

  #add(delivered: number, complete: boolean): void {
    this.#delivered += delivered;
    this.#complete &&= complete;
    if (--this.#missing > 0) return;
    try {
      this.outcome({ delivered: this.#delivered, complete: this.#complete });
    } catch (error) {
      // called out of the cluster's turn, whose other events must not be lost with it
      moduleFailed('outcome', 'What a module does with the outcome of a message', error);
    }
  }
}
