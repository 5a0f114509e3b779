import type * as Nats from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { ConfigurationError } from '../config/variables.js';
import { BrokerClient, BrokerRefusal, loadLibrary, type BrokerSession, type Inbox } from './broker-client.js';
import type { NatsSettings } from './nats.config.js';
import { readFileOf } from './read-file.js';

/**
 * How much may be unconfirmed before the server is asked how far it has read. Far below what may be unconfirmed at all,
 * and so much that a busy connection asks rarely.
 */
const CONFIRM_BYTES = 256 << 10;
/** The largest datagram has to fit into a message. */
const PAYLOAD_BYTES_MIN = 32_768;

/**
 * NATS, by its own client library. The library never reconnects: its queue for that time has no limit, and it gives up for
 * good when it is refused twice. A session ends with its connection.
 */
export class NatsClient extends BrokerClient {
  readonly broker = 'NATS';
  readonly servers: string;
  #library: typeof Nats | undefined;
  #tls: Pick<Nats.ConnectionOptions, 'tls'> = {};

  constructor(private readonly settings: NatsSettings) {
    super();
    this.servers = settings.NATS_URL.join(', ');
  }

  async load(): Promise<void> {
    const { NATS_CA, NATS_URL } = this.settings;
    this.#library = await loadLibrary(
      '@nats-io/transport-node',
      async () => import('@nats-io/transport-node'),
    );
    const mustEncrypt = NATS_CA !== undefined || NATS_URL.some((url) => url.startsWith('tls:'));
    const ca = NATS_CA === undefined ? undefined : (await readFileOf('NATS_CA', NATS_CA)).toString();
    if (mustEncrypt) this.#tls = { tls: ca === undefined ? {} : { ca } };
    await this.#credentials(this.#library);
  }

  async connect(inbox: Inbox, patienceMs: number): Promise<BrokerSession> {
    const library = this.#library;
    if (library === undefined) throw new Error('The library has not been loaded: call load() first');
    const { NATS_PASSWORD, NATS_TOKEN, NATS_URL, NATS_USER } = this.settings;
    const credentials = await this.#credentials(library);
    let connection: NatsConnection;
    try {
      connection = await library.connect({
        servers: [...NATS_URL],
        timeout: patienceMs,
        reconnect: false,
        name: 'lanfare',
        ...(NATS_USER !== undefined && { user: NATS_USER, pass: NATS_PASSWORD ?? '' }),
        ...(NATS_TOKEN !== undefined && { token: NATS_TOKEN }),
        ...credentials,
        ...this.#tls,
      });
    } catch (error) {
      throw this.#explain(error);
    }
    const { max_payload: payloadBytes = 0 } = connection.info ?? {};
    if (payloadBytes < PAYLOAD_BYTES_MIN) {
      await connection.close();
      const what = `takes messages of ${payloadBytes} bytes: its max_payload must be at least ${PAYLOAD_BYTES_MIN}`;
      throw new BrokerRefusal('NATS_URL', `${connection.getServer()} ${what}`);
    }
    return new NatsSession(connection, inbox);
  }

  /** Read anew for each connection: such a file expires, and is replaced before. */
  async #credentials(library: typeof Nats): Promise<Pick<Nats.ConnectionOptions, 'authenticator'>> {
    const { NATS_CREDS: path } = this.settings;
    if (path === undefined) return {};
    const authenticator = library.credsAuthenticator(await readFileOf('NATS_CREDS', path));
    try {
      authenticator('what a server asks to be signed');
    } catch {
      const message = `${path} holds no JWT and seed of a user, as a .creds file does`;
      throw new ConfigurationError([{ variable: 'NATS_CREDS', message }]);
    }
    return { authenticator };
  }

  #explain(error: unknown): unknown {
    const { AuthorizationError, InvalidArgumentError, UserAuthenticationExpiredError } = this
      .#library as typeof Nats;
    if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
      const { NATS_CREDS, NATS_TOKEN } = this.settings;
      const variable =
        NATS_CREDS !== undefined ? 'NATS_CREDS' : NATS_TOKEN !== undefined ? 'NATS_TOKEN' : 'NATS_USER';
      return new BrokerRefusal(variable, `the server refuses this node: ${error.message}`);
    }
    const { code, message } = error as NodeJS.ErrnoException;
    const isCertificate = code?.startsWith('ERR_TLS') === true || code?.includes('CERT') === true;
    if (isCertificate || error instanceof InvalidArgumentError || message.includes("'tls'")) {
      return new BrokerRefusal(isCertificate ? 'NATS_CA' : 'NATS_URL', `no secure connection: ${message}`);
    }
    return error;
  }
}

class NatsSession implements BrokerSession {
  readonly server: string;
  readonly ended: Promise<string>;
  #published = 0;
  #confirmed = 0;
  #isAsking = false;
  #lastError = 'the connection was closed';

  constructor(
    private readonly connection: NatsConnection,
    inbox: Inbox,
  ) {
    this.server = connection.getServer();
    for (const subject of inbox.subjects) {
      connection.subscribe(subject, {
        // An error here is told by the status, too.
        callback: (error: Error | null, message: Msg) => {
          if (error !== null) return;
          const { buffer, byteOffset, byteLength } = message.data;
          inbox.receive(subject, Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
        },
      });
    }
    void this.#watch(inbox);
    this.ended = connection
      .closed()
      .then((error) => (error instanceof Error ? error.message : this.#lastError));
  }

  get unconfirmedBytes(): number {
    return this.#published - this.#confirmed;
  }

  publish(subject: string, bytes: Buffer): void {
    if (this.connection.isClosed()) return;
    this.connection.publish(subject, bytes);
    this.#published += bytes.length;
    if (!this.#isAsking && this.unconfirmedBytes >= CONFIRM_BYTES) void this.#confirm();
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** The answer to a flush says that the server has read all that was published before. */
  async #confirm(): Promise<void> {
    this.#isAsking = true;
    const upTo = this.#published;
    try {
      await this.connection.flush();
      this.#confirmed = upTo;
    } catch {
      // The connection has ended, which `ended` tells.
    }
    this.#isAsking = false;
  }

  async #watch(inbox: Inbox): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'error') {
        this.#lastError = status.error.message;
        inbox.complain(status.error.message);
      } else if (status.type === 'ldm') {
        // Lame duck: the server will close all connections soon. Another one may take ours now.
        this.#lastError = `${status.server} is being shut down`;
        await this.connection.close();
      }
    }
  }
}
