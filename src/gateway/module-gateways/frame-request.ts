import type { FrameErrorCode } from '../../wire/codes.js';
import { doneFrame, refusalFrame, type Refusal } from '../../wire/outgoing-frame.js';

/** Longer error messages are cut: an exception may carry a text of any length. */
const MESSAGE_CHARACTERS_MAX = 1000;

/** What FrameRequest needs of a connection. */
interface Answering {
  sendText(text: string): boolean;
  sendEvent(event: string, id: string | null, data: unknown): boolean;
  refuse(code: FrameErrorCode, id: string | null, message?: string): void;
}

/**
 * The frame a handler is working on: the third argument in its execution context
 * (`host.getArgByIndex<FrameRequest>(2)`), for filters that want to answer it. A filter that answers otherwise, or not
 * at all, leaves the client with a plain `ack`.
 */
export class FrameRequest {
  #isAnswered = false;

  constructor(
    private readonly connection: Answering,
    readonly event: string,
    /** JSON text; null: the client wants no answer. */
    readonly id: string | null,
  ) {}

  /**
   * @param response a JSON value, or `{ event, data }` with an event of its own
   * @throws {TypeError | RangeError} when it is no JSON value, is larger than WS_BUFFER_LIMIT_BYTES, or its event is no
   * valid one; nothing was sent then
   */
  respond(response: unknown): void {
    const { event, data } = this.#read(response);
    this.connection.sendEvent(event, this.id, data);
    this.#isAnswered = true;
  }

  /** Answers with an error frame, with or without an id. */
  fail(code: FrameErrorCode, message?: string): void {
    this.#isAnswered = true;
    this.connection.refuse(code, this.id, message?.slice(0, MESSAGE_CHARACTERS_MAX));
  }

  /** Answers with an error the application defines itself. */
  refuse({ code, message, retryable }: Refusal): void {
    this.#isAnswered = true;
    const refusal = {
      code: code.slice(0, MESSAGE_CHARACTERS_MAX),
      message: message.slice(0, MESSAGE_CHARACTERS_MAX),
      retryable,
    };
    this.connection.sendText(refusalFrame(refusal, this.id));
  }

  /** The handler will give no response, or no more responses. */
  done(): void {
    if (this.id !== null && !this.#isAnswered) this.connection.sendText(doneFrame(this.id));
  }

  /** Nest's WsResponse, `{ event, data }`, names its own event. */
  #read(response: unknown): { event: string; data: unknown } {
    if (typeof response !== 'object' || response === null || !('event' in response)) {
      return { event: this.event, data: response };
    }
    const { event } = response;
    const data = 'data' in response ? response.data : undefined;
    if (typeof event === 'string') return { event, data };
    if (!('data' in response)) return { event: this.event, data: response }; // it is data that has a member `event`
    throw new TypeError('the event of the response is not a string');
  }
}
