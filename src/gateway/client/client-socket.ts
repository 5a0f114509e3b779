import { WebSocket } from 'ws';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { CLOSES } from '../../wire/codes.js';
import type { ClientConnection } from './client-connection.js';
import { UNREAD, type FrameReader } from './frame-reader.js';
import type { Inflation } from './inflation.js';
import { UnfinishedMessage, type Receiver } from './unfinished-message.js';

/** RFC 6455 5.5. */
const CONTROL_BYTES_MAX = 125;

/** The ws socket of one client. What ws writes by itself counts in the connection's queue and limit too. */
export class ClientSocket extends WebSocket {
  #connection!: ClientConnection;
  /** Reads the socket in place of ws, and holds back what comes while the socket is paused. */
  #reader: FrameReader | Inflation | null = null;
  #isDeflating: boolean | undefined;
  #unfinished: UnfinishedMessage | undefined;

  get connection(): ClientConnection {
    return this.#connection;
  }

  /** The upgrade has been answered: the socket is this client's. Comes before everything else. */
  attach(connection: ClientConnection, reader: FrameReader | Inflation | null): void {
    this.#connection = connection;
    this.#reader = reader;
  }

  /** True: frames must go through ws, which compresses them one after the other. */
  get isDeflating(): boolean {
    // ws makes its list of extensions anew at each access, and this is asked for every message
    return (this.#isDeflating ??= this.extensions !== '');
  }

  /** Memory of what was read from the client and became no message yet. */
  get unreadBytes(): number {
    const { _receiver: receiver } = this as unknown as { readonly _receiver: Receiver };
    this.#unfinished ??= new UnfinishedMessage(receiver);
    return this.#unfinished.bytes + (this.#reader?.heldBytes ?? 0);
  }

  /** Called by ws itself: a client may ping without reading what it gets for it. */
  override pong(data: unknown): void {
    if (!this.#mayControl()) return;
    super.pong(data, undefined, this.#connection.outgoing.writing());
    this.#connection.outgoing.written();
  }

  override resume(): void {
    super.resume();
    this.#reader?.resume();
  }

  /** Called by ws itself too: when the client closes, and when it breaks the protocol (without a reason then). */
  override close(code?: number, reason?: string): void {
    this.#connection.outgoing.flush();
    super.close(code, reason ?? (code === undefined ? undefined : PROTOCOL_REASONS.get(code)));
    this.#connection.closing();
  }

  /**
   * What ws and the reader report goes straight to the connection. Listeners of its own would cost each idle client half
   * a kilobyte. What a module is called for by a frame and throws past every filter costs that client its connection.
   */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    try {
      return this.#tell(event, first, second);
    } catch (error) {
      moduleFailed('connection', `What a client's "${String(event)}" was for`, error);
      this.#connection.closeFor('failed');
      return true;
    }
  }

  /**
   * `open` comes before the connection is attached. After `error`, a protocol error of the client, ws closes with the
   * right code, and `close` follows.
   */
  #tell(event: string | symbol, first: unknown, second: unknown): boolean {
    switch (event) {
      case 'message':
        this.#connection.receive(first as Buffer, second as boolean);
        return true;
      case UNREAD:
        this.#connection.read();
        return true;
      case 'ping':
      case 'pong':
        this.#connection.receiveControl();
        return true;
      case 'close':
        this.#connection.closed();
        return true;
      default:
        return false;
    }
  }

  #mayControl(): boolean {
    return !this.#connection.isClosing && this.#connection.hasRoomFor(CONTROL_BYTES_MAX);
  }
}

const PROTOCOL_REASONS = new Map<number, string>(
  [CLOSES.protocol_error, CLOSES.bad_utf8, CLOSES.policy_violation, CLOSES.too_big].map(
    ({ code, reason }) => [code, reason],
  ),
);
