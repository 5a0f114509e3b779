import { deadline } from './deadline.js';
import { LanfareError, NotConnected, OutcomeUnknown } from './errors.js';
import type { Link } from './link.js';
import type { QueueOptions } from './options.js';
import type { Frame } from './protocol.js';
import { byteLength } from './utf8.js';

/** Text that was handed over and is not answered yet, or waits to be: more is refused. */
const BYTES_MAX = 1024 * 1024;
const ANSWER_MS = 10_000;

interface Request {
  readonly text: string;
  readonly settle: (error: unknown, data?: unknown) => void;
  /** With `queue`: it waits for a connection, and is repeated on the next one when this one breaks. */
  readonly isKept: boolean;
  isSent: boolean;
  wasSent: boolean;
}

export interface AskOptions {
  readonly timeoutMs?: number | undefined;
  readonly isKept?: boolean;
  readonly isVolatile?: boolean | undefined;
}

/** The `data` of an error frame. */
export interface ErrorData {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

export function errorOf({ code, message, retryable }: ErrorData): LanfareError {
  return new LanfareError(code, message, retryable);
}

/** What was asked and not answered yet, in the order in which it was asked. */
export class Requests {
  #ids = 0;
  #bytes = 0;
  readonly #open = new Map<number, Request>();
  /** Of a frame, in bytes: the server closes for more. */
  frameBytesMax = Infinity;

  constructor(
    private readonly link: Link,
    private readonly queue: QueueOptions | undefined,
  ) {}

  /**
   * Sends an event and resolves with the answer's data.
   *
   * It rejects with LanfareError: the server's, `too_large` and `buffer_full`, NotConnected and OutcomeUnknown. Nobody
   * has to look: a rejection that is not handled is no unhandled one.
   */
  ask(event: string, data: unknown, options: AskOptions = {}): Promise<unknown> {
    const answer = new Promise<unknown>((resolve, reject) => {
      const id = (this.#ids += 1);
      const text = JSON.stringify({ event, id, data });
      this.#admit(text, options);
      const { timeoutMs = (options.isKept && this.queue?.ttlMs) || ANSWER_MS, isKept = false } = options;
      const cancel = deadline(timeoutMs, () => request.settle(this.#lostError(request, 'no answer in time')));
      const request: Request = {
        text,
        isKept,
        isSent: false,
        wasSent: false,
        settle: (error, value) => {
          cancel();
          this.#open.delete(id);
          this.#bytes -= text.length;
          if (error === undefined) resolve(value);
          else reject(error);
        },
      };
      this.#open.set(id, request);
      this.#bytes += text.length;
      if (this.link.isOpen) this.#send(request);
    });
    answer.catch(() => undefined);
    return answer;
  }

  /** Returns true when the frame was the answer to a request. */
  answered({ event, id, data }: Frame): boolean {
    const request = this.#open.get(id as number);
    if (request === undefined) return false;
    if (event === 'error') request.settle(errorOf(data as ErrorData));
    else request.settle(undefined, data);
    return true;
  }

  /** Sends what waited. */
  flush(): void {
    for (const request of this.#open.values()) if (!request.isSent) this.#send(request);
  }

  /** The connection broke, or ended for good. */
  lost(): void {
    const mayWait = this.link.state.name === 'closed' ? 0 : (this.queue?.max ?? 0);
    let waiting = 0;
    for (const request of this.#open.values()) {
      request.isSent = false;
      if (request.isKept && waiting < mayWait) waiting += 1;
      else request.settle(this.#lostError(request, this.link.state.reason || 'the connection broke'));
    }
  }

  /** Throws an error when the request is refused. */
  #admit(text: string, { isKept = false, isVolatile = false }: AskOptions): void {
    if (text.length * 3 > this.frameBytesMax && byteLength(text) > this.frameBytesMax)
      throw new LanfareError('too_large', `A frame may have ${this.frameBytesMax} bytes`);
    const { name, reason } = this.link.state;
    const mayWait = isKept && name !== 'closed' && this.#open.size < (this.queue as QueueOptions).max;
    if (!this.link.isOpen && !mayWait) throw new NotConnected(reason || name);
    // volatile frames may use only half of the room, so that the others still fit
    const bytesMax = isVolatile ? BYTES_MAX / 2 : BYTES_MAX;
    if (Math.max(this.#bytes, this.link.buffered) + text.length > bytesMax)
      throw new LanfareError('buffer_full', 'Too much is on its way and not answered', true);
  }

  #send(request: Request): void {
    request.isSent = true;
    request.wasSent = true;
    this.link.send(request.text);
  }

  #lostError({ wasSent }: Request, why: string): LanfareError {
    return wasSent ? new OutcomeUnknown(why) : new NotConnected(why);
  }
}
