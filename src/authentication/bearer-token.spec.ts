import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { bearerCredentials, bearerTokens } from './bearer-token.js';

/** What Node's parser makes of these header lines. Of two lines with one name it keeps the first in `headers`. */
function request(url: string, ...lines: [name: string, value: string][]): IncomingMessage {
  const headersDistinct: Record<string, string[]> = {};
  for (const [name, value] of lines) (headersDistinct[name.toLowerCase()] ??= []).push(value);
  const headers = Object.fromEntries(Object.entries(headersDistinct).map(([name, [value]]) => [name, value]));
  return { url, headers, headersDistinct } as unknown as IncomingMessage;
}

const BASIC = 'Basic Z3Vlc3Q6aW52ZW50ZWQ=';

describe('the tokens of a request', () => {
  it.each<[what: string, IncomingMessage, string[]]>([
    ['nowhere', request('/chat?user_id=1'), []],
    ['in Authorization', request('/chat', ['Authorization', 'Bearer a.b.c']), ['a.b.c']],
    ['in the query', request('/chat?token=a.b.c'), ['a.b.c']],
    [
      'in a subprotocol',
      request('/chat', ['Sec-WebSocket-Protocol', 'lanfare.v1.json, lanfare.bearer.a.b.c']),
      ['a.b.c'],
    ],
    ['in the query beside another scheme', request('/chat?token=a.b.c', ['Authorization', BASIC]), ['a.b.c']],
    ['in two places', request('/chat?token=a.b.c', ['Authorization', 'Bearer d.e.f']), ['d.e.f', 'a.b.c']],
    ['in the query twice', request('/chat?token=a.b.c&token=a.b.c'), ['a.b.c', 'a.b.c']],
  ])('%s', (_, message, expected) => {
    expect(bearerTokens(message)).toEqual(expected);
  });
});

describe('the credentials of Authorization', () => {
  it.each<[string, string[]]>([
    ['Bearer x', ['x']],
    ['bearer   x  ', ['x']],
    ['Bearer', ['']],
    ['Bearer x y', ['x y']],
    [BASIC, []],
    ['Bearerx y', []],
    ['Bearer-x y', []],
    ['Digest username="Bearer x"', []],
  ])('%j are %j', (header, expected) => {
    expect(bearerCredentials(request('/', ['Authorization', header]))).toEqual(expected);
  });

  it.each([
    ['Bearer x', 'Bearer y'],
    ['Bearer x', BASIC],
    [BASIC, 'Bearer x'],
  ])('are more than one when the header is there twice: %j and %j', (first, second) => {
    const message = request('/', ['Authorization', first], ['authorization', second]);
    expect(bearerCredentials(message)).toHaveLength(2);
  });
});
