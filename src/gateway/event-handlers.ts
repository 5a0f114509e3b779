import { Injectable, Logger } from '@nestjs/common';
import { isObservable, type Observable } from 'rxjs';
import { LogBudget } from '../telemetry/log-budget.js';
import type { FrameErrorCode } from '../wire/codes.js';
import type { EventFrame } from '../wire/incoming-frame.js';
import { doneFrame, errorFrame, eventFrame } from '../wire/outgoing-frame.js';
import type { ClientConnection } from './client-connection.js';

/** A gateway's `@SubscribeMessage` method for one client, as Nest binds it: guards, pipes and filters included. */
export interface EventHandler {
  readonly message: string;
  readonly callback: (...args: unknown[]) => unknown;
}

/** Turns whatever a handler returns into a stream of responses. Nest's. */
export type Transform = (result: unknown) => Observable<unknown>;

interface BoundHandler {
  readonly callback: EventHandler['callback'];
  readonly transform: Transform;
}

/**
 * The frame a handler is working on: the third argument in its execution context
 * (`host.getArgByIndex<FrameRequest>(2)`), for filters that want to answer it.
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

  respond(response: unknown): void {
    this.#isAnswered = true;
    const { event, data } = isResponse(response) ? response : { event: this.event, data: response };
    this.connection.sendText(eventFrame(event, this.id, data));
  }

  /** Answers with an error frame, with or without an id. */
  fail(code: FrameErrorCode, message?: string): void {
    this.#isAnswered = true;
    this.connection.sendText(errorFrame(code, this.id, message));
  }

  /** The handler has nothing (more) to say. */
  done(): void {
    if (this.id !== null && !this.#isAnswered) this.connection.sendText(doneFrame(this.id));
  }
}

/**
 * The events other modules' gateways handle, by connection. One look-up an event however many gateways there
 * are, and no listener on the socket. Handlers start in the order of the client's frames; those that wait for
 * something overlap, up to WS_MAX_IN_FLIGHT.
 */
@Injectable()
export class EventHandlers {
  readonly #warnings = new LogBudget(new Logger(EventHandlers.name));
  readonly #byConnection = new WeakMap<ClientConnection, Map<string, BoundHandler[]>>();

  bind(connection: ClientConnection, handlers: readonly EventHandler[], transform: Transform): void {
    if (handlers.length === 0) return;
    const bound = this.#byConnection.get(connection) ?? new Map<string, BoundHandler[]>();
    this.#byConnection.set(connection, bound);
    for (const { message, callback } of handlers) {
      bound.set(message, [...(bound.get(message) ?? []), { callback, transform }]);
    }
  }

  /** False: nobody handles this event on this connection's path. `ended` is called once the handlers are done. */
  handle(connection: ClientConnection, { event, id, data }: EventFrame, ended: () => void): boolean {
    const handlers = this.#byConnection.get(connection)?.get(event);
    if (handlers === undefined) return false;
    const request = new FrameRequest(connection, event, id);
    let running = handlers.length;
    const finish = () => {
      if (--running > 0) return;
      request.done();
      ended();
    };
    for (const { callback, transform } of handlers) {
      const failed = (error: unknown) => {
        // Nest's filters have caught what handlers throw: this is a filter or interceptor that threw itself
        this.#warnings.warn('handler', `The handler of "${event}" failed: ${String(error)}`);
        request.fail('internal');
        finish();
      };
      try {
        const responses$ = transform(callback(data, request));
        if (!isObservable(responses$)) throw new TypeError('the transform gave no stream');
        responses$.subscribe({
          next: (response) => {
            if (response !== undefined && response !== null) request.respond(response);
          },
          error: failed,
          complete: finish,
        });
      } catch (error) {
        failed(error);
      }
    }
    return true;
  }
}

/** Nest's WsResponse: `{ event, data }` names its own event. */
function isResponse(value: unknown): value is { event: string; data: unknown } {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
