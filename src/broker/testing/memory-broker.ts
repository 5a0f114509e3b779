import { BrokerClient, type BrokerSession, type Inbox } from '../broker-client.js';

/** A broker in this process, which does what a test wants. */
export class MemoryBroker {
  readonly sessions = new Set<MemorySession>();
  readonly published: { readonly subject: string; readonly bytes: Buffer }[] = [];
  /** Refuses connections for this reason. */
  refusal: Error | null = null;
  /** Reads what is published, and confirms it. */
  isReading = true;
  /** Passes on what is published to the subject. */
  carries: (subject: string) => boolean = () => true;
  #attempts = 0;

  /** How often somebody has tried to connect. */
  get attempts(): number {
    return this.#attempts;
  }

  client(): BrokerClient {
    return new MemoryClient(this);
  }

  open(inbox: Inbox): BrokerSession {
    this.#attempts += 1;
    if (this.refusal !== null) throw this.refusal;
    return new MemorySession(this, inbox);
  }

  /** Ends all connections. */
  cut(why: string): void {
    for (const session of this.sessions) session.end(why);
  }

  /** To all that have subscribed, in a later turn, as a network does. */
  pass(subject: string, bytes: Buffer): void {
    this.published.push({ subject, bytes });
    if (!this.carries(subject)) return;
    const copy = Buffer.from(bytes);
    setImmediate(() => {
      for (const { inbox } of this.sessions)
        if (inbox.subjects.includes(subject)) inbox.receive(subject, copy);
    });
  }
}

class MemoryClient extends BrokerClient {
  readonly broker = 'NATS';
  readonly servers = 'nats://memory';

  constructor(private readonly memory: MemoryBroker) {
    super();
  }

  async load(): Promise<void> {}

  async connect(inbox: Inbox): Promise<BrokerSession> {
    return this.memory.open(inbox);
  }
}

class MemorySession implements BrokerSession {
  readonly server = 'memory:1';
  readonly ended: Promise<string>;
  unconfirmedBytes = 0;
  #end: (why: string) => void = () => undefined;

  constructor(
    private readonly memory: MemoryBroker,
    readonly inbox: Inbox,
  ) {
    memory.sessions.add(this);
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  publish(subject: string, bytes: Buffer): void {
    if (this.memory.isReading) this.memory.pass(subject, bytes);
    else this.unconfirmedBytes += bytes.length;
  }

  async close(): Promise<void> {
    this.end('closed');
  }

  end(why: string): void {
    this.memory.sessions.delete(this);
    this.#end(why);
  }
}
