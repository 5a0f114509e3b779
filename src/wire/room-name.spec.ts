import { describe, expect, it } from '@jest/globals';
import { isRoomName } from './room-name.js';

describe('the name of a room', () => {
  it.each(['a', '7', 'chat:42', 'A'.repeat(255), `x!"%'()+,-./:;<=>?[\\]^_\`{|}~`])('may be %s', (name) => {
    expect(isRoomName(name)).toBe(true);
  });

  it.each(['', ':a', '-a', ' a', 'a b', 'a\n', 'ä', 'aé', 'a\u007f', 'A'.repeat(256)])(
    'can not be %j',
    (name) => {
      expect(isRoomName(name)).toBe(false);
    },
  );

  it.each(['*', '#', '$', '@', '&'])('has no %s', (reserved) => {
    expect(isRoomName(`a${reserved}b`)).toBe(false);
  });
});
