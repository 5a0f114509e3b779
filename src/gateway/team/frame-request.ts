import type { FrameErrorCode } from '../../wire/codes.js';
import { doneFrame, eventFrame, refusalFrame, type Refusal } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';

/**
 * The frame a handler is working on: the third argument in its execution context
 * (`host.getArgByIndex<FrameRequest>(2)`), for filters that want to answer it. A filter that answers otherwise, or not
 * at all, leaves the client with a plain `ack`.
 */
export class FrameRequest {
  #isAnswered = false;

  constructor(
    private readonly connection: ClientConnection,
    readonly event: string,
    /** JSON text; null: the client wants no answer. */
    readonly id: string | null,
  ) {}

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** @throws what JSON.stringify throws; nothing was sent then */
  respond(response: unknown): void {
    const { event, data } = isResponse(response) ? response : { event: this.event, data: response };
    const frame = eventFrame(event, this.id, data);
    this.#isAnswered = true;
    this.connection.sendText(frame);
  }

  /** Answers with an error frame, with or without an id. */
  fail(code: FrameErrorCode, message?: string): void {
    this.#isAnswered = true;
    this.connection.refuse(code, this.id, message);
  }

  /** Answers with an error the application defines itself. */
  refuse(refusal: Refusal): void {
    this.#isAnswered = true;
    this.connection.sendText(refusalFrame(refusal, this.id));
  }

  /** The handler has nothing (more) to say. */
  done(): void {
    if (this.id !== null && !this.#isAnswered) this.connection.sendText(doneFrame(this.id));
  }
}

/** Nest's WsResponse: `{ event, data }` names its own event. */
function isResponse(value: unknown): value is { event: string; data: unknown } {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
