import { describe, expect, it } from '@jest/globals';
import { natsVariables } from './nats.config.js';

const problems = (env: Record<string, string>) =>
  natsVariables.problems(env).map(({ variable, message }) => `${variable}: ${message}`);

describe('the variables of NATS', () => {
  it('need a server only where NATS is used', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ CLUSTER_BUS: 'nats' })).toEqual([
      'NATS_URL: must be set with CLUSTER_BUS=nats: nats://host:4222',
    ]);
    expect(problems({ CLUSTER_BUS: 'nats', NATS_URL: 'nats://a:4222, tls://b.example' })).toEqual([]);
  });

  it.each(['localhost:4222', 'http://a:4222', 'nats://', 'a b'])('refuse %j as a server', (url) => {
    expect(problems({ NATS_URL: url })).toEqual([
      'NATS_URL: server 1 is not nats://host:port or tls://host:port',
    ]);
  });

  it('never show a password that was written into a URL', () => {
    const [problem] = problems({ NATS_URL: 'nats://a:4222,nats://ann:hunter2@b:4222' });
    expect(problem).toMatch(/^NATS_URL: server 2 must not hold a user/);
    expect(problem).not.toContain('hunter2');
  });

  it('take one way to say who the node is', () => {
    expect(problems({ NATS_USER: 'ann', NATS_PASSWORD: 'x' })).toEqual([]);
    expect(problems({ NATS_PASSWORD: 'x' })).toEqual(['NATS_PASSWORD: is of no use without NATS_USER']);
    expect(problems({ NATS_USER: 'ann', NATS_CREDS: 'f' })).toEqual([
      'NATS_CREDS: excludes NATS_USER: set one of them',
    ]);
  });
});
