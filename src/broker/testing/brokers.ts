import { NatsClient } from '../nats-client.js';
import { natsVariables } from '../nats.config.js';
import { RedisClient } from '../redis-client.js';
import { redisVariables } from '../redis.config.js';
import { watchNats, watchRedis } from './watcher.js';

/** The brokers that carry datagrams, by what people call them. */
export const BROKERS = {
  NATS: {
    program: 'nats-server',
    bus: 'nats',
    urlVariable: 'NATS_URL',
    urlOf: (port: number) => `nats://127.0.0.1:${port}`,
    watch: watchNats,
    client: (port: number) => new NatsClient(natsVariables.parse({ NATS_URL: `nats://127.0.0.1:${port}` })),
  },
  Redis: {
    program: 'redis-server',
    bus: 'redis',
    urlVariable: 'REDIS_URL',
    urlOf: (port: number) => `redis://127.0.0.1:${port}`,
    watch: watchRedis,
    client: (port: number) =>
      new RedisClient(redisVariables.parse({ REDIS_URL: `redis://127.0.0.1:${port}` })),
  },
} as const;
