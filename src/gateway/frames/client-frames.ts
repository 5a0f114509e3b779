import { Injectable } from '@nestjs/common';
import { readFrame, type EventFrame } from '../../wire/incoming-frame.js';
import { pongFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameReceiver } from '../client/intake.js';
import { ClientSends } from './client-sends.js';
import { EventHandlers } from '../module-gateways/event-handlers.js';
import { FrameRate } from './frame-rate.js';
import { TokenRefresh } from './token-refresh.js';

/**
 * Handles the frames of clients. A send is posted, the core answers `ping` and `refresh`, other events go to the
 * gateways that subscribed to them, and everything else is answered by an error frame. This is the hot path of the
 * server: a send costs one scan of its bytes, one look-up, and no promise.
 */
@Injectable()
export class ClientFrames implements FrameReceiver<ClientConnection> {
  constructor(
    private readonly rate: FrameRate,
    private readonly sends: ClientSends,
    private readonly refreshes: TokenRefresh,
    private readonly handlers: EventHandlers,
  ) {}

  admit(connection: ClientConnection, payload: Buffer, isBinary: boolean): boolean {
    return this.rate.admit(connection, payload, isBinary);
  }

  /** A ping or pong of the client. */
  countControl(connection: ClientConnection): void {
    this.rate.countControl(connection);
  }

  receive(connection: ClientConnection, payload: Buffer, isBinary: boolean): boolean {
    if (isBinary) {
      connection.refuse('unsupported_frame', null);
      return true;
    }
    const frame = readFrame(payload);
    switch (frame.kind) {
      case 'send':
        return this.sends.handle(connection, frame);
      case 'event':
        this.#handle(connection, frame);
        return true;
      case 'bad':
        connection.refuse(frame.code, frame.id);
        return true;
    }
  }

  #handle(connection: ClientConnection, frame: EventFrame): void {
    switch (frame.event) {
      case 'ping':
        connection.sendText(pongFrame(frame.id));
        break;
      case 'refresh':
        void this.refreshes.handle(connection, frame);
        break;
      default:
        if (!this.handlers.handle(connection, frame)) {
          connection.refuse('unknown_event', frame.id);
        }
    }
  }
}
