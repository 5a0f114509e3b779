import type { Socket } from 'node:net';
import type { Identity } from '../../authentication/authenticator.js';
import type { Device } from '../../connections/device.js';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { CLOSES, type CloseName, type FrameErrorCode } from '../../wire/codes.js';
import { isCoreEvent } from '../../wire/core-events.js';
import type { Message } from '../../wire/message.js';
import {
  bareDelivery,
  DELIVERY_SUFFIX,
  deliveryPrefix,
  errorFrame,
  eventFrame,
} from '../../wire/outgoing-frame.js';
import { PING_FRAME, type SharedFrame } from '../../wire/shared-frame.js';
import type { GatewayStatistics } from '../gateway-statistics.js';
import type { Arrival } from './arrival.js';
import type { Backlogs } from './backlogs.js';
import { ClientRecord } from './client-record.js';
import { closingByModule, closingFor, ENDED, type Closing } from './closing.js';
import { ConnectionLife } from './connection-life.js';
import { Intake, type FrameReceiver, type ReadSocket } from './intake.js';
import { OutgoingQueue, type QueuedSocket } from './outgoing-queue.js';
import type { TokenExpiries } from './token-expiries.js';

/** What a connection needs of its ws socket (ClientSocket). */
interface FrameSocket extends QueuedSocket, ReadSocket {
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What all connections of a node have in common. */
export interface ConnectionContext {
  readonly receiver: FrameReceiver<ClientConnection>;
  readonly statistics: GatewayStatistics;
  readonly bufferLimitBytes: number;
  /** What clients have not taken yet. */
  readonly backlogs: Backlogs<ClientConnection>;
  /** What clients have sent and was not handled yet. */
  readonly unhandled: Backlogs<ClientConnection>;
  readonly expiries: TokenExpiries<ClientConnection>;
  readonly inFlightMax: number;
  /** The connection's socket has closed: called before the callbacks of `onClosed`. */
  left(connection: ClientConnection): void;
}

/** How long a client that floods may take its close frame. */
const FLOODER_CUT_MS = 1000;

/**
 * One client's connection: from the moment its upgrade is held until its socket has closed.
 *
 * Messages may come before the upgrade is answered: they wait in the queue, and follow `ready`. The queue is bounded in
 * bytes: a client that does not read is closed. In which state a connection is: ConnectionLife.
 */
export class ClientConnection extends ClientRecord implements Device {
  /** What comes from the client. */
  readonly intake: Intake<ClientConnection>;
  /** What goes to the client. */
  readonly outgoing: OutgoingQueue<ClientConnection>;

  readonly #life = new ConnectionLife();
  #ws: FrameSocket | null = null;
  /** Requests under way. */
  #inFlight = 0;
  /** Bytes of the frames of these requests, as far as the frames are kept. */
  #inFlightBytes = 0;
  /** Most connections have one: that takes no array. */
  #closedCallbacks: (() => void) | (() => void)[] | null = null;

  constructor(
    id: string,
    arrival: Arrival,
    private readonly context: ConnectionContext,
  ) {
    super(id, arrival);
    this.intake = new Intake(this, context.receiver);
    this.outgoing = new OutgoingQueue(this, context.backlogs);
    this.renew(arrival.identity);
  }

  get isOpen(): boolean {
    return this.#life.isOpen;
  }

  get isClosing(): boolean {
    return this.#life.isClosing;
  }

  get isKicked(): boolean {
    return this.#life.closing.code === CLOSES.kicked.code;
  }

  /** The limit of unanswered requests is reached: nothing more is read until one is answered. */
  get isBusy(): boolean {
    return this.#inFlight >= this.context.inFlightMax;
  }

  /** Memory of what the client has not taken yet. */
  get backlogBytes(): number {
    return this.outgoing.bytes;
  }

  /** Memory of what the client has sent and was not handled yet. */
  get unhandledBytes(): number {
    return this.intake.bytes + this.#inFlightBytes;
  }

  /** The client's socket is open from now on: `ready` is sent first, then the messages that came before. */
  open(ws: FrameSocket, socket: Socket, ready: string | null): void {
    this.#ws = ws;
    this.#life.open();
    this.intake.open(ws);
    this.outgoing.open(ws, socket, ready);
    this.context.expiries.watch(this);
    if (this.#life.isClosing) this.#startClosing(ws, this.#life.closing); // it was closed while it was held
  }

  /** The same user has been authenticated again. */
  renew(identity: Identity): void {
    const { expiries } = this.context;
    const expiresAt = identity.expiresAt ?? Number.POSITIVE_INFINITY;
    this.authenticated(identity.claims, expiresAt, expiries.deadlineOf(expiresAt));
    if (this.isOpen) expiries.watch(this);
  }

  deliver(message: Message): boolean {
    if (message.isVolatile === true && !this.#hasRoomForVolatile(message.data.length)) return false;
    return this.isEnveloped
      ? this.#queue(deliveryPrefix(message.from), message.data, DELIVERY_SUFFIX)
      : this.#queue(bareDelivery(message.data));
  }

  deliverFrame(frame: SharedFrame): boolean {
    if (this.#life.isClosing) return false;
    const { length } = frame.bytes;
    if (frame.isVolatile && !this.#hasRoomForVolatile(length)) return false;
    if (!this.hasRoomFor(length)) return false;
    this.outgoing.addShared(frame);
    return true;
  }

  flush(): void {
    this.outgoing.flush();
  }

  /** Puts a text frame into the outgoing queue. Returns false when it was not queued. */
  sendText(text: string): boolean {
    return this.#queue(Buffer.from(text));
  }

  /** Answers a frame with an error. `id` is the frame's id as JSON text; null: it has none. */
  refuse(code: FrameErrorCode, id: string | null, message?: string): void {
    this.context.statistics.errors[code]++;
    this.sendText(errorFrame(code, id, message));
  }

  /** The same, for a frame about a room. */
  refuseRoom(room: string, code: FrameErrorCode, id: string | null, message?: string): void {
    this.context.statistics.errors[code]++;
    this.sendText(errorFrame(code, id, message, room));
  }

  /** Counts an answer that names an error like an error frame. */
  countError(code: FrameErrorCode): void {
    this.context.statistics.errors[code]++;
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
   * Sends an event of a module's own.
   *
   * @throws {TypeError | RangeError} when the event has no name or is the core's, `data` is no JSON value, or the frame
   *   is larger than WS_BUFFER_LIMIT_BYTES; nothing was sent then
   */
  sendEvent(event: string, id: string | null, data: unknown): boolean {
    if (typeof event !== 'string' || event === '') throw new TypeError('the event has no name');
    if (this.isMain && isCoreEvent(event)) throw new TypeError(`the event "${event}" is the core's`);
    const frame = Buffer.from(eventFrame(event, id, data));
    if (frame.length > this.context.bufferLimitBytes) {
      throw new RangeError(`a frame of ${frame.length} bytes is larger than WS_BUFFER_LIMIT_BYTES`);
    }
    return this.#queue(frame);
  }

  /**
   * Whether so many more bytes may wait. If not, the client reads too slowly, and is closed. A frame always fits into
   * an empty queue: its size was checked where it came in.
   */
  hasRoomFor(bytes: number): boolean {
    const waiting = this.outgoing.bytes;
    if (waiting === 0 || waiting + bytes <= this.context.bufferLimitBytes) return true;
    this.closeFor('slow_client');
    return false;
  }

  /** Volatile messages may fill half of the queue, and never close a connection. */
  #hasRoomForVolatile(bytes: number): boolean {
    const waiting = this.outgoing.bytes;
    if (waiting === 0 || waiting + bytes <= this.context.bufferLimitBytes / 2) return true;
    this.context.statistics.volatileDropped++;
    return false;
  }

  close(code?: number, reason?: string): void {
    this.#close(closingByModule(code, reason));
  }

  /** Closes the connection for one of the core's own reasons. */
  closeFor(why: CloseName): void {
    this.#close(closingFor(why));
  }

  /** Closes once the requests under way are answered; until then nothing more is read. */
  finish(why: CloseName): void {
    if (this.#inFlight === 0) {
      this.closeFor(why);
      return;
    }
    this.#life.finish(closingFor(why));
    this.intake.pause('finishing');
  }

  /** The closing handshake begins, no matter who started it: what is queued goes out before the close frame. */
  closing(): void {
    if (this.#life.isClosing) return;
    this.outgoing.flush();
    if (this.#life.close(ENDED)) this.intake.drop();
    this.#tellClosing();
  }

  /** Calls back once, when the socket has closed. */
  onClosed(callback: () => void): void {
    const present = this.#closedCallbacks;
    if (present === null) this.#closedCallbacks = callback;
    else if (Array.isArray(present)) present.push(callback);
    else this.#closedCallbacks = [present, callback];
  }

  /** The socket has closed. */
  closed(): void {
    this.#life.gone();
    this.intake.end();
    this.outgoing.drop();
    this.context.statistics.closes[this.#life.closing.why]++;
    this.context.backlogs.gone(this);
    this.context.unhandled.gone(this);
    this.context.expiries.forget(this);
    this.context.left(this);
    for (const callback of [this.#closedCallbacks ?? []].flat()) {
      try {
        callback();
      } catch (error) {
        moduleFailed('connection', 'What a module does when a client has gone', error);
      }
    }
    this.#closedCallbacks = null;
  }

  /** The upgrade was not completed: the messages that waited for it are dropped. */
  discard(): void {
    this.#life.gone();
    this.outgoing.drop();
    this.context.backlogs.gone(this);
  }

  /** Ends the connection without a closing handshake. */
  terminate(): void {
    if (this.#life.close(ENDED)) this.intake.drop();
    this.outgoing.drop();
    this.#ws?.terminate();
  }

  /**
   * A frame of the client. What the client sent before it could know that the node drains is still handled, but not
   * answered. After any other close nothing is handled.
   */
  receive(payload: Buffer, isBinary: boolean): void {
    this.heard();
    this.context.statistics.frames++;
    this.intake.receive(payload, isBinary);
    if (this.intake.isWaiting) this.context.unhandled.grown(this);
  }

  /** A ping or pong of the client. */
  receiveControl(): void {
    this.heard();
    this.context.receiver.countControl(this);
  }

  /** Its socket was read. Some of what came may not be handled yet. */
  read(): void {
    if (this.unhandledBytes > 0) this.context.unhandled.grown(this);
  }

  ping(): void {
    this.pinged();
    if (!this.#life.isClosing && this.hasRoomFor(PING_FRAME.bytes.length)) {
      this.outgoing.addControl(PING_FRAME);
    }
  }

  /**
   * A request that will be answered has begun. At the limit reading pauses.
   *
   * @param bytes of its frame, if the frame is kept until the answer
   */
  begin(bytes = 0): void {
    if (++this.#inFlight >= this.context.inFlightMax) this.intake.pause('in-flight');
    if (bytes === 0) return;
    this.#inFlightBytes += bytes;
    this.context.unhandled.grown(this);
  }

  /** A request was answered. `bytes`: as at its begin. */
  end(bytes = 0): void {
    this.#inFlightBytes -= bytes;
    if (--this.#inFlight < this.context.inFlightMax) this.intake.resume('in-flight');
    if (this.#inFlight === 0 && this.#life.state === 'finishing') this.#close(this.#life.closing);
  }

  #queue(first: Buffer, second?: Buffer, third?: Buffer): boolean {
    if (this.#life.isClosing) return false;
    if (!this.hasRoomFor(first.length + (second?.length ?? 0) + (third?.length ?? 0))) return false;
    this.outgoing.add(first, second, third);
    return true;
  }

  #close(closing: Closing): void {
    if (this.#life.isClosing) return;
    this.outgoing.flush();
    if (!this.#life.close(closing)) return; // the flush has exceeded a limit and closed it
    this.#tellClosing();
    if (this.#ws !== null) this.#startClosing(this.#ws, closing);
  }

  #tellClosing(): void {
    this.context.backlogs.closing(this);
    this.context.unhandled.closing(this);
  }

  #startClosing(ws: FrameSocket, { why, code, reason }: Closing): void {
    ws.close(code, reason);
    switch (why) {
      case 'draining':
        this.intake.drain();
        break;
      case 'rate_limited':
        this.intake.shut();
        setTimeout(() => ws.terminate(), FLOODER_CUT_MS).unref();
        break;
      default:
        this.intake.dropAll();
    }
  }
}
