import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { assertFree, listenProblem, urlOf } from './listening.js';
import { ConfigurationError } from './variables.js';

const variables = { host: 'HOST', port: 'PORT' };

describe('assertFree', () => {
  it('names the port where it is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const taken = assertFree({ host: '127.0.0.1', port, variables });
    await expect(taken).rejects.toThrow(ConfigurationError);
    await expect(taken).rejects.toThrow(`PORT: cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
    holder.close();
  });

  it.each(['192.0.2.1', 'no-such-host.invalid'])(
    "names the host where %s is not this machine's",
    async (host) => {
      await expect(assertFree({ host, port: 0, variables })).rejects.toThrow(/^HOST: cannot listen on /);
    },
  );

  it('leaves a free port free', async () => {
    const doorway = { host: '127.0.0.1', port: 0, variables };
    await assertFree(doorway);
    const next = createServer().listen(0, '127.0.0.1');
    await once(next, 'listening');
    const { port } = next.address() as AddressInfo;
    next.close();
    await once(next, 'close');
    await assertFree({ ...doorway, port });
    await assertFree({ ...doorway, port });
  });
});

describe('listenProblem', () => {
  it('writes an IPv6 address in brackets', () => {
    const error = Object.assign(new Error(), { syscall: 'listen', code: 'EADDRINUSE' });
    const { message = '' } = listenProblem(error, { host: '::', port: 8866, variables }) ?? {};
    expect(message).toContain('PORT: cannot listen on [::]:8866 (EADDRINUSE)');
  });

  it('leaves other errors alone', () => {
    expect(listenProblem(new Error('a bug'), { host: '::', port: 1, variables })).toBeNull();
  });
});

describe('urlOf', () => {
  it.each([
    ['0.0.0.0', 'IPv4', 'http://0.0.0.0:80'],
    ['::', 'IPv6', 'http://[::]:80'],
  ])('shows %s as it is', (address, family, url) => {
    expect(urlOf({ address, family, port: 80 })).toBe(url);
  });
});
