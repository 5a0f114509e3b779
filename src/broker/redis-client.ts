import type * as Library from 'ioredis';
import type { ChainableCommander, Redis } from 'ioredis';
import { BrokerClient, BrokerRefusal, loadLibrary, type BrokerSession, type Inbox } from './broker-client.js';
import { readFileOf } from './read-file.js';
import { redisAddress, type RedisAddress, type RedisSettings } from './redis.config.js';

/** How the server's errors begin that do not pass by themselves: a password, a right, a database that there is not. */
const REFUSALS =
  /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH <password> called without any password|DB index|invalid DB))/i;

/** A connection that is not closed from the other side in this time is cut. */
const GOOD_BYE_MS = 300;

/**
 * Redis 6 or later, by ioredis: one connection that publishes and subscribes (RESP3). The library never reconnects and has
 * no offline queue: a session ends with its connection.
 */
export class RedisClient extends BrokerClient {
  readonly broker = 'Redis';
  readonly servers: string;
  readonly #address: RedisAddress;
  #library: typeof Library | undefined;
  #tls: { ca?: Buffer } | undefined;

  constructor(private readonly settings: RedisSettings) {
    super();
    const address = redisAddress(settings.REDIS_URL ?? '');
    if (address === null) throw new Error('REDIS_URL was not judged');
    this.#address = address;
    const { database, host, isEncrypted, port } = address;
    this.servers = `${isEncrypted ? 'rediss' : 'redis'}://${host}:${port}/${database}`;
  }

  async load(): Promise<void> {
    this.#library = await loadLibrary('ioredis', async () => import('ioredis'));
    const { REDIS_CA } = this.settings;
    if (!this.#address.isEncrypted) return;
    this.#tls = REDIS_CA === undefined ? {} : { ca: await readFileOf('REDIS_CA', REDIS_CA) };
  }

  async connect(inbox: Inbox, patienceMs: number): Promise<BrokerSession> {
    if (this.#library === undefined) throw new Error('The library has not been loaded: call load() first');
    const { database, host, password, port, user } = this.#address;
    const redis = new this.#library.Redis({
      host,
      port,
      db: database,
      connectTimeout: patienceMs,
      disconnectTimeout: GOOD_BYE_MS,
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      // These need rights that carrying does not.
      enableReadyCheck: false,
      disableClientInfo: true,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(this.#tls !== undefined && { tls: this.#tls }),
    });
    const session = new RedisSession(redis, `${host}:${port}`, inbox);
    const patience = setTimeout(() => redis.disconnect(), patienceMs);
    try {
      await redis.connect();
      await redis.subscribe(...inbox.subjects);
      // A database that there is not makes no difference to channels. It is a mistake all the same.
      if (session.lastError !== undefined) throw session.lastError;
      return session;
    } catch (error) {
      redis.disconnect();
      throw this.#explain(session.lastError ?? error);
    } finally {
      clearTimeout(patience);
    }
  }

  #explain(error: unknown): unknown {
    const { code, message } = error as NodeJS.ErrnoException;
    if (REFUSALS.test(message))
      return new BrokerRefusal('REDIS_URL', `the server refuses this node: ${message}`);
    if (code?.startsWith('ERR_TLS') === true || code?.includes('CERT') === true) {
      return new BrokerRefusal('REDIS_CA', `no secure connection: ${message}`);
    }
    return error;
  }
}

class RedisSession implements BrokerSession {
  readonly ended: Promise<string>;
  unconfirmedBytes = 0;
  lastError: Error | undefined;
  /** What is published within a turn goes out as one write. */
  #batch: ChainableCommander | undefined;
  #batchBytes = 0;

  constructor(
    private readonly redis: Redis,
    readonly server: string,
    private readonly inbox: Inbox,
  ) {
    redis.on('error', (error: Error) => (this.lastError = error));
    redis.on('messageBuffer', (channel: Buffer, bytes: Buffer) => inbox.receive(channel.toString(), bytes));
    this.ended = new Promise((resolve) => {
      redis.on('end', () => resolve(this.lastError?.message ?? 'the connection was closed'));
    });
  }

  publish(subject: string, bytes: Buffer): void {
    if (this.redis.status !== 'ready') return;
    if (this.#batch === undefined) {
      this.#batch = this.redis.pipeline();
      queueMicrotask(() => void this.#send());
    }
    this.#batch.publish(subject, bytes);
    this.#batchBytes += bytes.length;
    this.unconfirmedBytes += bytes.length;
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.ended;
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    const bytes = this.#batchBytes;
    this.#batch = undefined;
    this.#batchBytes = 0;
    try {
      const replies = await batch?.exec();
      const refused = replies?.find(([error]) => error !== null);
      if (refused !== undefined) this.inbox.complain((refused[0] as Error).message);
    } catch {
      // The connection has ended, which `ended` tells.
    }
    this.unconfirmedBytes -= bytes;
  }
}
