import { Logger } from '@nestjs/common';
import { printable } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import type { BroadcastMessage, Message, RoomMessage } from '../../wire/message.js';
import type { Carrier } from '../carrier/carrier.js';
import { ClusterNode } from '../protocol/cluster-node.js';
import type { PeerSnapshot, ProtocolEvent, SendResult } from '../protocol/contract.js';
import {
  NOTHING_COUNTED,
  type Address,
  type Answers,
  type BusHealth,
  type BusRefusal,
  type BusStatistics,
  type Holders,
  type PeerView,
  type Receipt,
} from './bus.js';
import { NodeDriver } from './node-driver.js';
import { nodeOptionsOf, type ProtocolBusConfig } from './node-options.js';
import { Pending } from './pending.js';
import { StreamingBus } from './streaming-bus.js';

/** The view settles within 3 s (R13). A node that is not ready by then logs why, and serves, not ready. */
const START_PATIENCE_MS = 3_500;
/** Draining the queues and leaving the cluster take at most half a second. */
const STOP_PATIENCE_MS = 1_500;
/**
 * The bus that speaks the cluster protocol. It turns calls into commands to the sans-IO core, and the core's events into
 * streams and answers. `NodeDriver` gives the core datagrams and the time. Neither decides anything itself.
 */
export class ProtocolBus extends StreamingBus {
  readonly nodeId: string;
  readonly #logger = new Logger(ProtocolBus.name);
  readonly #warnings = new LogBudget(this.#logger);

  readonly #receipts = new Pending<(receipt: Receipt) => void>();
  readonly #joining = new Pending<(complete: boolean) => void>();
  readonly #asking = new Pending<(answers: Answers) => void>();

  #driver: NodeDriver | undefined;

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
    if (this.#driver === undefined) return NOTHING_COUNTED;
    const { bootsHeard, ...statistics } = this.#driver.node.statistics();
    return { ...statistics, peersHeard: bootsHeard, datagramsDropped: this.carrier.dropped };
  }

  async start(): Promise<void> {
    await this.carrier.open();
    const node = new ClusterNode(nodeOptionsOf(this.bootId, this.config, this.carrier));
    const driver = new NodeDriver(node, this.carrier, (event) => this.#raise(event));
    this.#driver = driver;
    driver.start();
    await driver.waitUntil(() => node.isReady(), START_PATIENCE_MS);
    if (!node.isReady()) this.#logger.error(`Not ready: ${node.problems().join(' ')}`);
  }

  async stop(): Promise<void> {
    const driver = this.#driver;
    if (driver !== undefined) {
      driver.node.shutdown(performance.now());
      driver.wantTurnEnd();
      await driver.waitUntil(() => driver.node.pollTimeout() === Infinity, STOP_PATIENCE_MS);
      driver.stop();
    }
    await this.carrier.close();
    this.endStreams();
  }

  join(address: Address, reachable: (complete: boolean) => void): void {
    const driver = this.#started;
    driver.node.join(performance.now(), address, this.#joining.add(reachable));
    driver.wantTurnEnd();
  }

  leave(address: Address): void {
    const driver = this.#started;
    driver.node.leave(performance.now(), address, 0);
    driver.wantTurnEnd();
  }

  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const driver = this.#started;
    const token = receipt === null ? 0 : this.#receipts.add(receipt);
    return this.#endSend(driver.node.send(driver.beginSend(), message, token), token);
  }

  sendToRoom(message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const driver = this.#started;
    const token = receipt === null ? 0 : this.#receipts.add(receipt);
    return this.#endSend(driver.node.sendToRoom(driver.beginSend(), message, token), token);
  }

  override sendToAll(
    message: BroadcastMessage,
    receipt: ((receipt: Receipt) => void) | null,
  ): BusRefusal | null {
    const driver = this.#started;
    const token = receipt === null ? 0 : this.#receipts.add(receipt);
    return this.#endSend(driver.node.sendToAll(driver.beginSend(), message, token), token);
  }

  holders(address: Address): Holders {
    if (this.#driver === undefined) return { nodeIds: [], complete: false };
    const { peers, complete } = this.#driver.node.holders(performance.now(), address);
    return { nodeIds: peers, complete };
  }

  watch(address: Address): void {
    this.#started.node.watch(address);
  }

  unwatch(address: Address): void {
    this.#started.node.unwatch(address);
  }

  publish(channel: string, body: Buffer): boolean {
    const driver = this.#started;
    const isTaken = driver.node.publish(performance.now(), channel, body);
    driver.wantTurnEnd();
    return isTaken;
  }

  publishToHolders(address: Address, channel: string, body: Buffer): readonly string[] {
    const driver = this.#started;
    const refused = driver.node.publishToHolders(performance.now(), address, channel, body);
    driver.wantTurnEnd();
    return refused;
  }

  publishTo(nodeId: string, channel: string, body: Buffer): boolean {
    const driver = this.#started;
    const isTaken = driver.node.publishTo(performance.now(), nodeId, channel, body);
    driver.wantTurnEnd();
    return isTaken;
  }

  async ask(topic: string, body: Buffer, timeoutMs: number): Promise<Answers> {
    const driver = this.#started;
    return new Promise((resolve) => {
      driver.node.ask(performance.now(), topic, body, timeoutMs, this.#asking.add(resolve));
      driver.wantTurnEnd();
    });
  }

  peers(): PeerView[] {
    return this.#driver?.node.peers().map(viewOf) ?? [];
  }

  health(): BusHealth {
    if (this.#driver === undefined) return { ready: false, problems: ['The bus has not started yet.'] };
    const { node } = this.#driver;
    return { ready: node.isReady(), problems: node.problems() };
  }

  get #started(): NodeDriver {
    if (this.#driver === undefined) throw new Error('The bus has not been started: call start() first');
    return this.#driver;
  }

  #endSend(result: SendResult, token: number): BusRefusal | null {
    // Emitted within the call: a sender that went on to the end of the turn would overfill the queue.
    if (this.#started.node.isCongested) this.congested.next(true);
    if (result === 'queued' || result === 'none') return null;
    this.#receipts.take(token);
    return result;
  }

  #raise(event: ProtocolEvent): void {
    const { node } = this.#started;
    switch (event.type) {
      case 'message': {
        const { to, from, data, peer, receipt, messageId, trace, isVolatile } = event;
        const acknowledge = this.#acknowledgement(peer, receipt);
        const message = { to, from, data, trace: trace ?? undefined, isVolatile, acknowledge };
        this.messages.next(messageId === null ? message : { ...message, messageId });
        break;
      }
      case 'room-message': {
        const { room, from, data, peer, receipt, messageId, trace, event: name, isVolatile } = event;
        this.roomMessages.next({
          room,
          from,
          data,
          isVolatile,
          ...(messageId !== null && { messageId }),
          ...(trace !== null && { trace }),
          ...(name !== null && { event: name }),
          acknowledge: this.#acknowledgement(peer, receipt),
        });
        break;
      }
      case 'message-to-all': {
        const { from, data, peer, receipt } = event;
        this.broadcasts.next({ from, data, acknowledge: this.#acknowledgement(peer, receipt) });
        break;
      }
      case 'receipt': {
        const { token, delivered, complete } = event;
        this.#receipts.take(token)?.({ delivered, complete });
        break;
      }
      case 'reachable': {
        this.#joining.take(event.token)?.(event.complete);
        break;
      }
      case 'holders':
        this.holdersChanges.next({ address: event.address, isHeld: event.isHeld });
        break;
      case 'publication':
        this.publications.next({ channel: event.channel, body: event.body, nodeId: event.peer });
        break;
      case 'question': {
        const { topic, body, peer, id } = event;
        const answer = (reply: Buffer): void => {
          node.answer(performance.now(), peer, id, reply);
          this.#started.wantTurnEnd();
        };
        this.questions.next({ topic, body, nodeId: peer, answer });
        break;
      }
      case 'answers': {
        const { token, answers, missing, complete } = event;
        this.#asking.take(token)?.({
          answers: answers.map(({ peer, body }) => ({ nodeId: peer, body })),
          missing,
          complete,
        });
        break;
      }
      case 'peer':
        this.carrier.seek(node.peers().length === 0);
        this.peerChanges.next({ change: event.change, peer: viewOf(event.peer), reason: event.reason });
        break;
      case 'gap': {
        const { peer, kind, count, reason } = event;
        this.gaps.next({ nodeId: peer, kind, count, reason });
        break;
      }
      case 'congestion':
        this.congested.next(node.isCongested);
        break;
      case 'warning':
        this.#warnings.warn(event.code, printable(event.message));
        break;
    }
  }

  #acknowledgement(peer: string, receipt: number): ((delivered: number) => void) | null {
    if (receipt === 0) return null;
    const driver = this.#started;
    return (delivered) => {
      driver.node.acknowledge(performance.now(), peer, receipt, delivered);
      driver.wantTurnEnd();
    };
  }
}

function viewOf({ endpoint, ...peer }: PeerSnapshot): PeerView {
  const { nodeId, name, state, version, roundTripMs, loss, datagramBytes, uptimeMs } = peer;
  return { nodeId, name, address: endpoint, state, version, roundTripMs, loss, datagramBytes, uptimeMs };
}
