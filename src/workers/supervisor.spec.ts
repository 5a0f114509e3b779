import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ConfigurationError, type Environment } from '../config/variables.js';
import { Supervisor } from './supervisor.js';
import { FakeWorker } from './testing/fake-worker.js';

const MESH: Environment = { UDP_MODE: 'mesh', UDP_PORT: '2300' };

let forks: FakeWorker[];
let exits: number[];
let files: () => Environment;
let supervisor: Supervisor;

/** What was started to be handled after a promise. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

const last = (): FakeWorker => forks.at(-1) as FakeWorker;

function supervise(env: Environment, count = 2): void {
  supervisor = new Supervisor(env, count, {
    readEnvironment: () => files(),
    fork: (own) => {
      forks.push(new FakeWorker(own));
      return last();
    },
    exit: (code) => exits.push(code),
    graceMs: () => 10_000,
  });
  void supervisor.start();
}

async function serve(worker: FakeWorker): Promise<void> {
  worker.says({ lanfare: 'serving' });
  await settle();
}

async function end(worker: FakeWorker, code: number): Promise<void> {
  worker.ends(code);
  await settle();
}

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  jest.useFakeTimers();
  forks = [];
  exits = [];
  files = () => MESH;
  supervise(MESH);
  for (const worker of forks) await serve(worker);
});

afterEach(() => {
  supervisor.end();
  for (const worker of forks) worker.ends(0);
  jest.useRealTimers();
});

describe('the supervisor', () => {
  it('starts as many as it is told, each with a number, a name and a UDP port of its own', () => {
    expect(forks.map(({ env }) => [env['LANFARE_WORKER'], env['UDP_PORT']])).toEqual([
      ['1', '2300'],
      ['2', '2301'],
    ]);
    expect(new Set(forks.map(({ env }) => env['NODE_NAME'])).size).toBe(2);
  });

  it('starts a worker that has died again, in its place, with the lowest port that is free', async () => {
    await end(forks[0] as FakeWorker, 70);
    expect(supervisor.places.map(({ worker }) => worker === null)).toEqual([true, false]);
    await jest.advanceTimersByTimeAsync(100);
    expect(forks).toHaveLength(3);
    expect([last().env['LANFARE_WORKER'], last().env['UDP_PORT']]).toEqual(['1', '2300']);
    expect(exits).toEqual([]);
  });

  it('tries again when no process could be started in a place, and does not wait for its end', async () => {
    await end(forks[0] as FakeWorker, 70);
    await jest.advanceTimersByTimeAsync(100);
    last().process.pid = undefined;
    last().emit('error', new Error('spawn node EAGAIN'));
    await jest.advanceTimersByTimeAsync(200);
    expect(forks).toHaveLength(4);
    expect([last().env['LANFARE_WORKER'], last().env['UDP_PORT']]).toEqual(['1', '2300']);
  });

  it('ends all with the code of one that keeps dying, once the others have drained', async () => {
    for (let death = 0; death < 5; death += 1) {
      await end(
        supervisor.places[0]?.worker === null ? last() : (forks.at(death === 0 ? 0 : -1) as FakeWorker),
        70,
      );
      await jest.advanceTimersByTimeAsync(1_000);
    }
    expect(forks[1]?.signals).toEqual(['SIGTERM']);
    expect(exits).toEqual([]);
    await end(forks[1] as FakeWorker, 0);
    expect(exits).toEqual([70]);
  });

  it('ends all with 1 when one could not start, and starts none again', async () => {
    forks = [];
    supervise(MESH);
    await end(forks[1] as FakeWorker, 1);
    expect(forks[0]?.signals).toEqual(['SIGTERM']);
    await end(forks[0] as FakeWorker, 143);
    expect(exits).toEqual([1]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(forks).toHaveLength(2);
  });

  it('drains all at the same time, and ends with the code of one that failed to', async () => {
    supervisor.end();
    expect(forks.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']]);
    await end(forks[0] as FakeWorker, 0);
    expect(exits).toEqual([]);
    await end(forks[1] as FakeWorker, 137);
    expect(exits).toEqual([137]);
  });

  it('ends all at once when it is told to, also those that drain', () => {
    supervisor.end();
    supervisor.kill(143);
    expect(forks.map(({ signals }) => signals)).toEqual([
      ['SIGTERM', 'SIGKILL'],
      ['SIGTERM', 'SIGKILL'],
    ]);
    expect(exits).toEqual([143]);
  });
});

describe('a replacement', () => {
  it('keeps all workers when the configuration is not valid any more', async () => {
    files = () => {
      throw new ConfigurationError([{ variable: 'PORT', message: 'is bad' }]);
    };
    await supervisor.replace();
    expect(forks).toHaveLength(2);
    expect(forks.flatMap(({ signals, orders }) => [...signals, ...orders])).toEqual([]);
  });

  it('that ends before it serves leaves the worker that it should replace, and those after it', async () => {
    const replacing = supervisor.replace();
    await settle();
    expect([last().env['LANFARE_WORKER'], last().env['UDP_PORT']]).toEqual(['1', '2302']);
    await end(last(), 1);
    await replacing;
    expect(forks).toHaveLength(3);
    expect(forks.slice(0, 2).flatMap(({ signals, orders }) => [...signals, ...orders])).toEqual([]);
    expect(exits).toEqual([]);
  });

  it('is killed when it is not ready after a minute', async () => {
    const replacing = supervisor.replace();
    await jest.advanceTimersByTimeAsync(59_000);
    last().says({ lanfare: 'alive' });
    await jest.advanceTimersByTimeAsync(2_000);
    await replacing;
    expect(last().signals).toEqual(['SIGKILL']);
    expect(supervisor.places.map(({ worker }) => worker?.isServing)).toEqual([true, true]);
  });

  it('has the environment of the files, but for what is the primary’s own', async () => {
    files = () => ({ ...MESH, WS_PATH: '/new', WORKERS: '9', OPS_PORT: '1' });
    const replacing = supervisor.replace();
    await settle();
    expect(last().env).toMatchObject({ WS_PATH: '/new' });
    expect([last().env['WORKERS'], last().env['OPS_PORT']]).toEqual([undefined, undefined]);
    await end(last(), 1);
    await replacing;
  });
});
