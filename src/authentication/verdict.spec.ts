import { describe, expect, it } from '@jest/globals';
import { checkVerdict } from './verdict.js';

describe('the verdict of an authenticator', () => {
  it.each([
    'unauthorized',
    'bad_user_id',
    'unavailable',
    { userId: 'u', expiresAt: null },
    { userId: 'u', expiresAt: 1_700_000_000_000 },
    { userId: 'u', expiresAt: null, claims: { rooms: ['chat:*'] } },
    { userId: '', expiresAt: Number.POSITIVE_INFINITY },
  ])('is taken as it is: %j', (verdict) => {
    expect(checkVerdict(verdict)).toEqual(verdict);
  });

  it.each([
    undefined,
    null,
    false,
    '',
    'accepted',
    'toString',
    {},
    { userId: 5, expiresAt: null },
    { userId: null, expiresAt: null },
    { userId: ['u'], expiresAt: null },
    { userId: 'u' },
    { userId: 'u', expiresAt: Number.NaN },
    { userId: 'u', expiresAt: '2030-01-01' },
    { userId: 'u', expiresAt: new Date() },
    { userId: 'u', expiresAt: 1n },
    { userId: 'u', expiresAt: null, claims: 'admin' },
    { userId: 'u', expiresAt: null, claims: null },
    { userId: 'u', expiresAt: null, claims: ['admin'] },
  ])('is refused when it is none (%#)', (verdict) => {
    expect(() => checkVerdict(verdict)).toThrow(TypeError);
  });
});
