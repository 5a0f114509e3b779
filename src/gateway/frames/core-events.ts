import { Injectable } from '@nestjs/common';
import { EVENTS_OF_ROOMS } from '../../wire/core-events.js';
import type { EventFrame } from '../../wire/incoming-frame.js';
import { pongFrame } from '../../wire/outgoing-frame.js';
import type { ClientConnection } from '../client/client-connection.js';
import { ClientPublishes } from './client-publishes.js';
import { ClientRooms } from './client-rooms.js';
import { ClientWatches } from './client-watches.js';
import { TokenRefresh } from './token-refresh.js';

const OF_ROOMS: ReadonlySet<string> = new Set(EVENTS_OF_ROOMS);

/** Handles the events that are the core's: `ping` and `refresh` on every path, those about rooms and presence on WS_PATH. */
@Injectable()
export class CoreEvents {
  constructor(
    private readonly rooms: ClientRooms,
    private readonly publishes: ClientPublishes,
    private readonly watches: ClientWatches,
    private readonly refreshes: TokenRefresh,
  ) {}

  has({ isMain }: ClientConnection, { event }: EventFrame): boolean {
    return event === 'ping' || event === 'refresh' || (isMain && OF_ROOMS.has(event));
  }

  /** As FrameReceiver.receive: false, and the connection is paused and passes the frame again later. */
  handle(connection: ClientConnection, frame: EventFrame): boolean {
    switch (frame.event) {
      case 'publish':
        return this.publishes.handle(connection, frame);
      case 'ping':
        connection.sendText(pongFrame(frame.id));
        break;
      case 'refresh':
        void this.refreshes.handle(connection, frame);
        break;
      case 'join':
        this.rooms.join(connection, frame);
        break;
      case 'leave':
        this.rooms.leave(connection, frame);
        break;
      case 'watch':
        this.watches.watch(connection, frame);
        break;
      case 'unwatch':
        this.watches.unwatch(connection, frame);
        break;
    }
    return true;
  }
}
