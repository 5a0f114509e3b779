import { Injectable, Logger } from '@nestjs/common';
import { isObservable, Subscription, type Observable } from 'rxjs';
import { describeError } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { FrameRequest } from './frame-request.js';

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

interface Bound {
  readonly byEvent: Map<string, BoundHandler[]>;
  /** Streams of responses that go on: they end with the connection. */
  readonly streams: Subscription;
}

/** Events the core answers itself: a handler for one of them would never be called. */
const CORE_EVENTS = ['send', 'ping', 'refresh'];

/**
 * The events other modules' gateways handle, by connection. One look-up an event however many gateways there
 * are, and no listener on the socket. Handlers start in the order of the client's frames; those that wait for
 * something overlap, up to WS_MAX_IN_FLIGHT. What they return as a stream ends with the connection.
 */
@Injectable()
export class EventHandlers {
  readonly #warnings = new LogBudget(new Logger(EventHandlers.name));
  readonly #byConnection = new WeakMap<ClientConnection, Bound>();

  bind(connection: ClientConnection, handlers: readonly EventHandler[], transform: Transform): void {
    if (handlers.length === 0) return;
    let bound = this.#byConnection.get(connection);
    if (bound === undefined) {
      const streams = new Subscription();
      bound = { byEvent: new Map(), streams };
      this.#byConnection.set(connection, bound);
      connection.onClosed(() => streams.unsubscribe());
    }
    for (const { message, callback } of handlers) {
      if (CORE_EVENTS.includes(message)) {
        this.#warnings.warn('core', `A gateway subscribes to "${message}", which the core handles itself`);
      }
      const present = bound.byEvent.get(message);
      if (present === undefined) bound.byEvent.set(message, [{ callback, transform }]);
      else present.push({ callback, transform });
    }
  }

  /** False: nobody handles this event on this connection's path. */
  handle(connection: ClientConnection, { event, id, data }: EventFrame): boolean {
    const bound = this.#byConnection.get(connection);
    const handlers = bound?.byEvent.get(event);
    if (bound === undefined || handlers === undefined) return false;
    const request = new FrameRequest(connection, event, id);
    let running = handlers.length;
    connection.begin();
    const finish = () => {
      if (--running > 0) return;
      request.done();
      connection.end();
    };
    for (const handler of handlers) bound.streams.add(this.#run(handler, data, request, finish));
    return true;
  }

  #run({ callback, transform }: BoundHandler, data: unknown, request: FrameRequest, finish: () => void) {
    const failed = (error: unknown) => {
      // Nest's filters have caught what handlers throw: this is a filter or interceptor that threw itself
      this.#warnings.warn('handler', `The handler of "${request.event}" failed: ${describeError(error)}`);
      request.fail('internal');
    };
    const subscription = new Subscription();
    subscription.add(finish);
    try {
      const responses$ = transform(callback(data, request));
      if (!isObservable(responses$)) throw new TypeError('the transform gave no stream');
      subscription.add(
        responses$.subscribe({
          next: (response) => {
            if (response === undefined || response === null) return;
            try {
              request.respond(response);
            } catch (error) {
              failed(error); // circular, too deep, or with a BigInt in it
            }
          },
          error: (error: unknown) => {
            failed(error);
            subscription.unsubscribe();
          },
          complete: () => subscription.unsubscribe(),
        }),
      );
    } catch (error) {
      failed(error);
      subscription.unsubscribe();
    }
    return subscription;
  }
}
