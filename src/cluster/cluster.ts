import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Observable, Subscription } from 'rxjs';
import type { Message } from '../wire/message.js';
import {
  Bus,
  type Answers,
  type BusHealth,
  type BusRefusal,
  type BusStatistics,
  type Gap,
  type InboundMessage,
  type PeerChange,
  type PeerView,
  type Receipt,
} from './bus/bus.js';
import { Channel } from './channel.js';

/** Answers one inquiry from its body; undefined: this node has nothing to say, and still answers. */
type Responder = (body: unknown) => unknown;

/**
 * Many nodes look like one. Starts the bus before the public port opens, and leaves the cluster after the last
 * client has gone.
 */
@Injectable()
export class Cluster implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(Cluster.name);
  readonly #channels = new Map<string, Channel>();
  readonly #responders = new Map<string, Responder>();
  readonly #subscriptions: Subscription[] = [];

  /** Messages from other nodes for users who may be here. Hot; completes when the node has left the cluster. */
  readonly inbound$: Observable<InboundMessage>;
  /** Other nodes coming and going, as this node sees it. Hot. */
  readonly peerChanges$: Observable<PeerChange>;
  /** What could not be promised: unrepairable loss, nodes that died with messages on their way. Hot. */
  readonly gaps$: Observable<Gap>;
  /** True while senders should wait: queues towards living nodes are full. Replays the current state. */
  readonly congested$: Observable<boolean>;

  constructor(private readonly bus: Bus) {
    this.inbound$ = bus.messages$;
    this.peerChanges$ = bus.peerChanges$;
    this.gaps$ = bus.gaps$;
    this.congested$ = bus.congested$;
  }

  /** This node's identity, new at every start. */
  get nodeId(): string {
    return this.bus.nodeId;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#subscriptions.push(
      this.bus.inquiries$.subscribe(({ topic, body, answer }) => {
        const responder = this.#responders.get(topic);
        if (responder === undefined) return; // a newer node asks what we don't know: it counts us as missing
        answer(Buffer.from(JSON.stringify(responder(JSON.parse(body.toString('utf8'))) ?? null)));
      }),
      this.bus.peerChanges$.subscribe(({ change, peer, reason }) =>
        this.#logger.log(`Node ${peer.name} (${peer.nodeId}, ${peer.address}) ${change}: ${reason}`),
      ),
      this.bus.gaps$.subscribe(({ nodeId, kind, count, reason }) =>
        this.#logger.warn(
          `Delivery not certain (${kind}) with node ${nodeId}${count === null ? '' : `, ${count} affected`}: ${reason}`,
        ),
      ),
    );
    await this.bus.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.bus.stop();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** See Bus.join: `reachable` comes when every node is known to route to the user. */
  join(userId: string, reachable: () => void): void {
    this.bus.join(userId, reachable);
  }

  leave(userId: string): void {
    this.bus.leave(userId);
  }

  /** See Bus.send: to every other node that holds the user; a refusal means that it went nowhere. */
  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.bus.send(message, receipt);
  }

  /** A module's own messages between nodes. The same name gives the same channel. */
  channel<T = unknown>(name: string): Channel<T> {
    const channel = this.#channels.get(name) ?? new Channel(name, this.bus);
    this.#channels.set(name, channel);
    return channel as Channel<T>;
  }

  /** Asks the same question of all other nodes; the answers are JSON values. */
  async ask(topic: string, body: unknown, timeoutMs: number): Promise<Answers> {
    return this.bus.inquire(topic, Buffer.from(JSON.stringify(body)), timeoutMs);
  }

  /** Answers other nodes' questions on a topic. One responder a topic; it must not throw, and not block. */
  respond(topic: string, responder: Responder): void {
    if (this.#responders.has(topic)) throw new Error(`there is a responder for "${topic}" already`);
    this.#responders.set(topic, responder);
  }

  peers(): PeerView[] {
    return this.bus.peers();
  }

  health(): BusHealth {
    return this.bus.health();
  }

  /** What the bus counts; null when it counts nothing. */
  statistics(): BusStatistics | null {
    return this.bus.statistics();
  }
}
