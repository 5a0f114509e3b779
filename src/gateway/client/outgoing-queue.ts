import type { Socket } from 'node:net';
import type { SharedFrame } from '../../wire/shared-frame.js';
import { atEndOfTurn } from './end-of-turn.js';
import { Outbox } from './outbox.js';
import { deflateOnce } from './shared-deflation.js';

export type WriteCallback = (error?: Error | null) => void;

/** What the queue needs of the client's ws socket (ClientSocket). */
export interface QueuedSocket {
  /** Bytes of all writes that the kernel has not taken yet, ws' own included. */
  readonly bufferedAmount: number;
  readonly isDeflating: boolean;
  send(data: Buffer, options: { binary: boolean }, done?: WriteCallback): void;
}

/** Who is told that a client's backlog has grown (Backlogs). */
interface BacklogWatch<Client> {
  grown(client: Client): void;
}

/**
 * What a write that waits takes besides its bytes, rounded up. In memory a short message to a slow client is several
 * times as large as it is on the wire.
 */
const WRITE_BYTES = 256;

const EMPTY = Buffer.alloc(0);

/**
 * What one client has been sent and has not taken yet: the frames of this turn of the event loop, and the writes that
 * the socket holds. The frames of a turn leave as one write at its end. Before the socket is open they wait here.
 */
export class OutgoingQueue<Client> {
  #ws: QueuedSocket | null = null;
  #socket: Socket | null = null;
  /** Not null: frames wait. When the socket is open too, a flush is due at the end of this turn. */
  #outbox: Outbox | null = null;
  /** Writes that wait behind others. */
  #waitingWrites = 0;

  constructor(
    private readonly client: Client,
    private readonly backlogs: BacklogWatch<Client>,
  ) {}

  /** Memory of what the client has not taken yet. */
  get bytes(): number {
    return (this.#outbox?.bytes ?? 0) + (this.#ws?.bufferedAmount ?? 0) + this.#waitingWrites * WRITE_BYTES;
  }

  /** The client's socket is open from now on: `ready` goes first, then what has come meanwhile. */
  open(ws: QueuedSocket, socket: Socket, ready: string | null): void {
    this.#ws = ws;
    this.#socket = socket;
    if (ready !== null) {
      const first = new Outbox();
      first.add(Buffer.from(ready));
      socket.write(first.take());
    }
    this.flush();
  }

  /** Adds one text frame. Its payload is the concatenation of the parts. */
  add(first: Buffer, second?: Buffer, third?: Buffer): void {
    if (this.#ws?.isDeflating === true) {
      const whole = second === undefined ? first : Buffer.concat([first, second, third ?? EMPTY]);
      this.#sendDeflated(this.#ws, whole);
      return;
    }
    this.#openOutbox().add(first, second, third);
    if (this.#socket === null) this.backlogs.grown(this.client);
  }

  /** Adds a frame that many clients get. */
  addShared(frame: SharedFrame): void {
    if (this.#ws?.isDeflating === true) {
      deflateOnce(frame);
      this.#sendDeflated(this.#ws, frame.payload);
      return;
    }
    this.#openOutbox().addShared(frame);
    if (this.#socket === null) this.backlogs.grown(this.client);
  }

  /** Adds a control frame. It is never compressed, and may stand between any two other frames. */
  addControl(frame: Pick<SharedFrame, 'bytes'>): void {
    this.#openOutbox().addShared(frame);
  }

  /** Hands the frames of this turn to the socket. */
  flush(): void {
    const outbox = this.#outbox;
    const socket = this.#socket;
    if (socket === null || outbox === null) return;
    this.#outbox = null;
    if (socket.writableLength === 0) socket.write(outbox.take());
    else socket.write(outbox.take(), this.writing());
    // the socket is corked while the upgrade is answered: then what waits is no backlog
    if (socket.writableLength !== 0 && socket.writableCorked === 0) this.backlogs.grown(this.client);
  }

  /** Drops the frames that have not been handed to the socket. */
  drop(): void {
    this.#outbox = null;
  }

  /**
   * To be called before ws makes a write. Returns the callback for the end of the write, if the write waits behind
   * others.
   */
  writing(): WriteCallback | undefined {
    if (this.bytes === 0) return undefined;
    this.#waitingWrites++;
    return () => {
      this.#waitingWrites--;
    };
  }

  /** To be called after such a write. */
  written(): void {
    if (this.#ws !== null && this.#ws.bufferedAmount > 0) this.backlogs.grown(this.client);
  }

  #openOutbox(): Outbox {
    if (this.#outbox !== null) return this.#outbox;
    if (this.#socket !== null) atEndOfTurn(this);
    return (this.#outbox = new Outbox());
  }

  #sendDeflated(ws: QueuedSocket, payload: Buffer): void {
    ws.send(payload, { binary: false }, this.writing());
    this.written();
  }
}
