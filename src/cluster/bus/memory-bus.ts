import { BehaviorSubject, distinctUntilChanged, Subject, type Observable } from 'rxjs';
import type { Message } from '../../wire/message.js';
import {
  Bus,
  type Answers,
  type BusHealth,
  type BusRefusal,
  type Gap,
  type Holders,
  type InboundMessage,
  type Inquiry,
  type PeerChange,
  type PeerView,
  type Publication,
  type Receipt,
} from './bus.js';

/** The same limit as on the bus `udp`, so that a test sees the same refusals. */
const MESSAGE_BYTES_MAX = 1_048_576;
const QUEUE_BYTES_MAX = 4 * 1_048_576;
/** Above this senders wait. They go on when half of it has left. */
const CONGESTED_BYTES = QUEUE_BYTES_MAX / 2;

/** The nodes of one cluster, all in this process. */
export class MemoryNetwork {
  readonly #nodes = new Set<MemoryBus>();

  /** @param name a label, like NODE_NAME */
  node(name: string): MemoryBus {
    return new MemoryBus(name, this);
  }

  /** Nodes that have started and are still connected. */
  get nodes(): readonly MemoryBus[] {
    return [...this.#nodes];
  }

  add(node: MemoryBus): void {
    for (const other of this.#nodes) {
      other.notice('joined', node, 'it has started');
      node.notice('joined', other, 'it was there before');
    }
    this.#nodes.add(node);
  }

  /** The node has said good-bye. */
  remove(node: MemoryBus): void {
    if (!this.#nodes.delete(node)) return;
    for (const other of this.#nodes) other.notice('left', node, 'it said good-bye');
  }

  /** Nothing passes between this node and the others any more. Each side takes the other for dead. */
  cut(node: MemoryBus): void {
    if (!this.#nodes.delete(node)) return;
    for (const other of this.#nodes) {
      other.notice('lost', node, 'the network was cut');
      node.notice('lost', other, 'the network was cut');
    }
  }
}

interface Queued {
  readonly bytes: number;
  readonly deliver: () => void;
}

/**
 * A cluster within one process, for tests. Everything arrives, in order, in a later turn of the event loop. It keeps
 * the contract of the port, without sockets, clock or loss.
 */
export class MemoryBus extends Bus {
  readonly #messages = new Subject<InboundMessage>();
  readonly #publications = new Subject<Publication>();
  readonly #inquiries = new Subject<Inquiry>();
  readonly #peerChanges = new Subject<PeerChange>();
  readonly #gaps = new Subject<Gap>();
  readonly #congested = new BehaviorSubject(false);
  readonly #devicesByUser = new Map<string, number>();
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #state: 'new' | 'started' | 'stopped' = 'new';

  readonly messages$: Observable<InboundMessage> = this.#messages.asObservable();
  readonly publications$: Observable<Publication> = this.#publications.asObservable();
  readonly inquiries$: Observable<Inquiry> = this.#inquiries.asObservable();
  readonly peerChanges$: Observable<PeerChange> = this.#peerChanges.asObservable();
  readonly gaps$: Observable<Gap> = this.#gaps.asObservable();
  readonly congested$: Observable<boolean> = this.#congested.pipe(distinctUntilChanged());

  constructor(
    readonly nodeId: string,
    private readonly network: MemoryNetwork,
  ) {
    super();
  }

  async start(): Promise<void> {
    this.#state = 'started';
    this.network.add(this);
  }

  async stop(): Promise<void> {
    this.#deliverQueue();
    this.network.remove(this);
    this.#state = 'stopped';
    this.#messages.complete();
    this.#publications.complete();
    this.#inquiries.complete();
    this.#peerChanges.complete();
    this.#gaps.complete();
    this.#congested.complete();
  }

  join(userId: string, reachable: () => void): void {
    this.#devicesByUser.set(userId, (this.#devicesByUser.get(userId) ?? 0) + 1);
    reachable();
  }

  leave(userId: string): void {
    const devices = (this.#devicesByUser.get(userId) ?? 0) - 1;
    if (devices > 0) this.#devicesByUser.set(userId, devices);
    else this.#devicesByUser.delete(userId);
  }

  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    const bytes = message.data.length;
    if (bytes > MESSAGE_BYTES_MAX) return 'too_large';
    if (this.#queuedBytes + bytes > QUEUE_BYTES_MAX) return 'congested';
    const holders = this.#others().filter((other) => other.#devicesByUser.has(message.to));
    this.#enqueue(bytes, () => this.#deliverMessage(message, holders, receipt));
    return null;
  }

  holders(userId: string): Holders {
    const holders = this.#others().filter((other) => other.#devicesByUser.has(userId));
    return { nodeIds: holders.map(({ nodeId }) => nodeId), complete: this.#state === 'started' };
  }

  publish(channel: string, body: Buffer): boolean {
    if (body.length > MESSAGE_BYTES_MAX || this.#queuedBytes + body.length > QUEUE_BYTES_MAX) return false;
    this.#enqueue(body.length, () => {
      for (const other of this.#others()) other.#publications.next({ channel, body, nodeId: this.nodeId });
    });
    return true;
  }

  async inquire(topic: string, body: Buffer, timeoutMs: number): Promise<Answers> {
    const asked = this.#others();
    const answers = await Promise.all(
      asked.map(async (other) => other.#answer(this, topic, body, timeoutMs)),
    );
    const missing = asked.filter((_, index) => answers[index] === null).map(({ nodeId }) => nodeId);
    return {
      answers: answers.flatMap((answer, index) =>
        answer === null ? [] : [{ nodeId: (asked[index] as MemoryBus).nodeId, body: answer }],
      ),
      missing,
      complete: missing.length === 0,
    };
  }

  peers(): PeerView[] {
    return this.#others().map((other) => other.#view());
  }

  health(): BusHealth {
    return this.#state === 'started'
      ? { ready: true, problems: [] }
      : { ready: false, problems: ['This node has not started, or is leaving.'] };
  }

  /** The network calls this when another node has come or gone. */
  notice(change: PeerChange['change'], other: MemoryBus, reason: string): void {
    if (change === 'lost') this.#gaps.next({ nodeId: other.nodeId, kind: 'lost', count: 0, reason });
    this.#peerChanges.next({ change, peer: other.#view(), reason });
  }

  #others(): MemoryBus[] {
    const { nodes } = this.network;
    return nodes.includes(this) ? nodes.filter((node) => node !== this) : [];
  }

  #enqueue(bytes: number, deliver: () => void): void {
    if (this.#queue.push({ bytes, deliver }) === 1) setImmediate(() => this.#deliverQueue());
    this.#queuedBytes += bytes;
    if (this.#queuedBytes >= CONGESTED_BYTES) this.#congested.next(true);
  }

  #deliverQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { deliver } of queue) deliver();
    if (this.#queuedBytes < CONGESTED_BYTES / 2) this.#congested.next(false);
  }

  #deliverMessage(
    message: Message,
    holders: readonly MemoryBus[],
    receipt: ((receipt: Receipt) => void) | null,
  ): void {
    const reached = this.#others();
    let delivered = 0;
    let answered = 0;
    for (const holder of holders.filter((node) => reached.includes(node))) {
      const acknowledge = (count: number): void => {
        delivered += count;
        answered += 1;
      };
      holder.#messages.next({ ...message, acknowledge: receipt === null ? null : acknowledge });
    }
    receipt?.({ delivered, complete: answered === holders.length });
  }

  /** Null: no answer within the time. */
  async #answer(asker: MemoryBus, topic: string, body: Buffer, timeoutMs: number): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs, null);
      const answer = (reply: Buffer): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      setImmediate(() => this.#inquiries.next({ topic, body, nodeId: asker.nodeId, answer }));
    });
  }

  #view(): PeerView {
    return {
      nodeId: this.nodeId,
      name: this.nodeId,
      address: 'memory',
      state: 'up',
      version: '',
      roundTripMs: 0,
      loss: 0,
      uptimeMs: 0,
    };
  }
}
