import { beforeEach, describe, expect, it } from '@jest/globals';
import { Intake } from './intake.js';
import { FakeSocket } from './testing/fake-socket.js';

describe('what comes from a client', () => {
  let socket: FakeSocket;
  let intake: Intake<null>;
  let handled: string[];

  beforeEach(() => {
    socket = new FakeSocket();
    handled = [];
    intake = new Intake(null, {
      admit: () => true,
      receive: (_, payload) => handled.push(payload.toString()) > 0,
      countControl: () => undefined,
    });
    intake.open(socket);
  });

  const send = (...frames: string[]) => {
    for (const frame of frames) intake.receive(Buffer.from(frame), false);
  };

  it('waits, in order, until no reason to pause is left', () => {
    intake.pause('policy');
    intake.pause('congested');
    send('1', '2');
    intake.resume('policy');
    expect([handled, socket.isReading]).toEqual([[], false]);
    intake.resume('congested');
    expect([handled, socket.isReading]).toEqual([['1', '2'], true]);
  });

  it('is still handled while the node drains, and waits only where the order needs it', () => {
    intake.pause('in-flight');
    send('1');
    intake.drain();
    intake.pause('congested');
    send('2');
    intake.pause('policy');
    send('3');
    expect([handled, socket.isReading]).toEqual([['1', '2'], false]);
    intake.resume('policy');
    expect([handled, socket.isReading]).toEqual([['1', '2', '3'], true]);
  });

  it('is read and dropped once the connection closes, whatever it was paused for', () => {
    intake.pause('policy');
    send('1');
    intake.dropAll();
    send('2');
    intake.pause('refresh');
    expect([handled, socket.isReading]).toEqual([[], true]);
  });

  it('is dropped when the client closes while it is paused, and read again when it is resumed', () => {
    intake.pause('congested');
    send('1');
    intake.drop();
    expect(socket.isReading).toBe(false);
    intake.resume('congested');
    expect([handled, socket.isReading]).toEqual([[], true]);
  });

  it('is never read again once it is shut', () => {
    intake.pause('policy');
    send('1');
    intake.shut();
    intake.resume('policy');
    send('2');
    expect([handled, socket.isReading]).toEqual([[], false]);
  });
});
