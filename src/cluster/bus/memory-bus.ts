import type { BroadcastMessage, Message, RoomMessage } from '../../wire/message.js';
import type {
  Address,
  Answers,
  BusHealth,
  BusRefusal,
  Holders,
  PeerChange,
  PeerView,
  Receipt,
} from './bus.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { StreamingBus } from './streaming-bus.js';

/** The same limit as on the bus `udp`, so that a test sees the same refusals. */
const MESSAGE_BYTES_MAX = 1_048_576;
const QUEUE_BYTES_MAX = 4 * 1_048_576;

/** The nodes of one cluster, all in this process. It is in the file of the nodes because each knows the other. */
export class MemoryNetwork {
  readonly #nodes = new Set<MemoryBus>();

  /** @param queueBytesMax what may wait in each node's queue. A test of senders that wait needs a short one. */
  constructor(readonly queueBytesMax = QUEUE_BYTES_MAX) {}

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

  /** The node has left the cluster. */
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

interface Watch {
  readonly address: Address;
  count: number;
  isHeld: boolean;
}

interface Queued {
  readonly bytes: number;
  readonly deliver: () => void;
}

/**
 * A cluster within one process, for tests. Everything arrives, in order, in a later turn of the event loop. It keeps
 * the contract of the port, without sockets, clock or loss.
 */
export class MemoryBus extends StreamingBus {
  /** How many connections hold each address, by `keyOf`. */
  readonly #connections = new Map<string, number>();
  readonly #watches = new Map<string, Watch>();
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #state: 'new' | 'started' | 'stopped' = 'new';

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
    this.endStreams();
  }

  join(address: Address, reachable: (complete: boolean) => void): void {
    const key = keyOf(address);
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
    this.#changed(key);
    reachable(true);
  }

  leave(address: Address): void {
    const key = keyOf(address);
    const connections = (this.#connections.get(key) ?? 0) - 1;
    if (connections > 0) this.#connections.set(key, connections);
    else this.#connections.delete(key);
    this.#changed(key);
  }

  send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.#send({ kind: 'user', name: message.to }, message, receipt, (holder, ack) =>
      holder.messages.next({ ...message, acknowledge: ack }),
    );
  }

  sendToRoom(message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    return this.#send({ kind: 'room', name: message.room }, message, receipt, (holder, ack) =>
      holder.roomMessages.next({ ...message, acknowledge: ack }),
    );
  }

  override sendToAll(
    message: BroadcastMessage,
    receipt: ((receipt: Receipt) => void) | null,
  ): BusRefusal | null {
    return this.#send(null, message, receipt, (holder, ack) =>
      holder.broadcasts.next({ ...message, acknowledge: ack }),
    );
  }

  holders(address: Address): Holders {
    const key = keyOf(address);
    const holders = this.#others().filter((other) => other.#connections.has(key));
    return { nodeIds: holders.map(({ nodeId }) => nodeId), complete: this.#state === 'started' };
  }

  watch(address: Address): void {
    const key = keyOf(address);
    const watch = this.#watches.get(key);
    if (watch !== undefined) watch.count++;
    else this.#watches.set(key, { address, count: 1, isHeld: this.#isHeld(key) });
  }

  unwatch(address: Address): void {
    const key = keyOf(address);
    const watch = this.#watches.get(key);
    if (watch !== undefined && --watch.count === 0) this.#watches.delete(key);
  }

  publish(channel: string, body: Buffer): boolean {
    return this.#publish(channel, body, () => this.#others());
  }

  publishToHolders(address: Address, channel: string, body: Buffer): readonly string[] {
    const key = keyOf(address);
    const holders = this.#others().filter((other) => other.#connections.has(key));
    const isTaken = this.#publish(channel, body, () => holders);
    return isTaken ? [] : holders.map(({ nodeId }) => nodeId);
  }

  publishTo(nodeId: string, channel: string, body: Buffer): boolean {
    const to = this.#others().filter((other) => other.nodeId === nodeId);
    return to.length > 0 && this.#publish(channel, body, () => to);
  }

  async ask(topic: string, body: Buffer, timeoutMs: number): Promise<Answers> {
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
    if (change === 'lost') this.gaps.next({ nodeId: other.nodeId, kind: 'lost', count: 0, reason });
    this.peerChanges.next({ change, peer: other.#view(), reason });
    setImmediate(() => {
      for (const key of this.#watches.keys()) this.#look(key);
    });
  }

  #others(): MemoryBus[] {
    const { nodes } = this.network;
    return nodes.includes(this) ? nodes.filter((node) => node !== this) : [];
  }

  #publish(channel: string, body: Buffer, to: () => readonly MemoryBus[]): boolean {
    if (body.length > MESSAGE_BYTES_MAX || !this.#hasRoomFor(body.length)) return false;
    this.#enqueue(body.length, () => {
      const others = this.#others();
      for (const other of to()) {
        if (others.includes(other)) other.publications.next({ channel, body, nodeId: this.nodeId });
      }
    });
    return true;
  }

  #isHeld(key: string): boolean {
    return this.#others().some((other) => other.#connections.has(key));
  }

  /** This node began or ceased to hold the address: the others see it in a later turn. */
  #changed(key: string): void {
    setImmediate(() => {
      for (const other of this.#others()) other.#look(key);
    });
  }

  #look(key: string): void {
    const watch = this.#watches.get(key);
    if (watch === undefined) return;
    const isHeld = this.#isHeld(key);
    if (isHeld === watch.isHeld) return;
    watch.isHeld = isHeld;
    this.holdersChanges.next({ address: watch.address, isHeld });
  }

  #send(
    /** Null: everybody. */
    address: Address | null,
    { data: { length: bytes }, isVolatile }: BroadcastMessage & { readonly isVolatile?: boolean },
    receipt: ((receipt: Receipt) => void) | null,
    give: (holder: MemoryBus, acknowledge: ((delivered: number) => void) | null) => void,
  ): BusRefusal | null {
    if (bytes > MESSAGE_BYTES_MAX) return 'too_large';
    if (isVolatile === true && this.#queuedBytes + bytes > this.#congestedBytes) return null;
    if (!this.#hasRoomFor(bytes)) return 'congested';
    const holders = this.#others().filter(
      (other) => address === null || other.#connections.has(keyOf(address)),
    );
    this.#enqueue(bytes, () => {
      const reached = this.#others().filter((other) => holders.includes(other));
      const answers = receipt === null ? null : new ReceiptAnswers(holders.length, receipt);
      if (reached.length < holders.length) answers?.end();
      for (const holder of reached) give(holder, answers && ((delivered) => answers.add(delivered)));
    });
    return null;
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#queuedBytes + bytes <= this.network.queueBytesMax;
  }

  /** Senders wait while more than this is queued. They go on when half of it has left. */
  get #congestedBytes(): number {
    return this.network.queueBytesMax / 2;
  }

  #enqueue(bytes: number, deliver: () => void): void {
    if (this.#queue.push({ bytes, deliver }) === 1) setImmediate(() => this.#deliverQueue());
    this.#queuedBytes += bytes;
    if (this.#queuedBytes >= this.#congestedBytes) this.congested.next(true);
  }

  #deliverQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { deliver } of queue) deliver();
    if (this.#queuedBytes < this.#congestedBytes / 2) this.congested.next(false);
  }

  /** Null: no answer within the time. */
  async #answer(asker: MemoryBus, topic: string, body: Buffer, timeoutMs: number): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs, null);
      const answer = (reply: Buffer): void => {
        clearTimeout(timer);
        resolve(reply);
      };
      setImmediate(() => this.questions.next({ topic, body, nodeId: asker.nodeId, answer }));
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
      datagramBytes: null,
      uptimeMs: 0,
    };
  }
}

/** A user and a room of one name have different keys. */
function keyOf({ kind, name }: Address): string {
  return `${kind} ${name}`;
}
