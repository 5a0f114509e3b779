import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Environment } from '../config/variables.js';
import { Supervisor } from './supervisor.js';
import { FakeDoor } from './testing/fake-door.js';
import { FakeWorker } from './testing/fake-worker.js';

const READY = [200, '{}'] as const;

let door: FakeDoor;
let forks: FakeWorker[];
let exits: number[];
let files: Environment;
let supervisor: Supervisor;

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function serve(worker: FakeWorker): void {
  worker.says({ lanfare: 'door', port: door.port, key: door.key });
  worker.says({ lanfare: 'serving' });
}

/** The worker of this number in the order of starts, from 0, as soon as it was started. */
async function forked(number: number): Promise<FakeWorker> {
  await until(() => forks.length > number);
  return forks[number] as FakeWorker;
}

/** The worker of this number in the order of starts, as soon as it was told to hand over. */
async function retired(number: number): Promise<FakeWorker> {
  const worker = await forked(number);
  await until(() => worker.orders.length > 0);
  return worker;
}

/** One replacement of two workers, from the first start on, which has this number. */
async function replaceTwo(first: number, before: readonly [number, number]): Promise<void> {
  for (const [index, old] of before.entries()) {
    serve(await forked(first + index));
    (await retired(old)).ends(0);
  }
}

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  door = await FakeDoor.open();
  door.answers.set('/readyz', READY);
  forks = [];
  exits = [];
  files = { WS_PATH: '/one' };
  supervisor = new Supervisor(files, 2, {
    readEnvironment: () => files,
    fork: (env) => {
      forks.push(new FakeWorker(env));
      return forks.at(-1) as FakeWorker;
    },
    exit: (code) => exits.push(code),
    graceMs: () => 10_000,
  });
  const started = supervisor.start();
  for (const worker of forks) serve(worker);
  await started;
});

afterEach(() => {
  supervisor.end();
  for (const worker of forks) worker.ends(0);
  door.close();
});

describe('a replacement of two workers', () => {
  it('begins with the second when the first has ended: its UDP port is free then', async () => {
    const replacing = supervisor.replace();
    serve(await forked(2));
    const first = await retired(0);
    expect([first.orders, first.signals]).toEqual([[{ lanfare: 'retire' }], []]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(forks).toHaveLength(3);
    first.ends(0);
    serve(await forked(3));
    expect(forks.slice(2).map(({ env }) => env['LANFARE_WORKER'])).toEqual(['1', '2']);
    (await retired(1)).ends(0);
    await replacing;
    expect(supervisor.places.map(({ worker }) => worker?.pid)).toEqual(
      forks.slice(2).map((worker) => worker.process.pid),
    );
  });

  it('leaves the old worker its place until the new one is ready', async () => {
    door.answers.set('/readyz', [503, '{}']);
    const replacing = supervisor.replace();
    serve(await forked(2));
    await until(() => door.asked.length >= 2);
    expect(supervisor.places[0]?.worker?.pid).toBe(forks[0]?.process.pid);
    expect(forks[0]?.orders).toEqual([]);
    door.answers.set('/readyz', READY);
    (await retired(0)).ends(0);
    serve(await forked(3));
    (await retired(1)).ends(0);
    await replacing;
  });

  it('gives the new environment also to workers that are started again later', async () => {
    files = { WS_PATH: '/two' };
    const replacing = supervisor.replace();
    await replaceTwo(2, [0, 1]);
    await replacing;
    forks[2]?.ends(70);
    expect((await forked(4)).env).toMatchObject({ WS_PATH: '/two', LANFARE_WORKER: '1' });
  });

  it('is followed by one more, with the files as they are then, when it was asked for meanwhile', async () => {
    files = { WS_PATH: '/two' };
    const replacing = supervisor.replace();
    await forked(2);
    files = { WS_PATH: '/three' };
    await Promise.all([supervisor.replace(), supervisor.replace()]);
    await replaceTwo(2, [0, 1]);
    await replaceTwo(4, [2, 3]);
    await replacing;
    expect(forks.map(({ env }) => env['WS_PATH'])).toEqual([
      '/one',
      '/one',
      '/two',
      '/two',
      '/three',
      '/three',
    ]);
  });

  it('ends with all workers when they are to end, the one that is not ready yet with them', async () => {
    const replacing = supervisor.replace();
    const next = await forked(2);
    supervisor.end();
    expect(forks.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM'], ['SIGTERM']]);
    for (const worker of forks) {
      expect(exits).toEqual([]);
      worker.ends(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await replacing;
    expect(exits).toEqual([0]);
    expect(next.orders).toEqual([]);
    expect(forks).toHaveLength(3);
  });

  it('goes on where the old worker has died meanwhile: the new one has its place alone', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    const replacing = supervisor.replace();
    const next = await forked(2);
    forks[0]?.ends(137);
    serve(next);
    serve(await forked(3));
    (await retired(1)).ends(0);
    await replacing;
    jest.advanceTimersByTime(1_000);
    expect(forks).toHaveLength(4);
    jest.useRealTimers();
  });
});
