import { describe, expect, it } from '@jest/globals';
import { grantCompression } from './compression.js';

const MODEST = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

describe('of the extensions a client offers', () => {
  it.each([
    // Firefox, Safari, OkHttp
    ['permessage-deflate', `${MODEST}; server_max_window_bits=11`],
    // Chromium
    [
      'permessage-deflate; client_max_window_bits',
      `${MODEST}; server_max_window_bits=11; client_max_window_bits=11`,
    ],
    // gorilla/websocket
    [
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      `${MODEST}; server_max_window_bits=11`,
    ],
    ['permessage-deflate; server_max_window_bits=9', `${MODEST}; server_max_window_bits=9`],
    ['permessage-deflate; server_max_window_bits="15"', `${MODEST}; server_max_window_bits=11`],
    [
      'permessage-deflate; client_max_window_bits=10',
      `${MODEST}; server_max_window_bits=11; client_max_window_bits=10`,
    ],
    [
      'permessage-deflate; client_max_window_bits=15',
      `${MODEST}; server_max_window_bits=11; client_max_window_bits=11`,
    ],
    [
      'x-webkit-deflate-frame, permessage-deflate; nonsense, permessage-deflate',
      `${MODEST}; server_max_window_bits=11`,
    ],
  ])('%s is granted as %s', (offers, granted) => {
    expect(grantCompression(offers)).toBe(granted);
  });

  it.each([
    'x-foo; bar=1',
    'permessage-deflate; nonsense=1',
    'permessage-deflate; constructor',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=09',
    'permessage-deflate; client_max_window_bits=0x9',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover=true',
    'permessage-deflate; client_max_window_bits; client_max_window_bits',
    'Permessage-Deflate',
    '__proto__; __proto__',
  ])('%s is declined', (offers) => {
    expect(grantCompression(offers)).toBeUndefined();
  });

  it.each([
    'permessage-deflate;',
    ',',
    'permessage-deflate; =11',
    'a b',
    'x; y="',
    'permessage-deflate; a="\\',
  ])('%s is malformed', (offers) => {
    expect(() => grantCompression(offers)).toThrow(SyntaxError);
  });
});
