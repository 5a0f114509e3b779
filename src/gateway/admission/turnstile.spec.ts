import { beforeEach, describe, expect, it } from '@jest/globals';
import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { Turnstile } from './turnstile.js';

let turnstile: Turnstile;
let entered: number[];
let sockets: Socket[];

function come(count: number): void {
  for (let each = 0; each < count; each += 1) {
    const socket = new Socket();
    const number = sockets.push(socket) - 1;
    turnstile.pass(socket, () => entered.push(number));
  }
}

beforeEach(() => {
  turnstile = new Turnstile();
  entered = [];
  sockets = [];
});

describe('the turnstile', () => {
  it('lets one that comes alone in at once', () => {
    come(1);
    expect(entered).toEqual([0]);
  });

  it('lets 32 enter in each turn, in order, and later ones behind those that wait', async () => {
    come(50);
    expect(entered).toHaveLength(32);
    come(20);
    expect(entered).toHaveLength(32);
    await setImmediate();
    expect(entered).toHaveLength(64);
    await setImmediate();
    expect(entered).toEqual(Array.from({ length: 70 }, (_, index) => index));
  });

  it('counts each turn by itself', async () => {
    come(32);
    await setImmediate();
    await setImmediate();
    come(32);
    expect(entered).toHaveLength(64);
  });

  it('forgets a socket that has gone while it waited, and survives one that fails', async () => {
    come(34);
    sockets[32]?.destroy(new Error('reset'));
    await setImmediate();
    await setImmediate();
    expect(entered).toHaveLength(33);
    expect(entered.at(-1)).toBe(33);
  });

  it('leaves no listener behind on a socket that enters', async () => {
    come(40);
    await setImmediate();
    expect(sockets.map((socket) => socket.listenerCount('error'))).toEqual(sockets.map(() => 0));
  });
});
