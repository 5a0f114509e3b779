import { describe, expect, it } from '@jest/globals';
import { memberChangeFrames, membersFrames, readUserIds, usersFrames } from './presence-frames.js';

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

describe('the members of a room', () => {
  const room = 'r'.repeat(255);
  const members = Array.from({ length: 1000 }, (_, index) => ({
    user: `u${index}`,
    devices: 1,
    info: JSON.stringify('i'.repeat(1000)),
  }));
  const read = (frames: { payload: Buffer }[]) =>
    frames.map(({ payload }) => (JSON.parse(payload.toString()) as { data: Record<string, object[]> }).data);

  it('are listed in frames of at most 64 KiB, with `more` in all but the last', () => {
    const frames = membersFrames(room, members);
    expect(Math.max(...frames.map(({ payload }) => payload.length))).toBeLessThanOrEqual(65_536);
    const pages = read(frames);
    expect(pages.flatMap((page) => page['members'])).toHaveLength(1000);
    expect(pages.map(({ more }) => more)).toEqual([...pages.slice(1).map(() => true), undefined]);
    expect(read(membersFrames('r', []))).toEqual([{ room: 'r', members: [] }]);
  });

  it('are told to have changed in one frame if it fits, else in several', () => {
    const [first] = members;
    const change = { joined: [first as never], updated: [], left: ['a', 'b'] };
    expect(read(memberChangeFrames('r', change))).toEqual([
      { room: 'r', joined: [{ user_id: 'u0', devices: 1, info: 'i'.repeat(1000) }], left: ['a', 'b'] },
    ]);
    const frames = memberChangeFrames(room, { joined: members, updated: members, left: ['a'] });
    expect(Math.max(...frames.map(({ payload }) => payload.length))).toBeLessThanOrEqual(65_536);
    expect(
      read(frames)
        .flatMap(({ joined, updated, left }) => [joined, updated, left].flat())
        .filter(Boolean),
    ).toHaveLength(2001);
    expect(memberChangeFrames('r', { joined: [], updated: [], left: [] })).toEqual([]);
  });
});
