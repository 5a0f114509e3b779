import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';

/** Somebody who has every right at a broker: hears all that is published, and publishes what they like. */
export interface Watcher {
  readonly heard: readonly { readonly subject: string; readonly bytes: Buffer }[];
  publish(subject: string, bytes: Buffer): void;
  /** Resolves when the broker has taken all that was published. */
  flush(): Promise<unknown>;
  close(): Promise<unknown>;
}

export async function watchNats(port: number): Promise<Watcher> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  const heard: { subject: string; bytes: Buffer }[] = [];
  connection.subscribe('>', {
    callback: (_error, { subject, data }) => {
      heard.push({ subject, bytes: Buffer.from(data) });
    },
  });
  await connection.flush();
  return {
    heard,
    publish: (subject, bytes) => connection.publish(subject, bytes),
    flush: async () => connection.flush(),
    close: async () => connection.close(),
  };
}

export async function watchRedis(port: number): Promise<Watcher> {
  const redis = new Redis({ host: '127.0.0.1', port });
  const heard: { subject: string; bytes: Buffer }[] = [];
  redis.on('pmessageBuffer', (_pattern: string, channel: Buffer, bytes: Buffer) => {
    heard.push({ subject: channel.toString(), bytes: Buffer.from(bytes) });
  });
  await redis.psubscribe('*');
  return {
    heard,
    publish: (subject, bytes) => void redis.publish(subject, bytes),
    flush: async () => redis.ping(),
    close: async () => redis.quit(),
  };
}
