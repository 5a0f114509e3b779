/** What a message to many costs on a node: counted in buffers, not in time. */
import { expect, it, jest } from '@jest/globals';
import { Room } from '../../rooms/room.js';
import { roomDelivery } from '../../wire/room-frames.js';
import { connectionContext, connectionOf } from './testing/connection-context.js';
import { FakeSocket } from './testing/fake-socket.js';

const MEMBERS = 1_000;

it('a message to a room of 1,000 is encoded and framed once, and that buffer is written to each member', () => {
  const context = connectionContext();
  const written: Buffer[] = [];
  const socket = { writableLength: 0, writableCorked: 0, write: (bytes: Buffer) => written.push(bytes) };
  const room = new Room('hall');
  for (let count = 0; count < MEMBERS; count++) {
    const connection = connectionOf(`u${count}`, context);
    connection.open(new FakeSocket(), socket as never, null);
    room.add(connection);
  }
  const [concat, from] = [jest.spyOn(Buffer, 'concat'), jest.spyOn(Buffer, 'from')];
  const frame = roomDelivery({ room: 'hall', from: 'ann', data: Buffer.alloc(1_000, '1') });
  const encoded = from.mock.calls.length;
  let delivered = 0;
  room.enqueue({ frame, except: null, done: (count) => (delivered = count) });
  expect(room.walk(() => false)).toBe(true);
  expect([concat.mock.calls.length, from.mock.calls.length]).toEqual([1, encoded]);
  expect(encoded).toBeLessThan(5);
  expect([delivered, written.length, new Set(written).size]).toEqual([MEMBERS, MEMBERS, 1]);
  expect(written[0]).toBe(frame.bytes);
  jest.restoreAllMocks();
});
