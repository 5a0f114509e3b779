import { describe, expect, it } from '@jest/globals';
import { effectiveConfiguration } from '../config/variable-table.js';
import { RedisClient } from './redis-client.js';
import { redisAddress, redisVariables } from './redis.config.js';

const problems = (env: Record<string, string>) =>
  redisVariables.problems(env).map(({ variable, message }) => `${variable}: ${message}`);

describe('the variables of Redis', () => {
  it('need a server only where Redis is used', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ CLUSTER_BUS: 'redis' })).toEqual([
      'REDIS_URL: must be set with CLUSTER_BUS=redis: redis://host:6379',
    ]);
    expect(problems({ CLUSTER_BUS: 'redis', REDIS_URL: 'redis://a' })).toEqual([]);
  });

  it.each(['a:6379', 'http://a', 'redis://', 'redis://a/db', 'redis://a%:x@b', 'redis://x:%E0%A4%A@b'])(
    'refuse %j, and do not show it',
    (REDIS_URL) => {
      expect(problems({ REDIS_URL })).toEqual([
        'REDIS_URL: is not redis[s]://[user[:password]@]host[:port][/database]',
      ]);
    },
  );

  it('say of an address what a connection needs', () => {
    expect(redisAddress('rediss://ann:p%40ss@[::1]:7000/3')).toEqual({
      isEncrypted: true,
      host: '::1',
      port: 7_000,
      user: 'ann',
      password: 'p@ss',
      database: 3,
    });
    expect(redisAddress('redis://cache')).toMatchObject({ port: 6_379, user: undefined, database: 0 });
    expect(redisAddress('redis://:only-a-password@cache')).toMatchObject({ password: 'only-a-password' });
  });

  it('never show the password', () => {
    const env = { REDIS_URL: 'redis://ann:hunter2@cache:7000/3' };
    expect(effectiveConfiguration([redisVariables], env)).not.toContain('hunter2');
    expect(new RedisClient(redisVariables.parse(env)).servers).toBe('redis://cache:7000/3');
  });

  it('take certificates only for TLS', () => {
    expect(problems({ REDIS_URL: 'rediss://a', REDIS_CA: 'f' })).toEqual([]);
    expect(problems({ REDIS_URL: 'redis://a', REDIS_CA: 'f' })).toEqual([
      'REDIS_CA: is of no use without TLS: REDIS_URL begins with redis://, not rediss://',
    ]);
  });
});
