import type { Socket } from 'node:net';
import type { Identity } from '../../authentication/authenticator.js';
import type { ConnectionKey } from '../../connections/connection-key.js';
import type { Device } from '../../connections/device.js';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { CLOSES, isApplicationClose, type CloseName, type FrameErrorCode } from '../../wire/codes.js';
import { isCoreEvent } from '../../wire/core-events.js';
import type { Message } from '../../wire/message.js';
import {
  bareDelivery,
  DELIVERY_SUFFIX,
  deliveryPrefix,
  errorFrame,
  eventFrame,
} from '../../wire/outgoing-frame.js';
import type { GatewayStatistics } from '../gateway-statistics.js';
import type { Backlogs } from './backlogs.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import type { TokenBucket } from '../limits/token-bucket.js';
import type { TokenExpiries } from './token-expiries.js';
import { atEndOfTurn } from './end-of-turn.js';

/** What a connection does with a frame of its client. One for all connections. */
export interface FrameReceiver {
  /** False: the client sends too fast; the frame was refused. */
  admit(connection: ClientConnection, payload: Buffer, isBinary: boolean): boolean;
  /**
   * In the order of arrival, and not while the connection is paused. False: it could not be handled now; the
   * connection was paused, and gives the same frame again when it is resumed.
   */
  receive(connection: ClientConnection, payload: Buffer, isBinary: boolean): boolean;
}

/** What is known of a client when it is let in. */
export interface Arrival {
  readonly identity: Identity;
  /** Deliveries are events of lanfare.v1.json; else the bare data. */
  readonly isEnveloped: boolean;
  /** Where the client is, as far as our trusted proxies know. */
  readonly address: string;
  /** Of the path, for gateways with a path such as /rooms/:room. */
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
  /** On WS_PATH: a device of its user. */
  readonly isMain: boolean;
}

export type WriteCallback = (error?: Error | null) => void;

/** What a connection needs of its ws socket (ClientSocket). */
interface FrameSocket {
  readonly bufferedAmount: number;
  readonly isDeflating: boolean;
  send(data: Buffer, options: { binary: boolean }, done?: WriteCallback): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** Why a connection is closing, and what its close frame says. */
interface Closing {
  /** `ended`: the client or ws began it. */
  readonly why: CloseName | 'ended';
  readonly code: number;
  readonly reason: string;
}

/** What all connections of a node have in common. */
export interface ConnectionContext {
  readonly receiver: FrameReceiver;
  readonly statistics: GatewayStatistics;
  readonly bufferLimitBytes: number;
  readonly backlogs: Backlogs<ClientConnection>;
  readonly expiries: TokenExpiries<ClientConnection>;
  readonly inFlightMax: number;
  /** The connection's socket has closed: called before the callbacks of `onClosed`. */
  left(connection: ClientConnection): void;
}

/** Why reading from a client waits. Reading goes on when none is left. */
export type PauseReason = 'congested' | 'in-flight' | 'policy' | 'refresh' | 'finishing';

const PAUSE_BITS: Readonly<Record<PauseReason, number>> = {
  congested: 1,
  'in-flight': 2,
  policy: 4,
  refresh: 8,
  finishing: 16,
};

/** Reasons that end with the connection: nothing is gained by waiting any longer. */
const PAUSES_UNTIL_CLOSING = PAUSE_BITS.congested | PAUSE_BITS['in-flight'] | PAUSE_BITS.finishing;

/**
 * What a write that waits takes besides its bytes, rounded up: a short message to a slow client is several times as large in
 * memory as it is on the wire.
 */
const WRITE_BYTES = 256;

/** How long a client that floods may take its close frame. */
const FLOODER_CUT_MS = 1000;

/**
 * One client's connection: from the moment its upgrade is held until its socket has closed.
 *
 * Messages may come before the upgrade is answered: they wait in the queue, and follow `ready`. What is sent
 * during a turn of the event loop leaves as one write at its end. The queue is bounded in bytes: a client that
 * does not read is closed. Parts that an idle connection does not need are made when they are.
 */
export class ClientConnection implements Device {
  readonly connectedAt = Date.now();
  /** Empty for clients of gateways that ask for no authentication. */
  readonly userId: string;
  readonly isEnveloped: boolean;
  readonly address: string;
  readonly params: Arrival['params'];
  readonly isMain: boolean;
  /** When it ends, and when that is looked at next; see TokenExpiries. */
  expiresAt = Number.POSITIVE_INFINITY;
  expiryDeadline = Number.POSITIVE_INFINITY;
  expiryDue = 0;
  /** Pings sent since the client's last sign of life, and where Heartbeats keeps it. */
  silence = 0;
  heartbeatPart = 0;
  /** What is left of the client's rate; see FrameRate. */
  bucket: TokenBucket | null = null;

  #ws: FrameSocket | null = null;
  #socket: Socket | null = null;
  #closing: Closing | null = null;
  #closeWhenIdle: CloseName | null = null;
  #inFlight = 0;
  #pauses = 0;
  #isFlushing = false;
  /** Writes that wait behind others. */
  #waitingWrites = 0;
  #outbox: Outbox | null = null;
  #inbox: Inbox | null = null;
  #closedCallbacks: (() => void)[] | null = null;
  #claims: Identity['claims'];
  #kept: Map<ConnectionKey<unknown>, unknown> | null = null;

  constructor(
    readonly id: string,
    { identity, isEnveloped, address, params, isMain }: Arrival,
    private readonly context: ConnectionContext,
  ) {
    this.userId = identity.userId;
    this.isEnveloped = isEnveloped;
    this.address = address;
    this.params = params;
    this.isMain = isMain;
    this.renew(identity);
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.#claims ?? NO_CLAIMS;
  }

  get<T>(key: ConnectionKey<T>): T | undefined {
    return this.#kept?.get(key) as T | undefined;
  }

  set<T>(key: ConnectionKey<T>, value: T): void {
    (this.#kept ??= new Map()).set(key, value);
  }

  get isAnonymous(): boolean {
    return this.userId === '';
  }

  get isOpen(): boolean {
    return this.#ws !== null && this.#closing === null;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  /** As many requests are under way as may be: nothing more is read until one is answered. */
  get isBusy(): boolean {
    return this.#inFlight >= this.context.inFlightMax;
  }

  /** Memory of what the client has not taken yet. */
  get backlogBytes(): number {
    return (this.#outbox?.bytes ?? 0) + (this.#ws?.bufferedAmount ?? 0) + this.#waitingWrites * WRITE_BYTES;
  }

  /** The client's socket is open from now on: `ready` goes first, then what has come meanwhile. */
  open(ws: FrameSocket, socket: Socket, ready: string | null): void {
    this.#ws = ws;
    this.#socket = socket;
    if (ready !== null) {
      const first = new Outbox();
      first.add(Buffer.from(ready));
      socket.write(first.take());
    }
    this.flush();
    this.context.expiries.watch(this);
    // closed while its upgrade was held
    if (this.#closing !== null && this.#closing !== ENDED) this.#startClosing(ws, this.#closing);
  }

  /** The same user has been authenticated again. */
  renew({ expiresAt, claims }: Identity): void {
    this.#claims = claims;
    this.context.expiries.limit(this, expiresAt);
    if (this.isOpen) this.context.expiries.watch(this);
  }

  deliver(message: Message): boolean {
    if (this.#closing !== null) return false;
    return this.isEnveloped
      ? this.#queue(deliveryPrefix(message.from), message.data, DELIVERY_SUFFIX)
      : this.#queue(bareDelivery(message.data));
  }

  /** Puts a text frame into the outgoing queue. False: it did not go in. */
  sendText(text: string): boolean {
    return this.#closing === null && this.#queue(Buffer.from(text));
  }

  /** Answers a frame with an error; `id` is its own as JSON text, if it had one. */
  refuse(code: FrameErrorCode, id: string | null, message?: string): void {
    this.context.statistics.errors[code]++;
    this.sendText(errorFrame(code, id, message));
  }

  send(event: string, data?: unknown): boolean {
    try {
      return this.sendEvent(event, null, data);
    } catch (error) {
      moduleFailed('connection', "A module's send to a client", error);
      return false;
    }
  }

  /**
   * A frame that a module makes.
   *
   * @throws {TypeError | RangeError} when the event is none of its own, `data` no JSON value, or the frame larger than
   *   WS_BUFFER_LIMIT_BYTES; nothing was sent then
   */
  sendEvent(event: string, id: string | null, data: unknown): boolean {
    if (typeof event !== 'string' || event === '') throw new TypeError('the event has no name');
    if (this.isMain && isCoreEvent(event)) throw new TypeError(`the event "${event}" is the core's`);
    const frame = Buffer.from(eventFrame(event, id, data));
    if (frame.length > this.context.bufferLimitBytes) {
      throw new RangeError(`a frame of ${frame.length} bytes is larger than WS_BUFFER_LIMIT_BYTES`);
    }
    return this.#closing === null && this.#queue(frame);
  }

  /**
   * Whether so many bytes more may wait. If not, the client reads too slowly, and is closed. What finds the queue
   * empty always fits: its size was judged where it came in.
   */
  hasRoomFor(bytes: number): boolean {
    const waiting = this.backlogBytes;
    if (waiting === 0 || waiting + bytes <= this.context.bufferLimitBytes) return true;
    this.closeFor('slow_client');
    return false;
  }

  flush(): void {
    this.#isFlushing = false;
    const outbox = this.#outbox;
    const socket = this.#socket;
    if (socket === null || outbox === null) return;
    this.#outbox = null;
    if (socket.writableLength === 0) socket.write(outbox.take());
    else socket.write(outbox.take(), this.writing());
    // corked while the upgrade is answered
    if (socket.writableLength !== 0 && socket.writableCorked === 0) this.context.backlogs.grown(this);
  }

  /** For a write past the queue: what is to be called when it is done. It may have to wait behind others. */
  writing(): WriteCallback | undefined {
    if (this.backlogBytes === 0) return undefined;
    this.#waitingWrites++;
    return () => {
      this.#waitingWrites--;
    };
  }

  /** Such a write was made. */
  written(): void {
    if (this.#ws !== null && this.#ws.bufferedAmount > 0) this.context.backlogs.grown(this);
  }

  close(
    code: number = CLOSES.kicked.code,
    reason = code === CLOSES.kicked.code ? CLOSES.kicked.reason : '',
  ): void {
    if (!isApplicationClose(code)) {
      closeMisused(`${code} is no code of the application's`);
      this.closeFor('failed');
      return;
    }
    const fits = typeof reason === 'string' && Buffer.byteLength(reason) <= REASON_BYTES_MAX;
    if (!fits) closeMisused(`the reason is longer than ${REASON_BYTES_MAX} bytes`);
    this.#close({ why: 'kicked', code, reason: fits ? reason : '' });
  }

  /** The core's own close. */
  closeFor(why: CloseName): void {
    this.#close({ why, ...CLOSES[why] });
  }

  /** Closes once the requests under way are answered; until then nothing more is read. */
  finish(why: CloseName): void {
    if (this.#inFlight === 0) {
      this.closeFor(why);
      return;
    }
    this.#closeWhenIdle = why;
    this.pause('finishing');
  }

  /** The closing handshake begins, whoever wanted it: what is queued goes out before the close frame. */
  closing(): void {
    if (this.#closing !== null) return;
    this.flush();
    this.#closing ??= ENDED;
    this.context.backlogs.closing(this);
  }

  /** Calls back once, when the socket has closed. */
  onClosed(callback: () => void): void {
    (this.#closedCallbacks ??= []).push(callback);
  }

  /** The socket has closed. */
  closed(): void {
    this.#closing ??= ENDED;
    this.context.statistics.closes[this.#closing.why]++;
    this.#outbox = this.#inbox = null;
    this.context.backlogs.gone(this);
    this.context.expiries.forget(this);
    this.context.left(this);
    for (const callback of this.#closedCallbacks ?? []) {
      try {
        callback();
      } catch (error) {
        moduleFailed('connection', 'What a module does when a client has gone', error);
      }
    }
    this.#closedCallbacks = null;
  }

  /** Its upgrade came to nothing: what waited for it is dropped. */
  discard(): void {
    this.#closing ??= ENDED;
    this.#outbox = null;
    this.context.backlogs.gone(this);
  }

  /** Ends the connection without a closing handshake. */
  terminate(): void {
    this.#closing ??= ENDED;
    this.#outbox = null;
    this.#ws?.terminate();
  }

  /**
   * A frame of the client. What it sent before it could know that the node drains is still handled, without an
   * answer; after any other close nothing is.
   */
  receive(payload: Buffer, isBinary: boolean): void {
    this.silence = 0;
    this.context.statistics.frames++;
    if (this.#isDeaf) return;
    if (!this.context.receiver.admit(this, payload, isBinary)) return;
    const mustWait = this.#pauses !== 0 || this.#inbox !== null;
    if (mustWait || !this.context.receiver.receive(this, payload, isBinary)) {
      (this.#inbox ??= new Inbox()).add(payload, isBinary);
    }
  }

  ping(): void {
    this.#ws?.ping();
  }

  /** A request has begun that will be answered. At the limit reading pauses. */
  begin(): void {
    if (++this.#inFlight >= this.context.inFlightMax) this.pause('in-flight');
  }

  end(): void {
    if (--this.#inFlight < this.context.inFlightMax) this.resume('in-flight');
    if (this.#inFlight === 0 && this.#closeWhenIdle !== null) this.closeFor(this.#closeWhenIdle);
  }

  /** Stops reading from the client until `resume` of the same reason. */
  pause(reason: PauseReason): void {
    if (this.#closing !== null && (PAUSE_BITS[reason] & PAUSES_UNTIL_CLOSING) !== 0) return;
    if (this.#pauses === 0) {
      this.#ws?.pause();
      this.bucket?.fill(performance.now()); // from here on it is not its own time
    }
    this.#pauses |= PAUSE_BITS[reason];
  }

  resume(reason: PauseReason): void {
    this.#resume(PAUSE_BITS[reason]);
  }

  #resume(bits: number): void {
    if ((this.#pauses & bits) === 0) return;
    this.#pauses &= ~bits;
    if (this.#pauses !== 0 || this.#closing?.why === 'rate_limited') return;
    // what it sent while it was not read comes all at once now
    this.bucket?.catchUp(performance.now());
    this.#drainInbox();
    if (this.#pauses === 0 && this.#inbox === null) this.#ws?.resume();
  }

  /** Nothing that comes is handled any more. */
  get #isDeaf(): boolean {
    return this.#closing !== null && this.#closing.why !== 'draining';
  }

  #close(closing: Closing): void {
    if (this.#closing !== null) return;
    this.flush();
    if (this.#closing !== null) return; // what was flushed was too much
    this.#closing = closing;
    this.context.backlogs.closing(this);
    if (this.#ws !== null) this.#startClosing(this.#ws, closing);
  }

  #startClosing(ws: FrameSocket, { why, code, reason }: Closing): void {
    ws.close(code, reason);
    if (why === 'rate_limited') {
      // reading on would be to do what the rate forbids; it may take the close frame, and is cut
      this.#inbox = null;
      ws.pause();
      setTimeout(() => ws.terminate(), FLOODER_CUT_MS).unref();
      return;
    }
    // a socket that is not read would not see the client's answer
    this.#resume(why === 'draining' ? PAUSES_UNTIL_CLOSING : ~0);
  }

  #queue(first: Buffer, second?: Buffer, third?: Buffer): boolean {
    if (!this.hasRoomFor(first.length + (second?.length ?? 0) + (third?.length ?? 0))) return false;
    if (this.#ws?.isDeflating === true) {
      const whole = second === undefined ? first : Buffer.concat([first, second, third ?? EMPTY]);
      this.#ws.send(whole, { binary: false }, this.writing());
      this.written();
      return true;
    }
    (this.#outbox ??= new Outbox()).add(first, second, third);
    if (this.#socket === null) {
      this.context.backlogs.grown(this);
    } else if (!this.#isFlushing) {
      this.#isFlushing = true;
      atEndOfTurn(this);
    }
    return true;
  }

  #drainInbox(): void {
    const inbox = this.#inbox;
    // an answer given while a frame is being handled may resume reading: a loop is running then
    if (inbox === null || inbox.isDraining) return;
    inbox.drain((payload, isBinary) => {
      if (this.#isDeaf) return true;
      if (this.#pauses !== 0) return false;
      return this.context.receiver.receive(this, payload, isBinary);
    });
    if (inbox.isEmpty) this.#inbox = null;
  }
}

const ENDED: Closing = { why: 'ended', code: 1005, reason: '' };
const NO_CLAIMS = Object.freeze({});
const EMPTY = Buffer.alloc(0);
/** RFC 6455 5.5: a close frame has 125 bytes, two of them the code. */
const REASON_BYTES_MAX = 123;

function closeMisused(why: string): void {
  moduleFailed('connection', "A module's close of a client", new RangeError(why));
}
