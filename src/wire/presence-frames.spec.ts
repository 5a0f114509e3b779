import { describe, expect, it } from '@jest/globals';
import { readUserIds, usersFrames } from './presence-frames.js';

const read = (data: string | undefined) => readUserIds(data === undefined ? data : Buffer.from(data));

describe('the users of a watch', () => {
  it.each([
    ['{"user_ids":["2",3,"\\u0041"]}', ['2', '3', 'A']],
    ['{"user_ids":[]}', []],
    ['{}', undefined],
    [undefined, undefined],
    ['{"user_ids":"2"}', 'bad_frame'],
    ['{"user_ids":{"a":1}}', 'bad_frame'],
    ['null', 'bad_frame'],
    ['["2"]', 'bad_frame'],
    ['{"user_ids":[""]}', 'bad_user_id'],
    ['{"user_ids":["2",null]}', 'bad_user_id'],
    ['{"user_ids":[1.5]}', 'bad_user_id'],
    ['{"user_ids":[9007199254740993]}', 'bad_user_id'],
  ])('in %s are %j', (data, ids) => {
    expect(read(data)).toEqual(ids);
  });
});

describe('a list of users', () => {
  it('is told in frames of at most 64 KiB', () => {
    const ids = Array.from({ length: 2000 }, (_, index) => `${index}`.padEnd(128, '\u0001'));
    const frames = [...usersFrames('online', ids)];
    expect(frames.length).toBeGreaterThan(1);
    expect(Math.max(...frames.map((frame) => Buffer.byteLength(frame)))).toBeLessThanOrEqual(65_536);
    const told = frames.flatMap((frame) => (JSON.parse(frame) as { data: { online: string[] } }).data.online);
    expect(told).toEqual(ids);
    expect([...usersFrames('offline', [])]).toEqual([]);
  });
});
