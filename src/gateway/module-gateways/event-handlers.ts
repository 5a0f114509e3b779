import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { isObservable, Subscription, type Observable } from 'rxjs';
import { moduleFailed } from '../../telemetry/module-failures.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { gatewayConfig } from '../gateway.config.js';
import { FrameRequest } from './frame-request.js';
import { Requests, type RunningRequest } from './requests.js';
import { ModuleGateways } from './module-gateways.js';

/** A gateway's `@SubscribeMessage` method for one client, as Nest binds it: guards, pipes and filters included. */
export interface EventHandler {
  readonly message: string;
  readonly callback: (...args: unknown[]) => unknown;
}

/** Nest's function that turns whatever a handler returns into a stream of responses. */
export type Transform = (result: unknown) => Observable<unknown>;

interface BoundHandler {
  readonly callback: EventHandler['callback'];
  readonly transform: Transform;
}

interface Bound {
  readonly byEvent: Map<string, BoundHandler[]>;
  readonly requests: Requests;
}

/**
 * The events that other modules' gateways handle, by connection. An event costs one look-up, however many gateways
 * there are, and no listener on the socket. Handlers start in the order of the client's frames. Handlers that wait for
 * something overlap, up to WS_MAX_IN_FLIGHT. A stream that a handler returns ends with the connection.
 */
@Injectable()
export class EventHandlers {
  readonly #byConnection = new WeakMap<ClientConnection, Bound>();

  constructor(
    private readonly gateways: ModuleGateways,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  bind(connection: ClientConnection, handlers: readonly EventHandler[], transform: Transform): void {
    if (handlers.length === 0) return;
    let bound = this.#byConnection.get(connection);
    if (bound === undefined) {
      const requests = new Requests(connection, this.config.WS_MAX_STREAMS);
      bound = { byEvent: new Map(), requests };
      this.#byConnection.set(connection, bound);
      connection.onClosed(() => requests.stop());
    }
    for (const { message, callback } of handlers) {
      const present = bound.byEvent.get(message);
      if (present === undefined) bound.byEvent.set(message, [{ callback, transform }]);
      else present.push({ callback, transform });
    }
  }

  /** Returns false when no gateway on this connection's path handles the event. */
  handle(connection: ClientConnection, { event, id, data }: EventFrame): boolean {
    const bound = this.#byConnection.get(connection);
    const handlers = bound?.byEvent.get(event);
    if (bound === undefined || handlers === undefined) return false;
    const body: unknown = data === undefined ? undefined : JSON.parse(data.toString('utf8'));
    const request = new FrameRequest(connection, event, id);
    const names = this.gateways.handlersOf(event);
    const running = bound.requests.begin(request, names, handlers.length, data?.length ?? 0);
    for (const handler of handlers) running.work.add(this.#run(handler, body, request, running));
    return true;
  }

  #run({ callback, transform }: BoundHandler, data: unknown, request: FrameRequest, running: RunningRequest) {
    const failed = (error: unknown) => {
      // Nest's filters catch what handlers throw: so a filter or interceptor has thrown this itself
      moduleFailed('handler', running.handlers, error);
      request.fail('internal');
    };
    const subscription = new Subscription();
    subscription.add(() => running.handlerEnded());
    try {
      const responses$ = transform(callback(data, request));
      if (!isObservable(responses$)) throw new TypeError('the transform gave no stream');
      subscription.add(
        responses$.subscribe({
          next: (response) => {
            if (response === undefined || response === null) return;
            try {
              request.respond(response);
              running.responded();
            } catch (error) {
              // circular, too deep, too large, with a BigInt in it, or with an event name that is not allowed
              failed(error);
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
