import { Injectable } from '@nestjs/common';
import { readFrame } from '../../wire/incoming-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameReceiver } from '../client/intake.js';
import { EventHandlers } from '../module-gateways/event-handlers.js';
import { ClientSends } from './client-sends.js';
import { CoreEvents } from './core-events.js';
import { FrameRate } from './frame-rate.js';

/**
 * Handles the frames of clients. A send is posted. The core answers its own events. Other events go to the gateways that
 * subscribed to them. Everything else is answered by an error frame. This is the hot path of the server: a send costs one
 * scan of its bytes, one look-up, and no promise.
 */
@Injectable()
export class ClientFrames implements FrameReceiver<ClientConnection> {
  constructor(
    private readonly rate: FrameRate,
    private readonly sends: ClientSends,
    private readonly events: CoreEvents,
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
        if (this.events.has(connection, frame)) return this.events.handle(connection, frame);
        if (!this.handlers.handle(connection, frame)) connection.refuse('unknown_event', frame.id);
        return true;
      case 'bad':
        connection.refuse(frame.code, frame.id);
        return true;
    }
  }
}
