import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Observable, Subscription } from 'rxjs';
import { printable } from '../telemetry/excerpt.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { moduleFailed } from '../telemetry/module-failures.js';
import type { BroadcastMessage, Message, RoomMessage } from '../wire/message.js';
import {
  Bus,
  type Address,
  type BusHealth,
  type BusRefusal,
  type BusStatistics,
  type Gap,
  type Holders,
  type HoldersChange,
  type InboundBroadcast,
  type InboundMessage,
  type InboundRoomMessage,
  type Question,
  type PeerChange,
  type PeerView,
  type Receipt,
} from './bus/bus.js';
import { Bodies, type BodyKind } from './bodies.js';
import { Channel } from './channel.js';

const TOPIC_BYTES_MAX = 255;
const TIMEOUT_MS_MAX = 60_000;

/**
 * The token of the bus in force. The token of the port itself is for the bus of the application (Nest resolves
 * an import before a global module).
 */
export const BUS_IN_FORCE = Symbol('the bus in force');

/** Answers one question; undefined: this node has nothing to say, and still answers. */
type Responder = (body: unknown) => unknown;

/** The answers to a question, and the nodes that gave none in time, or none that is JSON. */
export interface ClusterAnswers {
  /** `data` is JSON. Its shape is not checked: the responder of that node may be of another version. */
  readonly answers: readonly { readonly nodeId: string; readonly data: unknown }[];
  readonly missing: readonly string[];
  /** False when a node is missing, or when this bus cannot know which nodes there are. */
  readonly complete: boolean;
}

/**
 * Makes many nodes look like one. It starts the bus before the public port opens, and leaves the cluster after the last
 * client has gone.
 */
@Injectable()
export class Cluster implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(Cluster.name);
  readonly #warnings = new LogBudget(this.#logger);
  readonly #channels = new Map<string, Channel>();
  readonly #responders = new Map<string, Responder>();
  readonly #subscriptions: Subscription[] = [];
  readonly #bodies = new Bodies();

  /** Messages from other nodes for users who may be here. Hot; completes when the node has left the cluster. */
  readonly inbound$: Observable<InboundMessage>;
  /** Messages from other nodes to rooms that may have members here. Hot; completes like `inbound$`. */
  readonly roomInbound$: Observable<InboundRoomMessage>;
  /** Messages from other nodes to every connection. Hot; completes like `inbound$`. */
  readonly broadcasts$: Observable<InboundBroadcast>;
  /** Other nodes coming and going, as this node sees it. Hot. */
  readonly peerChanges$: Observable<PeerChange>;
  /** Deliveries that were not certain: loss that can't be repaired, nodes that died with messages on their way. Hot. */
  readonly gaps$: Observable<Gap>;
  /** Watched addresses that the first other node begins to hold, or the last one holds no more. Hot. */
  readonly holdersChanges$: Observable<HoldersChange>;
  /** True while senders should wait: queues towards living nodes are full. Replays the current state. */
  readonly congested$: Observable<boolean>;

  constructor(@Inject(BUS_IN_FORCE) private readonly bus: Bus) {
    this.inbound$ = bus.messages$;
    this.roomInbound$ = bus.roomMessages$;
    this.broadcasts$ = bus.broadcasts$;
    this.peerChanges$ = bus.peerChanges$;
    this.gaps$ = bus.gaps$;
    this.holdersChanges$ = bus.holdersChanges$;
    this.congested$ = bus.congested$;
  }

  /** This node's identity, new at every start. */
  get nodeId(): string {
    return this.bus.nodeId;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#subscriptions.push(
      this.bus.questions$.subscribe((question) => void this.#answer(question)),
      this.bus.peerChanges$.subscribe(({ change, peer, reason }) =>
        this.#logger.log(
          printable(`Node ${peer.name} (${peer.nodeId}, ${peer.address}) ${change}: ${reason}`),
        ),
      ),
      this.bus.gaps$.subscribe((gap) => this.#warn(gap)),
    );
    await this.bus.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.bus.stop();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** See Bus.join: `reachable` comes when every node is known to route to the address. */
  join(address: Address, reachable: (complete: boolean) => void): void {
    this.bus.join(address, reachable);
  }

  leave(address: Address): void {
    this.bus.leave(address);
  }

  /** See Bus.send: sends to every other node that holds the user. A refusal means that the message went nowhere. */
  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.bus.send(message, receipt);
  }

  /** See Bus.sendToRoom: sends to every other node that has members of the room. */
  sendToRoom(message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.bus.sendToRoom(message, receipt);
  }

  /** See Bus.sendToAll: sends to every other node. */
  sendToAll(message: BroadcastMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.bus.sendToAll(message, receipt);
  }

  /** Which other nodes hold the address. Nothing is asked of them: it says what this node knows by now. */
  holders(address: Address): Holders {
    return this.bus.holders(address);
  }

  /** See Bus.watch: `holdersChanges$` tells of the address. */
  watch(address: Address): void {
    this.bus.watch(address);
  }

  unwatch(address: Address): void {
    this.bus.unwatch(address);
  }

  /** A module's own messages between nodes. The same name gives the same channel. */
  channel<T = unknown>(name: string): Channel<T> {
    const channel = this.#channels.get(name) ?? new Channel(name, this.bus, this.#bodies);
    this.#channels.set(name, channel);
    return channel as Channel<T>;
  }

  /**
   * Asks the same question of all other nodes, and resolves within `timeoutMs` (1 to 60000).
   *
   * @throws {TypeError | RangeError} when `body` is not a JSON value, or topic or time are out of range
   */
  async ask(topic: string, body: unknown, timeoutMs: number): Promise<ClusterAnswers> {
    checkTopic(topic);
    // written so that NaN is refused too
    if (!(timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX)) {
      throw new RangeError(`the time for answers must be 1 to ${TIMEOUT_MS_MAX} ms, not ${timeoutMs}`);
    }
    const question = this.#bodies.encode(body, 'question', topic);
    const { answers, missing, complete } = await this.bus.ask(topic, question, timeoutMs);
    const read = answers.map((answer) => ({
      nodeId: answer.nodeId,
      data: this.#bodies.decode(answer.body, 'answer', topic, answer.nodeId),
    }));
    const unreadable = read.filter(({ data }) => data === undefined).map(({ nodeId }) => nodeId);
    return {
      answers: read.filter(({ data }) => data !== undefined),
      missing: [...missing, ...unreadable],
      complete: complete && unreadable.length === 0,
    };
  }

  /**
   * Answers other nodes' questions on a topic, at once or later. A topic has one responder. When it throws, rejects
   * or returns no JSON value, that is logged, and the node that asked counts this one as missing.
   */
  respond(topic: string, responder: Responder): void {
    checkTopic(topic);
    if (this.#responders.has(topic)) throw new Error(`there is a responder for "${topic}" already`);
    this.#responders.set(topic, responder);
  }

  /** Questions, answers and publications of other nodes that were no JSON, since the start. */
  get rejectedBodies(): Readonly<Record<BodyKind, number>> {
    return this.#bodies.rejected;
  }

  peers(): PeerView[] {
    return this.bus.peers();
  }

  health(): BusHealth {
    return this.bus.health();
  }

  /** What the bus counts. */
  statistics(): BusStatistics {
    return this.bus.statistics();
  }

  /** Logs a gap. Gaps that can be caused without a living member are limited: recordings can be played back. */
  #warn({ nodeId, kind, count, reason }: Gap): void {
    const affected = count === null ? '' : `, ${count} affected`;
    const line = printable(`Delivery not certain (${kind}) with node ${nodeId}${affected}: ${reason}`);
    if (kind === 'not-mutual') this.#warnings.warn(kind, line);
    else this.#logger.warn(line);
  }

  /** Never rejects. */
  async #answer({ topic, body, nodeId, answer }: Question): Promise<void> {
    const responder = this.#responders.get(topic);
    if (responder === undefined) return; // a newer node asks what we don't know: it counts us as missing
    const question = this.#bodies.decode(body, 'question', topic, nodeId);
    if (question === undefined) return;
    try {
      answer(this.#bodies.encode((await responder(question)) ?? null, 'answer', topic));
    } catch (error) {
      moduleFailed('responder', `The responder of "${topic}"`, error);
    }
  }
}

function checkTopic(topic: string): void {
  const bytes = Buffer.byteLength(topic);
  if (bytes === 0 || bytes > TOPIC_BYTES_MAX) {
    throw new RangeError(`a topic must have 1 to ${TOPIC_BYTES_MAX} bytes`);
  }
}
