import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Place } from './place.js';
import { FakeDoor } from './testing/fake-door.js';
import { FakeWorker } from './testing/fake-worker.js';
import { WorkerProcess } from './worker-process.js';
import { WorkersDoor } from './workers-door.js';

const KEYS = Array.from({ length: 20 }, (_, index) => `key-${index}`);

let doors: FakeDoor[];
let forked: FakeWorker[];
let workers: { places: Place[]; isEnding: boolean };
let door: WorkersDoor;

/** A worker that serves, and whose part of the door is `own`. */
function workerOf(number: number, own: FakeDoor): WorkerProcess {
  const fake = new FakeWorker();
  forked.push(fake);
  const worker = new WorkerProcess(number, null, fake);
  fake.says({ lanfare: 'door', port: own.port, key: own.key });
  fake.says({ lanfare: 'serving' });
  return worker;
}

const ask = async (path: string, init?: RequestInit): Promise<Response> => fetch(`${door.url}${path}`, init);

const checks = async () => {
  const response = await ask('/readyz');
  const { details } = (await response.json()) as { details: Record<string, { status: string }> };
  return [response.status, ...Object.values(details).map(({ status }) => status)];
};

/** Which of the two has answered so many requests. */
const counts = () => doors.map(({ asked }) => asked.length);

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  forked = [];
  doors = [await FakeDoor.open(), await FakeDoor.open()];
  workers = { places: [new Place(1, {}), new Place(2, {})], isEnding: false };
  for (const [index, own] of doors.entries()) {
    own.answers.set('/readyz', [200, '{"details":{"cluster":{"status":"up"}}}']);
    own.answers.set('/metrics', [200, `# TYPE connections gauge\nconnections ${index + 5}\n`]);
    own.answers.set('/v1/users/2', [200, `{"from":${index + 1}}`]);
    workers.places[index]?.fill(workerOf(index + 1, own));
  }
  door = await WorkersDoor.open(workers, { host: '127.0.0.1', port: 0 });
});

afterEach(() => {
  door.close();
  for (const worker of forked) worker.ends(0);
  for (const own of doors) own.close();
});

describe("the operators' door of a primary", () => {
  it('is alive and ready when all workers are', async () => {
    expect((await ask('/healthz')).status).toBe(200);
    expect(await checks()).toEqual([200, 'up', 'up']);
  });

  it('is ready while one worker is started again, and not when two are', async () => {
    workers.places[0]?.empty();
    expect(await checks()).toEqual([200, 'starting', 'up']);
    workers.places[1]?.empty();
    expect(await checks()).toEqual([503, 'starting', 'starting']);
  });

  it('is ready while one worker drains by itself, and asks it nothing', async () => {
    forked[0]?.says({ lanfare: 'leaving' });
    expect(await checks()).toEqual([200, 'starting', 'up']);
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await (await ask('/v1/users/2')).json()).toEqual({ from: 2 });
    }
    expect(counts()[0]).toBe(0);
  });

  it('is not ready before every worker has served', async () => {
    workers.places.push(new Place(3, {}));
    expect(await checks()).toEqual([503, 'up', 'up', 'down']);
  });

  it('is not ready when a worker says that it is not', async () => {
    doors[1]?.answers.set('/readyz', [503, '{"details":{"cluster":{"status":"down"}}}']);
    expect(await checks()).toEqual([503, 'up', 'down']);
  });

  it('is not ready when a worker does not answer in time', async () => {
    doors[1]?.answers.delete('/readyz');
    expect(await checks()).toEqual([503, 'up', 'down']);
  });

  it('is alive, but not ready, while all workers drain', async () => {
    workers.isEnding = true;
    expect((await ask('/healthz')).status).toBe(200);
    expect((await checks())[0]).toBe(503);
  });

  it('shows the metrics of all workers, each with its label', async () => {
    const page = await (await ask('/metrics')).text();
    expect(page.match(/# TYPE connections gauge/g)).toHaveLength(1);
    expect(page).toContain('connections{worker="1"} 5\nconnections{worker="2"} 6');
    expect(page).toContain('lanfare_worker_up{worker="1"} 1\nlanfare_worker_up{worker="2"} 1');
  });

  it('shows a worker whose metrics fail as down, and the others', async () => {
    doors[0]?.answers.set('/metrics', [500, 'connections 1']);
    const response = await ask('/metrics');
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(page).toContain('connections{worker="2"} 6');
    expect(page).not.toContain('connections{worker="1"}');
    expect(page).toContain('lanfare_worker_up{worker="1"} 0\nlanfare_worker_up{worker="2"} 1');
  });

  it('lets the workers answer everything else in turn', async () => {
    const answers: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) answers.push(await (await ask('/v1/users/2')).json());
    expect(answers).toEqual([{ from: 1 }, { from: 2 }, { from: 1 }, { from: 2 }]);
  });

  it('passes method, body and headers on, and the answer back, without those of one connection', async () => {
    doors[0]?.answers.set('/v1/x?a=1', [418, 'tea']);
    const response = await ask('/v1/x?a=1', { method: 'POST', body: 'data', headers: { 'x-theirs': 'yes' } });
    expect([response.status, response.headers.get('x-own'), await response.text()]).toEqual([
      418,
      'yes',
      'tea',
    ]);
    const [asked] = doors[0]?.asked ?? [];
    expect(asked).toMatchObject({ method: 'POST', url: '/v1/x?a=1', body: 'data' });
    expect(asked?.headers).toMatchObject({ 'x-theirs': 'yes', connection: 'close' });
  });

  it('gives requests with the same key to the same worker, and different keys to both', async () => {
    for (const key of KEYS) {
      const headers = { 'Idempotency-Key': key };
      const twice = [await ask('/v1/users/2', { headers }), await ask('/v1/users/2', { headers })];
      const [first, second] = await Promise.all(twice.map(async (response) => response.text()));
      expect(first).toBe(second);
    }
    expect(counts().every((count) => count > 0)).toBe(true);
    expect(counts().every((count) => count % 2 === 0)).toBe(true);
  });

  it('moves only the keys of a worker that has gone', async () => {
    const first = new Map<string, string>();
    const all = async (seen: (key: string, answer: string) => void) => {
      for (const key of KEYS) {
        seen(key, await (await ask('/v1/users/2', { headers: { 'Idempotency-Key': key } })).text());
      }
    };
    await all((key, answer) => first.set(key, answer));
    workers.places[0]?.empty();
    await all((key, answer) => {
      expect(answer).toBe('{"from":2}');
      if (first.get(key) === '{"from":1}') first.delete(key);
    });
    expect(new Set(first.values())).toEqual(new Set(['{"from":2}']));
  });

  it('answers 503 when no worker serves', async () => {
    for (const place of workers.places) place.empty();
    const response = await ask('/v1/users/2');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'unavailable', retryable: true });
  });

  it('answers 500 when the worker ends while it is asked', async () => {
    const asked = ask('/v1/never');
    while (doors[0]?.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    doors[0]?.close();
    expect((await asked).status).toBe(500);
  });
});
