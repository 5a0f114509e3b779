import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ALIVE_EVERY_MS } from './messages.js';
import { FakeWorker } from './testing/fake-worker.js';
import { WorkerProcess } from './worker-process.js';

const PATIENCE_MS = 15_000;

let fake: FakeWorker;
let worker: WorkerProcess;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  jest.useFakeTimers();
  fake = new FakeWorker();
  worker = new WorkerProcess(1, null, fake);
});

afterEach(() => {
  fake.ends(0);
  jest.useRealTimers();
});

describe('a worker', () => {
  it('serves when it says so, and has a door from its own word on', async () => {
    expect([worker.isServing, worker.door]).toEqual([false, null]);
    fake.says({ lanfare: 'door', port: 1, key: 'k' });
    expect(worker.door).not.toBeNull();
    fake.says({ lanfare: 'serving' });
    expect(worker.isServing).toBe(true);
    await expect(worker.served).resolves.toBe(true);
  });

  it('has not served if it ends before it says so', async () => {
    fake.ends(1);
    await expect(worker.served).resolves.toBe(false);
    await expect(worker.ended).resolves.toEqual({ code: 1, servedMs: null });
  });

  it('that a signal ended has the code of shells', async () => {
    fake.ends(null, 'SIGKILL');
    await expect(worker.ended).resolves.toMatchObject({ code: 137 });
  });

  it('that could not be started at all has ended, with 1: there is no exit to wait for', async () => {
    fake.process.pid = undefined;
    fake.emit('error', new Error('spawn node EAGAIN'));
    await expect(worker.served).resolves.toBe(false);
    await expect(worker.ended).resolves.toEqual({ code: 1, servedMs: null });
  });

  it('goes on when a message to it could not be sent', () => {
    fake.says({ lanfare: 'serving' });
    fake.emit('error', new Error('channel closed'));
    expect(worker.isServing).toBe(true);
  });

  it('is not asked any more when it says that it leaves', () => {
    fake.says({ lanfare: 'door', port: 1, key: 'k' });
    fake.says({ lanfare: 'serving' });
    fake.says({ lanfare: 'leaving' });
    expect([worker.isServing, worker.door]).toEqual([false, null]);
  });

  it('takes no notice of messages that are not ours', () => {
    fake.emit('message', { cmd: 'NODE_SOMETHING' });
    fake.emit('message', null);
    expect(worker.isServing).toBe(false);
  });
});

describe('a worker that is to go', () => {
  beforeEach(() => {
    fake.says({ lanfare: 'door', port: 1, key: 'k' });
    fake.says({ lanfare: 'serving' });
  });

  it('is told to hand over first when another one has taken its place', () => {
    worker.retire(PATIENCE_MS);
    expect([fake.orders, fake.signals]).toEqual([[{ lanfare: 'retire' }], []]);
    expect([worker.isServing, worker.door]).toEqual([false, null]);
  });

  it('gets SIGTERM instead when its channel is closed', () => {
    fake.isChannelOpen = false;
    worker.retire(PATIENCE_MS);
    expect([fake.orders, fake.signals]).toEqual([[], ['SIGTERM']]);
  });

  it('is killed when it has not ended in its grace, counted from the first time', () => {
    worker.retire(PATIENCE_MS);
    jest.advanceTimersByTime(PATIENCE_MS - 1);
    worker.drain(PATIENCE_MS);
    expect(fake.signals).toEqual(['SIGTERM']);
    jest.advanceTimersByTime(1);
    expect(fake.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  it('is not killed after it has ended', () => {
    worker.drain(PATIENCE_MS);
    fake.ends(0);
    jest.advanceTimersByTime(10 * PATIENCE_MS);
    expect(fake.signals).toEqual(['SIGTERM']);
  });
});

describe('a worker whose event loop stands still', () => {
  it('is killed, 25 s after its last word', () => {
    fake.says({ lanfare: 'alive' });
    jest.advanceTimersByTime(4 * ALIVE_EVERY_MS);
    expect(fake.signals).toEqual([]);
    jest.advanceTimersByTime(ALIVE_EVERY_MS);
    expect(fake.signals).toEqual(['SIGKILL']);
  });

  it('may take a minute to load its code', () => {
    jest.advanceTimersByTime(12 * ALIVE_EVERY_MS);
    expect(fake.signals).toEqual([]);
    jest.advanceTimersByTime(ALIVE_EVERY_MS);
    expect(fake.signals).toEqual(['SIGKILL']);
  });
});
