import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { gatewayVariables } from './gateway.config.js';
import { isOriginAllowed } from './origin.js';

function isAllowed(origin: string | undefined, list: string, ...host: string[]): boolean {
  const request = { headers: { origin, host: host[0] }, headersDistinct: { host } };
  const { WS_ALLOWED_ORIGINS: allowed } = gatewayVariables.parse({ WS_ALLOWED_ORIGINS: list });
  return isOriginAllowed(request as unknown as IncomingMessage, allowed);
}

describe('WS_ALLOWED_ORIGINS', () => {
  it.each([
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'app://-',
    'chrome-extension://abcdefghijklmnop',
    'moz-extension://2c5a7bb6-9c7f-4b55-8b1d-0a4a4f0e8f6e',
    'file://',
    'https://app.example.com',
    'http://localhost:3000',
    'http://[::1]:3000',
  ])('lets %s in when it is listed, and only then', (origin) => {
    expect(isAllowed(origin, `https://other.example,${origin}`)).toBe(true);
    expect(isAllowed(origin, 'https://other.example')).toBe(false);
    expect(isAllowed(`${origin}x`, `https://other.example,${origin}`)).toBe(false);
    expect(isAllowed(origin, '')).toBe(false);
  });

  it.each([
    ['https://app.example.com', true],
    ['https://a.b.example.com', true],
    ['https://xn--bcher-kva.example.com', true],
    ['https://example.com', false],
    ['https://.example.com', false],
    ['https://badexample.com', false],
    ['https://app.example.com.evil.example', false],
    ['https://app.example.com:8443', false],
    ['http://app.example.com', false],
    ['https://evil.example/.example.com', false],
    ['https://evil.example#.example.com', false],
    ['https://evil.example\\.example.com', false],
    ['https://user@app.example.com', false],
    ['https://evil.example, https://app.example.com', false],
    ['capacitor://app.example.com', false],
    ['null', false],
  ])('with https://*.example.com: %s is %s', (origin, expected) => {
    expect(isAllowed(origin, 'https://*.example.com')).toBe(expected);
  });

  it('takes a port behind a pattern', () => {
    expect(isAllowed('http://a.localhost:3000', 'http://*.localhost:3000')).toBe(true);
    expect(isAllowed('http://a.localhost', 'http://*.localhost:3000')).toBe(false);
  });

  it.each([
    ['https://app.example.com/', /browsers send https:\/\/app\.example\.com$/],
    ['https://App.example.com', /browsers send https:\/\/app\.example\.com$/],
    ['https://app.example.com:443', /browsers send https:\/\/app\.example\.com$/],
    ['https://b\u00fccher.example', /browsers send https:\/\/xn--bcher-kva\.example$/],
    ['app.example.com', /no origin such as/],
    ['capacitor://localhost/', /no origin such as/],
    ['capacitor://', /no origin such as/],
    ['wss://app.example.com', /no origin/],
    ['null', /any site can make/],
    ['https://app.*.example.com', /a \* may stand/],
    ['https://*example.com', /a \* may stand/],
    ['https://*', /a \* may stand/],
    ['https://*.', /a \* may stand/],
    ['https://*.*.example.com', /a \* may stand/],
    ['https://*.example.com/', /a \* may stand/],
    ['*.example.com', /a \* may stand/],
    ['*://app.example.com', /a \* may stand/],
    ['chrome-extension://*', /a \* may stand/],
    ['https://app.example.com:*', /a \* may stand/],
  ])('refuses %j, naming it', (entry, message) => {
    expect(gatewayVariables.problems({ WS_ALLOWED_ORIGINS: `https://good.example,${entry}` })).toEqual([
      { variable: 'WS_ALLOWED_ORIGINS', message: expect.stringMatching(message) },
    ]);
  });
});

describe('without a list', () => {
  it.each([
    ['https://chat.example.com', 'chat.example.com', true],
    ['https://chat.example.com', 'chat.example.com:443', true],
    ['http://chat.example.com', 'chat.example.com:80', true],
    ['https://chat.example.com', 'Chat.Example.COM', true],
    ['http://127.0.0.1:8866', '127.0.0.1:8866', true],
    ['http://[::1]:8866', '[0:0:0:0:0:0:0:1]:8866', true],
    ['https://chat.example.com', 'chat.example.com:80', false],
    ['http://chat.example.com', 'chat.example.com:443', false],
    ['https://chat.example.com', 'other.example.com', false],
    ['https://chat.example.com:8443', 'chat.example.com', false],
    ['https://chat.example.com', 'evil@chat.example.com', false],
    ['https://chat.example.com', 'chat.example.com/x', false],
    ['https://chat.example.com', 'chat.example.com:x', false],
    ['capacitor://localhost', 'localhost', false],
    ['null', 'null', false],
  ])('a page of %s is let in at Host: %s: %s', (origin, host, expected) => {
    expect(isAllowed(origin, '', host)).toBe(expected);
  });

  it('where the host is unclear, a page is not let in, but a program is', () => {
    expect(isAllowed('https://a.example', '')).toBe(false);
    expect(isAllowed('https://a.example', '', 'a.example', 'b.example')).toBe(false);
    expect(isAllowed(undefined, '', 'a.example', 'b.example')).toBe(true);
  });
});
