import { registerAs } from '@nestjs/config';
import { isIP } from 'node:net';
import { z } from 'zod';
import { originProblem } from './origin.js';
import { flag, integer, list, port, Variables } from '../config/variables.js';

export const gatewayVariables = new Variables(
  {
    HOST: z.string().default('0.0.0.0').describe('address the public door listens on; `::` = IPv6 and IPv4'),
    PORT: port().default(8866).describe('port of the public door: WebSocket'),
    WS_PATH: z
      .string()
      .regex(/^\/[\w\-./~]*$/, 'must be a path such as /chat, without parameters')
      .default('/chat')
      .describe('path of the upgrade'),
    WS_ALLOWED_ORIGINS: list()
      .superRefine((origins, context) => {
        for (const problem of origins.map(originProblem)) if (problem !== null) context.addIssue(problem);
      })
      .default([])
      .describe(
        'comma-separated origins, of pages (`https://app.example.com`; `https://*.example.com` for all below that domain) or of app shells (`capacitor://localhost`), or `*`; empty = same-origin and non-browser clients',
      ),
    WS_REQUIRE_SUBPROTOCOL: flag().default(false).describe('refuse clients that offer no subprotocol'),
    WS_MAX_PAYLOAD_BYTES: integer(256, 1_048_576)
      .default(65_536)
      .describe('a larger message closes the connection with 1009'),
    WS_MAX_FRAGMENTS: integer(1, 65_536)
      .default(128)
      .describe('more fragments in one message close the connection with 1008'),
    WS_MAX_CONNECTIONS: integer(0, 10_000_000)
      .default(0)
      .describe('0 = what the file limit allows, less a reserve; beyond it upgrades get 503'),
    WS_MAX_CONNECTIONS_PER_USER: integer(0, 1_000_000)
      .default(16)
      .describe("this node's; 0 = no cap; beyond it upgrades get 429"),
    WS_MAX_CONNECTIONS_PER_IP: integer(0, 10_000_000)
      .default(0)
      .describe("this node's, IPv6 counted by /64; 0 = no cap; beyond it upgrades get 429"),
    WS_CONNECTIONS_PER_SECOND: integer(0, 1_000_000)
      .default(0)
      .describe('new connections a second; 0 = no cap; beyond it upgrades get 503'),
    WS_HANDSHAKE_TIMEOUT_MS: integer(100, 120_000)
      .default(10_000)
      .describe(
        'a slower handshake ends with 408; so long an authenticator may take, then the upgrade gets 503',
      ),
    WS_MAX_HEADER_BYTES: integer(1024, 65_536)
      .default(8192)
      .describe('a request with larger headers gets 431'),
    WS_TRUSTED_PROXIES: list()
      .refine((items) => items.every(isAddressOrSubnet), 'must be addresses or subnets such as 10.0.0.0/8')
      .default([])
      .describe('comma-separated addresses or subnets whose X-Forwarded-For is believed'),
    WS_MESSAGES_PER_SECOND: integer(0, 1_000_000)
      .default(200)
      .describe(
        'per connection, token bucket; a message counts once for each 16 KiB it begins; beyond it error frame `rate_limited`, and a client that goes on is closed with 4001; 0 = no limit',
      ),
    WS_MESSAGES_BURST: integer(0, 10_000_000)
      .default(400)
      .describe('how many frames a client that was quiet may send at once; 0 = no limit'),
    WS_MAX_IN_FLIGHT: integer(1, 65_536)
      .default(256)
      .describe('requests not yet answered, per connection; at the limit reading pauses'),
    WS_MAX_STREAMS: integer(0, 65_536)
      .default(256)
      .describe(
        'requests of modules that go on being answered (streams), per connection; one more ends with error `too_many_streams`',
      ),
    WS_BUFFER_LIMIT_BYTES: integer(4096, 1 << 30)
      .default(1_048_576)
      .describe('memory of what is queued for a slow client before it is closed with 4000'),
    WS_BUFFER_TOTAL_BYTES: integer(65_536, 2 ** 40)
      .default(268_435_456)
      .describe(
        'the same for all clients of the node together: at three quarters of it those that hold most are closed with 4000, at all of it those that are being closed are cut',
      ),
    WS_UNHANDLED_TOTAL_BYTES: integer(262_144, 2 ** 40)
      .default(268_435_456)
      .describe(
        'memory of what all clients of the node together have sent and was not handled yet (messages that are not whole, what waits while reading is paused, what modules work on): at three quarters of it those that hold most are closed with 4003, at all of it those that are being closed are cut',
      ),
    WS_PING_INTERVAL_MS: integer(0, 3_600_000)
      .default(25_000)
      .describe(
        'a ping each; a client that answered none of two is closed with 4002 (not while reading is paused); 0 = off',
      ),
    WS_COMPRESSION: flag().default(false).describe('permessage-deflate, with limits; costs memory and CPU'),
    SHUTDOWN_GRACE_MS: integer(0, 600_000)
      .default(10_000)
      .describe(
        'SIGTERM, SIGINT or SIGHUP: stop accepting, close clients with 1012 in waves, leave the cluster, within this time',
      ),
  },
  ({
    WS_MESSAGES_PER_SECOND: rate,
    WS_MESSAGES_BURST: burst,
    WS_BUFFER_LIMIT_BYTES: bufferLimit,
    WS_BUFFER_TOTAL_BYTES: bufferTotal,
    WS_MAX_PAYLOAD_BYTES: payload,
    WS_UNHANDLED_TOTAL_BYTES: unhandledTotal,
    WS_PING_INTERVAL_MS: ping,
  }) => [
    ...(rate && burst && burst < rate
      ? [{ variable: 'WS_MESSAGES_BURST', message: 'must not be less than WS_MESSAGES_PER_SECOND' }]
      : []),
    ...(bufferLimit && bufferTotal && bufferTotal < bufferLimit
      ? [{ variable: 'WS_BUFFER_TOTAL_BYTES', message: 'must not be less than WS_BUFFER_LIMIT_BYTES' }]
      : []),
    ...(payload && unhandledTotal && unhandledTotal < 4 * payload
      ? [
          {
            variable: 'WS_UNHANDLED_TOTAL_BYTES',
            message: 'must be at least four times WS_MAX_PAYLOAD_BYTES',
          },
        ]
      : []),
    ...(ping && ping < 1000
      ? [{ variable: 'WS_PING_INTERVAL_MS', message: 'must be 0 or at least 1000' }]
      : []),
  ],
);

export const gatewayConfig = registerAs('gateway', () => gatewayVariables.parse(process.env));

function isAddressOrSubnet(text: string): boolean {
  const [address = '', prefix = '32', ...rest] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 && rest.length === 0 && /^\d+$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
  );
}
