import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import type { Subscription } from 'rxjs';
import { Cluster } from '../cluster/cluster.js';
import { Messaging } from '../messaging/messaging.js';
import { FRAME_ERRORS, type FrameErrorCode } from '../wire/codes.js';
import { readFrame, type EventFrame, type SendFrame } from '../wire/incoming-frame.js';
import { ackFrame, errorFrame, pongFrame } from '../wire/outgoing-frame.js';
import type { ClientConnection, FrameReceiver } from './client-connection.js';
import { EventHandlers } from './event-handlers.js';
import { gatewayConfig } from './gateway.config.js';

/**
 * What becomes of a client's frames: a send is posted, `ping` is answered, other events go to the gateways that
 * subscribed to them, and everything else is answered by an error frame. The hot path of the server: per send one
 * scan of the bytes, one look-up, and no promise.
 */
@Injectable()
export class ClientFrames implements FrameReceiver, OnModuleInit, OnModuleDestroy {
  readonly #waiting = new Set<ClientConnection>();
  readonly #errors = Object.fromEntries(Object.keys(FRAME_ERRORS).map((code) => [code, 0])) as Record<
    FrameErrorCode,
    number
  >;
  #received = 0;
  #isCongested = false;
  #subscription: Subscription | undefined;

  constructor(
    private readonly messaging: Messaging,
    private readonly cluster: Cluster,
    private readonly handlers: EventHandlers,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** Frames received since the start. */
  get received(): number {
    return this.#received;
  }

  /** Frames refused since the start, by code. */
  get errors(): Readonly<Record<FrameErrorCode, number>> {
    return this.#errors;
  }

  onModuleInit(): void {
    this.#subscription = this.cluster.congested$.subscribe((isCongested) => {
      this.#isCongested = isCongested;
      if (!isCongested) this.#resumeSenders();
    });
  }

  onModuleDestroy(): void {
    this.#subscription?.unsubscribe();
  }

  receive(connection: ClientConnection, payload: Buffer, isBinary: boolean): void {
    this.#received++;
    if (isBinary) {
      this.#refuse(connection, 'unsupported_frame', null);
      return;
    }
    const frame = readFrame(payload);
    switch (frame.kind) {
      case 'send':
        this.#send(connection, frame);
        break;
      case 'event':
        this.#handle(connection, frame);
        break;
      case 'bad':
        this.#refuse(connection, frame.code, frame.id);
        break;
    }
  }

  #send(connection: ClientConnection, { id, to, data }: SendFrame): void {
    const message = { to, from: connection.userId, data };
    if (id === null) {
      const refusal = this.messaging.post(message, null);
      if (refusal !== null) this.#refuse(connection, refusal, null);
    } else {
      this.#begin(connection);
      const refusal = this.messaging.post(message, (outcome) => {
        connection.sendText(ackFrame(id, outcome));
        this.#end(connection);
      });
      if (refusal !== null) {
        this.#refuse(connection, refusal, id);
        this.#end(connection);
      }
    }
    if (this.#isCongested) {
      this.#waiting.add(connection);
      connection.pause('congested');
    }
  }

  #handle(connection: ClientConnection, frame: EventFrame): void {
    if (frame.event === 'ping') {
      connection.sendText(pongFrame(frame.id));
      return;
    }
    this.#begin(connection);
    const isKnown = this.handlers.handle(connection, frame, () => this.#end(connection));
    if (isKnown) return;
    this.#refuse(connection, 'unknown_event', frame.id);
    this.#end(connection);
  }

  #refuse(connection: ClientConnection, code: FrameErrorCode, id: string | null): void {
    this.#errors[code]++;
    connection.sendText(errorFrame(code, id));
  }

  #begin(connection: ClientConnection): void {
    if (++connection.inFlight >= this.config.WS_MAX_IN_FLIGHT) connection.pause('in-flight');
  }

  #end(connection: ClientConnection): void {
    if (--connection.inFlight < this.config.WS_MAX_IN_FLIGHT) connection.resume('in-flight');
  }

  #resumeSenders(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    // one that is resumed may be paused again by its own next frame
    for (const connection of waiting) connection.resume('congested');
  }
}
