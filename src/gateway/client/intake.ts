import type { TokenBucket } from '../limits/token-bucket.js';
import { Inbox } from './inbox.js';

/** What is done with a frame of a client. One for all connections. */
export interface FrameReceiver<Client> {
  /** False: the client sends too fast; the frame was refused. */
  admit(client: Client, payload: Buffer, isBinary: boolean): boolean;
  /**
   * Called in the order of arrival, and not while reading is paused. Returns false when the frame could not be handled
   * now: reading was paused, and the same frame is given again when reading is resumed.
   */
  receive(client: Client, payload: Buffer, isBinary: boolean): boolean;
  /** A ping or pong of the client. */
  countControl(client: Client): void;
}

/** Why reading from a client waits. Reading goes on when no reason is left. */
export type PauseReason = 'congested' | 'in-flight' | 'policy' | 'refresh' | 'finishing';

const PAUSE_BITS: Readonly<Record<PauseReason, number>> = {
  congested: 1,
  'in-flight': 2,
  policy: 4,
  refresh: 8,
  finishing: 16,
};

/** Reasons that keep the order of the frames: they count until the end. The others don't count once the node drains. */
const ORDER_BITS = PAUSE_BITS.policy | PAUSE_BITS.refresh;
const ALL_BITS = ~0;

/** What Intake needs of the socket. */
export interface ReadSocket {
  /** Memory of what was read and became no message yet. */
  readonly unreadBytes: number;
  pause(): void;
  resume(): void;
}

/**
 * What comes from one client: which frames are handled now, which wait, and whether its socket is read.
 *
 * - handling: each frame is handled, or waits while reading is paused.
 * - draining: the same for what the client sent before it could know that the node drains. Nothing waits for answers or
 *   for other nodes any more.
 * - dropping: the connection is closing. Frames are read, so that the client's close frame is seen, and dropped.
 * - shut: the client flooded. It is not read any more, because its rate does not allow more frames.
 */
export class Intake<Client> {
  #state: 'handling' | 'draining' | 'dropping' | 'shut' = 'handling';
  #socket: ReadSocket | null = null;
  #pauses = 0;
  #inbox: Inbox | null = null;
  /** What is left of the client's rate. A client that only listens has none. */
  #bucket: TokenBucket | null = null;

  constructor(
    private readonly client: Client,
    private readonly receiver: FrameReceiver<Client>,
  ) {}

  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  /** Whether frames wait. */
  get isWaiting(): boolean {
    return this.#inbox !== null;
  }

  /** Memory of what has come and was not handled yet. */
  get bytes(): number {
    return (this.#socket?.unreadBytes ?? 0) + (this.#inbox?.bytes ?? 0);
  }

  /** What is left of the client's rate. It is made full, when it is asked for first. */
  bucket(full: () => TokenBucket): TokenBucket {
    return (this.#bucket ??= full());
  }

  /** The client's socket is open from now on. */
  open(socket: ReadSocket): void {
    this.#socket = socket;
  }

  /** A frame of the client. */
  receive(payload: Buffer, isBinary: boolean): void {
    if (this.#isDropping || !this.receiver.admit(this.client, payload, isBinary)) return;
    const mustWait = this.#pauses !== 0 || this.#inbox !== null;
    if (mustWait || !this.receiver.receive(this.client, payload, isBinary)) {
      (this.#inbox ??= new Inbox()).add(payload, isBinary);
    }
  }

  /** Stops reading until `resume` of the same reason. */
  pause(reason: PauseReason): void {
    const bit = PAUSE_BITS[reason];
    if (this.#isDropping || (this.#state === 'draining' && (bit & ORDER_BITS) === 0)) return;
    if (this.#pauses === 0) {
      this.#socket?.pause();
      this.#bucket?.fill(performance.now()); // up to now; `catchUp` adds the time of the pause
    }
    this.#pauses |= bit;
  }

  resume(reason: PauseReason): void {
    this.#resume(PAUSE_BITS[reason]);
  }

  /** The node drains, and the close frame is sent. */
  drain(): void {
    this.#state = 'draining';
    this.#resume(ALL_BITS & ~ORDER_BITS);
  }

  /** Frames are dropped from now on. Reading stays paused where it is. */
  drop(): void {
    if (this.#state === 'handling') this.#state = 'dropping';
  }

  /** Drops all frames, and reads on: a socket that is not read would not see the client's close frame. */
  dropAll(): void {
    this.drop();
    this.#resume(ALL_BITS);
  }

  /** Nothing is read any more, whatever is resumed. */
  shut(): void {
    this.#state = 'shut';
    this.#inbox = null;
    this.#socket?.pause();
  }

  /** The socket has closed. */
  end(): void {
    this.drop();
    this.#inbox = null;
  }

  get #isDropping(): boolean {
    return this.#state === 'dropping' || this.#state === 'shut';
  }

  #resume(bits: number): void {
    if ((this.#pauses & bits) === 0) return;
    this.#pauses &= ~bits;
    if (this.#pauses !== 0 || this.#state === 'shut') return;
    // what the client sent while it was not read comes all at once now
    this.#bucket?.catchUp(performance.now());
    this.#takeWaiting();
    if (this.#pauses === 0 && this.#inbox === null) this.#socket?.resume();
  }

  #takeWaiting(): void {
    const inbox = this.#inbox;
    // an answer may resume reading while its frame is being handled: then this loop is already running
    if (inbox === null || inbox.isDraining) return;
    inbox.drain((payload, isBinary) => {
      if (this.#isDropping) return true;
      if (this.#pauses !== 0) return false;
      return this.receiver.receive(this.client, payload, isBinary);
    });
    if (inbox.isEmpty) this.#inbox = null;
  }
}
