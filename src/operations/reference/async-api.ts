import { z } from 'zod';
import { version } from '../../config/version.js';
import { CLOSES, FRAME_ERRORS, REFUSAL_CLOSES, UPGRADE_REFUSALS } from '../../wire/codes.js';
import { ENVELOPED, REFUSALS } from '../../wire/subprotocol.js';
import { clientFrames, serverFrames } from './client-frames.js';

const closes = { ...CLOSES, ...REFUSAL_CLOSES };

const CHANNEL = '#/channels/chat';

/** The client protocol as an AsyncAPI 3 document. @param path WS_PATH */
export function asyncApiDocument(path: string): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Lanfare client protocol',
      version: version(),
      description: `Text frames of JSON over WebSocket, subprotocol ${ENVELOPED}. Any node reaches any user.`,
    },
    defaultContentType: 'application/json',
    servers: {
      node: {
        host: 'chat.example.com',
        protocol: 'wss',
        security: [{ $ref: '#/components/securitySchemes/token' }],
      },
    },
    channels: {
      chat: {
        address: path,
        description: `Close codes: ${listed(closes, ({ code, reason }) => `${code} ${reason}`)}. 1012 and 4000-4499: reconnect with back-off; 4500-4999: do not, as you are. Refused upgrades: ${listed(UPGRADE_REFUSALS, ({ status }, name) => `${status} ${name}`)}. A client that also offers the subprotocol ${REFUSALS} is told those from 403 downwards by 101 and an immediate close.`,
        messages: Object.fromEntries(
          [...Object.keys(clientFrames), ...Object.keys(serverFrames)].map((name) => [
            name,
            { $ref: `#/components/messages/${name}` },
          ]),
        ),
      },
    },
    operations: {
      // AsyncAPI names operations from the server's side
      fromClient: operation('receive', clientFrames),
      toClient: operation('send', serverFrames),
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: `Browsers pass it as a second subprotocol: lanfare.bearer.<token>`,
        },
      },
      messages: { ...messages(clientFrames), ...messages(serverFrames) },
    },
    'x-error-codes': FRAME_ERRORS,
    'x-close-codes': closes,
    'x-upgrade-refusals': UPGRADE_REFUSALS,
  };
}

function operation(action: 'send' | 'receive', frames: Readonly<Record<string, z.ZodType>>): object {
  return {
    action,
    channel: { $ref: CHANNEL },
    messages: Object.keys(frames).map((name) => ({ $ref: `${CHANNEL}/messages/${name}` })),
  };
}

function messages(frames: Readonly<Record<string, z.ZodType>>): object {
  return Object.fromEntries(
    Object.entries(frames).map(([name, schema]) => {
      const { $schema: _, ...payload } = z.toJSONSchema(schema, { target: 'draft-7' });
      return [name, { name, contentType: 'application/json', payload }];
    }),
  );
}

function listed<T>(table: Readonly<Record<string, T>>, text: (entry: T, name: string) => string): string {
  return Object.entries(table)
    .map(([name, entry]) => text(entry, name))
    .join(', ');
}
