import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ClientConnection } from '../client/client-connection.js';
import type { ClientSocket } from '../client/client-socket.js';

/** The connection a `@SubscribeMessage` handler is called for: who the client is, the parameters of its path, … */
export const CurrentConnection = createParamDecorator(
  (_: unknown, context: ExecutionContext): ClientConnection =>
    context.switchToWs().getClient<ClientSocket>().connection,
);
