/** A node that cannot be asked must not cost more than the question to it, however many rooms are watched here. */
import { expect, it, jest } from '@jest/globals';
import { BATCH_MS } from './pace.js';
import { PresenceBook } from './presence-book.js';
import { Watch } from './watch.js';

const ROOMS = 100;

it('does not look at every room each time that a question is refused', () => {
  let isRefusing = false;
  const asked: number[] = [];
  const book = new PresenceBook(
    { graceMs: 5_000, usersMax: 500, infoBytesMax: 1_000 },
    {
      tellWatchers: () => [],
      tell: (_node, message) => {
        if (!isRefusing) asked.push((message as { rooms: string[] }).rooms.length);
        return !isRefusing;
      },
      peers: () => ['a'],
      show: () => undefined,
    },
  );
  for (let index = 0; index < ROOMS; index += 1) {
    const room = `room-${index}`;
    book.watch(0, room, () => undefined);
    book.reached(0, room, true);
    book.receive(0, 'a', {
      kind: 'whole',
      room,
      serial: 0,
      part: 0,
      isLast: true,
      put: [],
      count: null,
    });
  }
  let now = 1_000;
  const runUntil = (end: number): void => {
    for (; book.pollTimeout() <= end; book.handleTimeout(now)) now = Math.max(now, book.pollTimeout());
  };
  runUntil(now);
  asked.length = 0;
  isRefusing = true;
  now += 30;
  book.peerJoined(now, 'a');
  const review = jest.spyOn(Watch.prototype, 'review');
  runUntil(1_900);
  expect(review.mock.calls.length).toBeLessThanOrEqual(ROOMS);
  isRefusing = false;
  runUntil(1_900 + BATCH_MS);
  expect(asked).toEqual([ROOMS]);
  review.mockRestore();
});
