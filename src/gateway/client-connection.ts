import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Connection } from '../connections/connection.js';
import { CLOSES, type CloseName } from '../wire/codes.js';
import type { Message } from '../wire/message.js';
import { bareDelivery, DELIVERY_SUFFIX, deliveryPrefix } from '../wire/outgoing-frame.js';
import { Outbox } from './outbox.js';
import { atEndOfTurn } from './turn.js';

/** What a connection does with a frame of its client. One for all connections. */
export interface FrameReceiver {
  receive(connection: ClientConnection, payload: Buffer, isBinary: boolean): void;
}

interface Frame {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

/** Why reading from a client waits. Reading goes on when none is left. */
export type PauseReason = 'congested' | 'in-flight' | 'policy' | 'refresh';

const PAUSE_BITS: Readonly<Record<PauseReason, number>> = {
  congested: 1,
  'in-flight': 2,
  policy: 4,
  refresh: 8,
};

/**
 * One client's connection: from the moment its upgrade is held until its socket has closed.
 *
 * Messages may come before the upgrade is answered: they wait in the queue, and follow `ready`. What is sent
 * during a turn of the event loop leaves as one write at its end. The queue is bounded in bytes: a client that
 * does not read is closed. Frames that were read already when reading was paused wait in order; ws reads no more
 * than one chunk of the socket (64 KiB) ahead, which bounds them.
 */
export class ClientConnection implements Connection {
  readonly connectedAt = Date.now();
  /** Parameters of the path, for gateways with a path such as /rooms/:room. */
  params: Readonly<Record<string, string | string[] | undefined>> = NO_PARAMS;
  /** Requests not yet answered. */
  inFlight = 0;

  #ws: WebSocket | null = null;
  #socket: Socket | null = null;
  #isClosing = false;
  #isFlushing = false;
  #isDraining = false;
  #outbox: Outbox | null = null;
  #pauses = 0;
  #inbox: Frame[] | null = null;
  #closedCallbacks: (() => void)[] | null = null;

  constructor(
    readonly id: string,
    readonly userId: string,
    /** Deliveries are events of lanfare.v1.json; else the bare data. */
    readonly isEnveloped: boolean,
    private readonly bufferLimitBytes: number,
    private readonly receiver: FrameReceiver,
  ) {}

  /** The client's socket is open from now on: `ready` goes first, then what has come meanwhile. */
  open(ws: WebSocket, socket: Socket, ready: string | null): void {
    this.#ws = ws;
    this.#socket = socket;
    if (ready !== null) {
      const first = new Outbox();
      first.add(Buffer.from(ready));
      socket.write(first.take());
    }
    this.flush();
  }

  get isOpen(): boolean {
    return this.#ws !== null && !this.#isClosing;
  }

  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  /** Outgoing bytes that the client has not taken yet. */
  get backlogBytes(): number {
    return (this.#outbox?.bytes ?? 0) + (this.#ws?.bufferedAmount ?? 0);
  }

  deliver(message: Message): boolean {
    if (this.#isClosing) return false;
    return this.isEnveloped
      ? this.#queue(deliveryPrefix(message.from), message.data, DELIVERY_SUFFIX)
      : this.#queue(bareDelivery(message.data));
  }

  /** Puts a text frame into the outgoing queue. False: it did not go in. */
  sendText(text: string): boolean {
    return !this.#isClosing && this.#queue(Buffer.from(text));
  }

  flush(): void {
    this.#isFlushing = false;
    const outbox = this.#outbox;
    if (this.#socket === null || outbox === null || outbox.bytes === 0) return;
    this.#outbox = null;
    this.#socket.write(outbox.take());
  }

  close(why: CloseName): void {
    if (this.#isClosing) return;
    this.flush();
    this.#isClosing = true;
    this.#ws?.close(CLOSES[why].code, CLOSES[why].reason);
  }

  /** Calls back once, when the socket has closed. */
  onClosed(callback: () => void): void {
    (this.#closedCallbacks ??= []).push(callback);
  }

  /** The socket has closed. */
  closed(): void {
    this.#isClosing = true;
    this.#outbox = this.#inbox = null;
    for (const callback of this.#closedCallbacks ?? []) callback();
    this.#closedCallbacks = null;
  }

  /** Ends the connection without a closing handshake. */
  terminate(): void {
    this.#isClosing = true;
    this.#ws?.terminate();
  }

  /** A frame of the client. */
  receive(payload: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (this.#pauses !== 0 || this.#inbox !== null) (this.#inbox ??= []).push({ payload, isBinary });
    else this.receiver.receive(this, payload, isBinary);
  }

  /** Stops reading from the client until `resume` of the same reason. */
  pause(reason: PauseReason): void {
    if (this.#pauses === 0) this.#ws?.pause();
    this.#pauses |= PAUSE_BITS[reason];
  }

  resume(reason: PauseReason): void {
    if ((this.#pauses & PAUSE_BITS[reason]) === 0) return;
    this.#pauses &= ~PAUSE_BITS[reason];
    this.#drainInbox();
    if (this.#pauses === 0 && this.#inbox === null) this.#ws?.resume();
  }

  /** True while the client takes what it is sent; else it is closed. */
  checkBacklog(): boolean {
    if (this.backlogBytes <= this.bufferLimitBytes) return true;
    this.close('slow_client');
    return false;
  }

  #queue(first: Buffer, second?: Buffer, third?: Buffer): boolean {
    (this.#outbox ??= new Outbox()).add(first, second, third);
    if (this.#socket !== null && !this.#isFlushing) {
      this.#isFlushing = true;
      atEndOfTurn(this);
    }
    return this.checkBacklog();
  }

  #drainInbox(): void {
    const inbox = this.#inbox;
    // an answer given while a frame is being handled may resume reading: the loop below is running then
    if (inbox === null || this.#isDraining) return;
    this.#isDraining = true;
    let next = 0;
    while (next < inbox.length && this.#pauses === 0 && !this.#isClosing) {
      const { payload, isBinary } = inbox[next++] as Frame;
      this.receiver.receive(this, payload, isBinary);
    }
    this.#isDraining = false;
    this.#inbox = next < inbox.length && !this.#isClosing ? inbox.slice(next) : null;
  }
}

const NO_PARAMS = Object.freeze({});
