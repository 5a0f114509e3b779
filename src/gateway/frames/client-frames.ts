import { Injectable } from '@nestjs/common';
import { readFrame, type EventFrame } from '../../wire/incoming-frame.js';
import { pongFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameReceiver } from '../client/intake.js';
import { ClientPublishes } from './client-publishes.js';
import { ClientRooms } from './client-rooms.js';
import { ClientSends } from './client-sends.js';
import { EventHandlers } from '../module-gateways/event-handlers.js';
import { FrameRate } from './frame-rate.js';
import { TokenRefresh } from './token-refresh.js';

/**
 * Handles the frames of clients. A send is posted. The core answers `ping`, `refresh` and all events about rooms. Other
 * events go to the gateways that subscribed to them. Everything else is answered by an error frame. This is the hot
 * path of the server: a send costs one scan of its bytes, one look-up, and no promise.
 */
@Injectable()
export class ClientFrames implements FrameReceiver<ClientConnection> {
  constructor(
    private readonly rate: FrameRate,
    private readonly sends: ClientSends,
    private readonly rooms: ClientRooms,
    private readonly publishes: ClientPublishes,
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
        return this.#handle(connection, frame);
      case 'bad':
        connection.refuse(frame.code, frame.id);
        return true;
    }
  }

  #handle(connection: ClientConnection, frame: EventFrame): boolean {
    if (frame.event === 'ping') connection.sendText(pongFrame(frame.id));
    else if (frame.event === 'refresh') void this.refreshes.handle(connection, frame);
    else if (connection.isMain && frame.event === 'publish') return this.publishes.handle(connection, frame);
    else if (connection.isMain && frame.event === 'join') this.rooms.join(connection, frame);
    else if (connection.isMain && frame.event === 'leave') this.rooms.leave(connection, frame);
    else if (!this.handlers.handle(connection, frame)) connection.refuse('unknown_event', frame.id);
    return true;
  }
}
