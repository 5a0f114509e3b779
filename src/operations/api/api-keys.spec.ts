import { describe, expect, it } from '@jest/globals';
import { ApiKeys } from './api-keys.js';

describe('ApiKeys', () => {
  const keys = new ApiKeys(['first-key-0123456789', 'second-key-0123456789']);

  it('finds each key', () => {
    expect(keys.find('first-key-0123456789')).toBe(0);
    expect(keys.find('second-key-0123456789')).toBe(1);
  });

  it.each(['', 'first-key', 'first-key-0123456789 ', 'FIRST-KEY-0123456789', 'first-key-0123456789x'])(
    'does not find %j',
    (candidate) => {
      expect(keys.find(candidate)).toBe(-1);
    },
  );

  it('finds nothing if there are no keys', () => {
    const none = new ApiKeys([]);
    expect(none.isEmpty).toBe(true);
    expect(none.find('')).toBe(-1);
  });
});
