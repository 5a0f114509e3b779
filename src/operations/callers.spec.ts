import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { Callers } from './callers.js';

describe('a server whose callers are watched', () => {
  it('gives them ten seconds for a request, its head or its body', () => {
    const server = createServer();
    new Callers().watch(server);
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 10_000]);
  });
});
