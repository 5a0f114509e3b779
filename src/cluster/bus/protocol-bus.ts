import { Logger } from '@nestjs/common';
import { BehaviorSubject, distinctUntilChanged, Subject, type Observable, type Subscription } from 'rxjs';
import { printable } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import type { Message, RoomMessage } from '../../wire/message.js';
import type { CarriedDatagram, Carrier } from '../carrier/carrier.js';
import { ClusterNode } from '../protocol/cluster-node.js';
import type { PeerSnapshot, ProtocolEvent, SendResult } from '../protocol/contract.js';
import {
  Bus,
  NOTHING_COUNTED,
  type Address,
  type Answers,
  type BusHealth,
  type BusRefusal,
  type BusStatistics,
  type Gap,
  type Holders,
  type InboundMessage,
  type InboundRoomMessage,
  type Inquiry,
  type PeerChange,
  type PeerView,
  type Publication,
  type Receipt,
} from './bus.js';
import { loadSodiumCipherSuite, nodeCipherSuite } from './cipher-suites.js';

/** Lets a checkout run at once. Everybody knows it, so it protects nothing. Production refuses to start with it. */
export const DEVELOPMENT_SECRET = 'lanfare: the development secret everybody knows';
/** The view settles within 3 s (R13). A node that is not ready by then logs why, and serves, not ready. */
const START_PATIENCE_MS = 3_500;
/** Draining and saying good-bye take at most half a second. */
const STOP_PATIENCE_MS = 1_500;
/** Larger than what clients may send by default: the HTTP API and modules may send more. */
const MESSAGE_BYTES_MAX = 1_048_576;

export interface ProtocolBusConfig {
  readonly CLUSTER_NAME: string;
  readonly CLUSTER_SECRET: readonly string[];
  readonly NODE_NAME: string;
  /** The software's own, which peers show. */
  readonly version: string;
}

/**
 * The bus that speaks the cluster protocol. It connects the sans-IO core to a carrier, the clock and one timer. It
 * decides nothing itself.
 *
 * In a turn of the event loop datagrams and commands go into the core as they come, and the core's events go up at
 * once. When everything readable was read, `#endTurn` (setImmediate) closes records, seals and sends them, and sets
 * the timer. A microtask or nextTick would flush after every single socket callback, and make batches of one.
 */
export class ProtocolBus extends Bus {
  readonly nodeId: string;
  readonly #logger = new Logger(ProtocolBus.name);
  readonly #warnings = new LogBudget(this.#logger);
  readonly #messages = new Subject<InboundMessage>();
  readonly #roomMessages = new Subject<InboundRoomMessage>();
  readonly #publications = new Subject<Publication>();
  readonly #inquiries = new Subject<Inquiry>();
  readonly #peerChanges = new Subject<PeerChange>();
  readonly #gaps = new Subject<Gap>();
  readonly #congested = new BehaviorSubject(false);
  readonly #subscriptions: Subscription[] = [];

  readonly messages$: Observable<InboundMessage> = this.#messages.asObservable();
  readonly roomMessages$: Observable<InboundRoomMessage> = this.#roomMessages.asObservable();
  readonly publications$: Observable<Publication> = this.#publications.asObservable();
  readonly inquiries$: Observable<Inquiry> = this.#inquiries.asObservable();
  readonly peerChanges$: Observable<PeerChange> = this.#peerChanges.asObservable();
  readonly gaps$: Observable<Gap> = this.#gaps.asObservable();
  readonly congested$: Observable<boolean> = this.#congested.pipe(distinctUntilChanged());

  readonly #receipts = new Map<number, (receipt: Receipt) => void>();
  readonly #joining = new Map<number, (complete: boolean) => void>();
  readonly #asking = new Map<number, (answers: Answers) => void>();
  #token = 0;

  #node: ClusterNode | undefined;
  #turnEnd: NodeJS.Immediate | undefined;
  #isStopped = false;
  #isCarried = true;
  /** The clock's last reading in this turn. All that is sent within a turn is sent at one time. */
  #turnAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  /** When the core wants to be called. */
  #dueAt = -Infinity;
  /** Called at the end of each turn, while `start` or `stop` waits for the core to reach a state. */
  #watcher: (() => void) | undefined;

  constructor(
    private readonly bootId: Buffer,
    private readonly config: ProtocolBusConfig,
    private readonly carrier: Carrier,
  ) {
    super();
    this.nodeId = bootId.toString('hex');
  }

  /** The core's counters, for metrics. */
  override statistics(): BusStatistics {
    if (this.#node === undefined) return NOTHING_COUNTED;
    const { bootsHeard, ...statistics } = this.#node.statistics();
    return { ...statistics, peersHeard: bootsHeard };
  }

  async start(): Promise<void> {
    await this.carrier.open();
    this.#node = this.#makeNode();
    this.#subscriptions.push(
      this.carrier.isUp$.subscribe((isUp) => (this.#isCarried = isUp)),
      this.carrier.datagrams$.subscribe((datagram) => this.#receive(datagram)),
      this.carrier.seeds$.subscribe(({ endpoints, areAllKnown }) => {
        this.#started.setSeeds(performance.now(), endpoints, areAllKnown);
        this.#wantTurnEnd();
      }),
    );
    this.#wantTurnEnd();
    await this.#waitUntil((node) => node.isReady(), START_PATIENCE_MS);
    if (!this.#started.isReady()) this.#logger.error(`Not ready: ${this.#started.problems().join(' ')}`);
  }

  async stop(): Promise<void> {
    if (this.#node !== undefined) {
      this.#node.shutdown(performance.now());
      this.#wantTurnEnd();
      await this.#waitUntil((node) => node.pollTimeout() === Infinity, STOP_PATIENCE_MS);
    }
    // The carrier is closed next, so no further turn can send anything.
    this.#isStopped = true;
    clearImmediate(this.#turnEnd);
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.carrier.close();
    this.#messages.complete();
    this.#roomMessages.complete();
    this.#publications.complete();
    this.#inquiries.complete();
    this.#peerChanges.complete();
    this.#gaps.complete();
    this.#congested.complete();
  }

  join(address: Address, reachable: (complete: boolean) => void): void {
    const token = this.#nextToken();
    this.#joining.set(token, reachable);
    this.#started.join(performance.now(), address, token);
    this.#wantTurnEnd();
  }

  leave(address: Address): void {
    this.#started.leave(performance.now(), address, 0);
    this.#wantTurnEnd();
  }

  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const node = this.#started;
    const token = this.#beginSend(receipt);
    return this.#endSend(node, node.send(this.#turnAt, message, token), token);
  }

  sendToRoom(message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const node = this.#started;
    const token = this.#beginSend(receipt);
    return this.#endSend(node, node.sendToRoom(this.#turnAt, message, token), token);
  }

  holders(address: Address): Holders {
    if (this.#node === undefined) return { nodeIds: [], complete: false };
    const { peers, complete } = this.#node.holders(performance.now(), address);
    return { nodeIds: peers, complete: complete && this.#isCarried };
  }

  publish(channel: string, body: Buffer): boolean {
    const isTaken = this.#started.publish(performance.now(), channel, body);
    this.#wantTurnEnd();
    return isTaken;
  }

  async inquire(topic: string, body: Buffer, timeoutMs: number): Promise<Answers> {
    return new Promise((resolve) => {
      const token = this.#nextToken();
      this.#asking.set(token, resolve);
      this.#started.inquire(performance.now(), topic, body, timeoutMs, token);
      this.#wantTurnEnd();
    });
  }

  peers(): PeerView[] {
    return this.#node?.peers().map(viewOf) ?? [];
  }

  health(): BusHealth {
    if (this.#node === undefined) return { ready: false, problems: ['The bus has not started yet.'] };
    const problems = this.#node.problems();
    if (this.#isCarried) return { ready: this.#node.isReady(), problems };
    return { ready: false, problems: ['What carries datagrams between the nodes is away.', ...problems] };
  }

  get #started(): ClusterNode {
    if (this.#node === undefined) throw new Error('The bus has not been started: call start() first');
    return this.#node;
  }

  #makeNode(): ClusterNode {
    const { CLUSTER_NAME: clusterName, CLUSTER_SECRET: secrets, NODE_NAME: nodeName, version } = this.config;
    if (secrets.length === 0) {
      this.#logger.warn(
        'CLUSTER_SECRET is not set: the development secret is used, and ANYONE on the network can read and forge messages',
      );
    }
    const { limits } = this.carrier;
    const sodium = loadSodiumCipherSuite();
    if (sodium === null) {
      this.#logger.warn('sodium-native is not installed: sealing costs about three times as much CPU');
    }
    return new ClusterNode({
      bootId: this.bootId,
      nodeName,
      clusterName,
      version,
      secrets: (secrets.length === 0 ? [DEVELOPMENT_SECRET] : secrets).map((secret) => Buffer.from(secret)),
      mode: this.carrier.mode,
      seeds: [],
      datagramBytes: limits.datagramBytes,
      deafHelp: this.carrier.deafHelp,
      messageBytesMax: MESSAGE_BYTES_MAX,
      receiveBufferBytes: limits.receiveBufferBytes,
      random: Math.random,
      cipher: sodium ?? nodeCipherSuite,
      startedAt: performance.now(),
    });
  }

  /** Returns the token of the receipt; 0: none is wanted. */
  #beginSend(receipt: ((receipt: Receipt) => void) | null): number {
    if (this.#turnEnd === undefined) this.#turnAt = performance.now();
    this.#wantTurnEnd();
    if (receipt === null) return 0;
    const token = this.#nextToken();
    this.#receipts.set(token, receipt);
    return token;
  }

  #endSend(node: ClusterNode, result: SendResult, token: number): BusRefusal | null {
    // emitted within the call: a sender that reads on until the turn ends would overfill the queue
    if (node.isCongested) this.#congested.next(true);
    if (result === 'queued' || result === 'none') return null;
    this.#receipts.delete(token);
    return result;
  }

  #receive({ arrival, bytes, source }: CarriedDatagram): void {
    const node = this.#started;
    this.#turnAt = performance.now();
    node.handleDatagram(this.#turnAt, arrival, bytes, source);
    this.#raiseEvents(node);
    this.#wantTurnEnd();
  }

  #wantTurnEnd(): void {
    if (this.#turnEnd !== undefined || this.#isStopped) return;
    this.#turnEnd = setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turnEnd = undefined;
    const node = this.#started;
    const now = performance.now();
    // The deadline is that of the last turn's end: what this turn has caused is due later, or done by flush.
    if (this.#dueAt <= now) node.handleTimeout(now);
    node.flush(now);
    for (let next = node.pollTransmit(); next !== undefined; next = node.pollTransmit()) {
      if (next.to === null) this.carrier.toAll(next.bytes);
      else this.carrier.send(next.to, next.bytes);
    }
    this.#raiseEvents(node);
    this.#watcher?.();
    this.#dueAt = node.pollTimeout();
    this.#setTimer(this.#dueAt, now);
  };

  /**
   * Sets the one timer. A timer that fires too early is left alone: that costs less than setting it anew every turn.
   */
  #setTimer(due: number, now: number): void {
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    if (due === Infinity) return;
    const delayMs = Math.max(1, Math.ceil(due - now));
    this.#timerAt = now + delayMs;
    this.#timer = setTimeout(this.#handleTimer, delayMs);
  }

  readonly #handleTimer = (): void => {
    this.#timerAt = Infinity;
    // What arrived meanwhile is read first (the poll phase comes before the check phase), then the core handles time.
    this.#wantTurnEnd();
  };

  #raiseEvents(node: ClusterNode): void {
    for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent())
      this.#raise(node, event);
  }

  #raise(node: ClusterNode, event: ProtocolEvent): void {
    switch (event.type) {
      case 'message': {
        const { to, from, data, peer, receipt, messageId, trace } = event;
        const acknowledge = this.#acknowledgement(node, peer, receipt);
        const message = { to, from, data, trace: trace ?? undefined, acknowledge };
        this.#messages.next(messageId === null ? message : { ...message, messageId });
        break;
      }
      case 'room-message': {
        const { room, from, data, peer, receipt, messageId, event: name } = event;
        this.#roomMessages.next({
          room,
          from,
          data,
          ...(messageId !== null && { messageId }),
          ...(name !== null && { event: name }),
          acknowledge: this.#acknowledgement(node, peer, receipt),
        });
        break;
      }
      case 'receipt': {
        const { token, delivered, complete } = event;
        const receipt = this.#receipts.get(token);
        this.#receipts.delete(token);
        receipt?.({ delivered, complete: complete && this.#isCarried });
        break;
      }
      case 'reachable': {
        const reachable = this.#joining.get(event.token);
        this.#joining.delete(event.token);
        reachable?.(event.complete && this.#isCarried);
        break;
      }
      case 'publication':
        this.#publications.next({ channel: event.channel, body: event.body, nodeId: event.peer });
        break;
      case 'inquiry': {
        const { topic, body, peer, id } = event;
        const answer = (reply: Buffer): void => {
          node.answer(performance.now(), peer, id, reply);
          this.#wantTurnEnd();
        };
        this.#inquiries.next({ topic, body, nodeId: peer, answer });
        break;
      }
      case 'answers': {
        const { token, answers, missing, complete } = event;
        const resolve = this.#asking.get(token);
        this.#asking.delete(token);
        resolve?.({
          answers: answers.map(({ peer, body }) => ({ nodeId: peer, body })),
          missing,
          complete: complete && this.#isCarried,
        });
        break;
      }
      case 'peer':
        this.carrier.seek(node.peers().length === 0);
        this.#peerChanges.next({ change: event.change, peer: viewOf(event.peer), reason: event.reason });
        break;
      case 'gap': {
        const { peer, kind, count, reason } = event;
        this.#gaps.next({ nodeId: peer, kind, count, reason });
        break;
      }
      case 'congestion':
        this.#congested.next(node.isCongested);
        break;
      case 'warning':
        this.#warnings.warn(event.code, printable(event.message));
        break;
    }
  }

  #acknowledgement(node: ClusterNode, peer: string, receipt: number): ((delivered: number) => void) | null {
    if (receipt === 0) return null;
    return (delivered) => {
      node.acknowledge(performance.now(), peer, receipt, delivered);
      this.#wantTurnEnd();
    };
  }

  async #waitUntil(isSo: (node: ClusterNode) => boolean, patienceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watcher = undefined;
        resolve();
      };
      const timer = setTimeout(done, patienceMs);
      this.#watcher = () => {
        if (isSo(this.#started)) done();
      };
    });
  }

  #nextToken(): number {
    this.#token += 1;
    return this.#token;
  }
}

function viewOf({ endpoint, ...peer }: PeerSnapshot): PeerView {
  const { nodeId, name, state, version, roundTripMs, loss, uptimeMs } = peer;
  return { nodeId, name, address: endpoint, state, version, roundTripMs, loss, uptimeMs };
}
