import { NatsClient } from '../nats-client.js';
import { natsVariables } from '../nats.config.js';

/** The brokers that carry datagrams, by what people call them. */
export const BROKERS = {
  NATS: {
    program: 'nats-server',
    client: (port: number) => new NatsClient(natsVariables.parse({ NATS_URL: `nats://127.0.0.1:${port}` })),
  },
} as const;
