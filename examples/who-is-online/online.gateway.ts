import { StandardSchemaValidationPipe, UsePipes } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Presence } from 'lanfare';
import { z } from 'zod';

/** All users are looked up in one turn, so a client may ask for 100 at most: thousands would delay the node. */
const asked = z.array(z.string().min(1).max(32)).max(100);

interface Online {
  readonly online: string[];
  /** False while the users of some node are still being learnt: ask again. */
  readonly complete: boolean;
}

/** Tells a client which of its friends are online, on any node: `{"event":"who is online","id":1,"data":["2","3"]}`. */
@WebSocketGateway()
export class OnlineGateway {
  constructor(private readonly presence: Presence) {}

  @SubscribeMessage('who is online')
  @UsePipes(new StandardSchemaValidationPipe())
  whoIsOnline(@MessageBody({ schema: asked }) userIds: string[]): Online {
    const found = userIds.map((userId) => ({ userId, ...this.presence.ofUser(userId) }));
    return {
      online: found.filter(({ online }) => online).map(({ userId }) => userId),
      complete: found.every(({ complete }) => complete),
    };
  }
}
