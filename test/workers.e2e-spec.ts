import { describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationsDoor } from '../src/operations/operations-door.js';
import { PRIMARY_KEY_HEADER } from '../src/workers/worker-door.js';
import { TestClient } from '../src/testing/test-client.js';
import { itOverUdp } from './support/over-udp.js';
import { clusterEnvironment } from './support/environment.js';
import { takePort } from './support/free-port.js';
import { TestNode } from './support/node.js';
import { NodeProcess } from './support/node-process.js';
import { PrimaryProcess } from './support/primary-process.js';
import { running } from './support/running.js';
import { Talker } from './support/talker.js';
import { until } from './support/until.js';

// Each of these starts several processes, some of them again.
jest.setTimeout(90_000);

const DRAINING = { code: 1012, reason: 'node is shutting down' };

const STOPPED = {};
let upMeanwhile: Promise<Record<string, string>>;
/** The node waits 20 s for a worker that does not respond. The other tests here run meanwhile. */
const standingStill = (async () => {
  const primary = await PrimaryProcess.start();
  primary.signalWorker(1, 'SIGSTOP');
  upMeanwhile = primary.metric('lanfare_worker_up');
  upMeanwhile.catch(() => undefined);
  // when these tests end before: a process that is stopped ends by SIGKILL alone
  running.set(STOPPED, async () => primary.signalWorker(1, 'SIGKILL'));
  return primary;
})();
standingStill.catch(() => undefined);

describe('two workers', () => {
  let primary: PrimaryProcess;

  it('serve one port, each as a node of the cluster, and both take clients', async () => {
    primary = await PrimaryProcess.start({ NODE_NAME: 'host' });
    expect(primary.process.output).toMatch(
      /Limits are each worker's own\. Together they allow .*JavaScript heap/,
    );
    const [one, two] = await Promise.all([primary.connectTo(1, 'one'), primary.connectTo(2, 'two')]);
    expect(await one.ask({ event: 'send', data: { user_id: 'two', data: 'haha' } })).toMatchObject({
      data: { delivered: 1, complete: true },
    });
    expect(await two.nextJson()).toMatchObject({ data: { from: 'one', data: 'haha' } });
    const { nodes } = (await (await primary.get('/v1/cluster')).json()) as { nodes: { name: string }[] };
    expect(nodes.map(({ name }) => name).sort()).toEqual(['host/1', 'host/2']);
    await Promise.all([one.close(), two.close()]);
  });

  it("have one operators' door: health, and metrics with the label worker", async () => {
    expect((await primary.get('/healthz')).status).toBe(200);
    const ready = await primary.get('/readyz');
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: 'ok', details: { worker_1: { status: 'up' }, worker_2: { status: 'up' } } },
    ]);
    expect(await primary.metric('lanfare_worker_up')).toEqual({ 1: '1', 2: '1' });
    expect(await primary.metric('lanfare_ready')).toEqual({ 1: '1', 2: '1' });
    expect((await primary.get('/docs-json')).status).toBe(200);
    const page = await fetch(`http://127.0.0.1:${primary.process.port}/`);
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, expect.stringContaining('html')]);
  });

  it('send once what is asked twice with the same Idempotency-Key, whichever worker answers', async () => {
    const client = await primary.connectTo(1, 'backend-user');
    const send = async (key: string) =>
      primary.get('/v1/users/backend-user/messages', {
        method: 'POST',
        body: '{"data":"once"}',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
      });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const key of keys) {
      const [first, again] = [await send(key), await send(key)];
      expect(await first.json()).toEqual({ delivered: 1, complete: true });
      expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    }
    for (const _ of keys) expect(await client.nextJson()).toMatchObject({ data: { data: 'once' } });
    await client.ask({ event: 'ping' });
    expect(client.pending).toEqual([]);
    await client.close();
  });

  it('answer nobody but the primary at their own part of the door', async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' });
    const onlyWith = { header: PRIMARY_KEY_HEADER, key: 'of-the-primary' };
    const door = await OperationsDoor.openAt(node.app, { host: '127.0.0.1', port: 0, onlyWith });
    for (const path of ['/metrics', '/healthz', '/docs', '/v1/cluster']) {
      const answers = await Promise.all([
        fetch(`${door.url}${path}`),
        fetch(`${door.url}${path}`, { headers: { [PRIMARY_KEY_HEADER]: 'guessed' } }),
      ]);
      expect([path, ...answers.map(({ status }) => status)]).toEqual([path, 403, 403]);
    }
    const answer = await fetch(`${door.url}/healthz`, { headers: { [PRIMARY_KEY_HEADER]: onlyWith.key } });
    expect(answer.status).toBe(200);
    await door.close();
    await node.stop();
  });

  it('are started again when they die, while the other one serves', async () => {
    const there = await primary.connectTo(2, 'there');
    primary.signalWorker(1, 'SIGKILL');
    await primary.process.waitForOutput(
      /Worker 1 \(pid \d+\) has ended with code 137: started again in \d+ ms/,
    );
    expect((await primary.get('/readyz')).status).toBe(200);
    expect((await primary.metric('lanfare_worker_up'))['1']).toBe('0');
    const other = await primary.connectTo(2, 'other');
    await primary.hasStarted(1, 2);
    for (; (await primary.metric('lanfare_worker_up'))['1'] !== '1';);
    expect((await primary.metric('lanfare_worker_deaths_total'))['1']).toBe('1');
    expect(there.socket.readyState).toBe(there.socket.OPEN);
    await Promise.all([there.close(), other.close()]);
  });

  it('are started again when they drain by themselves: the primary stays ready, and asks them nothing', async () => {
    const lingering = await primary.connectTo(1, 'lingering');
    lingering.socket.pause(); // never answers the close frame
    primary.signalWorker(1, 'SIGTERM');
    await primary.process.waitForOutput(/host\/1 .*SIGTERM: draining/);
    for (; (await primary.metric('lanfare_worker_up'))['1'] !== '0';);
    for (let turn = 0; turn < 4; turn += 1) {
      const { nodes } = (await (await primary.get('/v1/cluster')).json()) as { nodes: { name: string }[] };
      expect(nodes[0]?.name).toBe('host/2'); // who answers is the first
    }
    expect((await primary.get('/readyz')).status).toBe(200);
    lingering.socket.terminate();
    await primary.hasStarted(1, 3);
    for (; (await primary.metric('lanfare_worker_up'))['1'] !== '1';);
  });

  it('drain together on SIGTERM: clients get 1012, and all end with 0', async () => {
    const clients = await Promise.all([primary.connectTo(1, 'one'), primary.connectTo(2, 'two')]);
    primary.process.signal('SIGTERM');
    for (const client of clients) expect(await client.closed).toEqual(DRAINING);
    expect(await primary.process.exited()).toBe(0);
    expect(primary.areAllGone()).toBe(true);
    for (const line of primary.process.output.trim().split('\n'))
      expect(line).toMatch(/^\[host(\/\d \w{8})?\] \d+ /);
  });
});

describe('a primary', () => {
  itOverUdp(
    'a bad UDP address ends the start',
    'ends at once with 1 when its workers can not start',
    async () => {
      const { port, server } = await takePort();
      const taken = NodeProcess.launch(clusterEnvironment({ WORKERS: '2', PORT: port }));
      expect(await taken.exited()).toBe(1);
      expect(taken.output).toMatch(new RegExp(`^PORT: cannot listen on 127.0.0.1:${port}`, 'm'));
      server.close();
      const away = NodeProcess.launch(clusterEnvironment({ WORKERS: '2', UDP_INTERFACE: '192.0.2.1' }));
      expect(await away.exited()).toBe(1);
      expect(away.output).toMatch(/^UDP_INTERFACE: /m);
      expect(away.output).toContain('could not start');
    },
  );

  it('ends with the code of a worker that dies five times within a minute', async () => {
    const primary = await PrimaryProcess.launch({});
    for (let death = 1; death <= 5; death++) {
      await primary.hasStarted(2, death);
      primary.signalWorker(2, 'SIGKILL');
    }
    expect(await primary.process.exited()).toBe(137);
    expect(primary.process.output).toContain('Worker 2 keeps dying, with code 137 now: all end');
    expect(primary.areAllGone()).toBe(true);
  });

  it('drains once when a terminal sends SIGINT to all processes, and ends at once on a second signal', async () => {
    const [patient, hasty] = await Promise.all([
      PrimaryProcess.start(),
      PrimaryProcess.start({ SHUTDOWN_GRACE_MS: '60000' }),
    ]);
    const [client, stubborn] = await Promise.all([patient.connectTo(1, 'a'), hasty.connectTo(1, 'b')]);
    patient.signalGroup('SIGINT');
    expect(await client.closed).toEqual(DRAINING);
    expect(await patient.process.exited()).toBe(0);
    stubborn.socket.pause(); // never answers the close frame
    hasty.signalGroup('SIGINT');
    await hasty.process.waitForOutput(/SIGINT: all workers drain/);
    hasty.signalGroup('SIGINT');
    expect(await hasty.process.exited()).toBe(130);
    await until(() => hasty.areAllGone());
  });

  it('that is killed leaves no worker behind: clients get 1012, and peers see them leave', async () => {
    const env = clusterEnvironment();
    const peer = await NodeProcess.start(env);
    const primary = await PrimaryProcess.start({ ...env, NODE_NAME: 'gone' });
    const clients = await Promise.all([primary.connectTo(1, 'one'), primary.connectTo(2, 'two')]);
    for (const name of ['gone/1', 'gone/2']) await peer.waitForOutput(new RegExp(`${name} .*joined`));
    primary.process.signal('SIGKILL');
    for (const client of clients) expect(await client.closed).toEqual(DRAINING);
    for (const name of ['gone/1', 'gone/2']) {
      await peer.waitForOutput(new RegExp(`${name} .*left: it said good-bye`));
    }
    await until(() => primary.areAllGone());
    await peer.stop();
  });

  it('that is killed while its workers start leaves none behind', async () => {
    const primary = await PrimaryProcess.launch({});
    await primary.hasStarted(2, 1);
    primary.process.signal('SIGKILL');
    await until(() => primary.areAllGone());
    expect(primary.process.output).not.toContain('Serving on');
  });

  it('replaces a worker that stands still', async () => {
    const primary = await standingStill;
    running.delete(STOPPED);
    expect(await upMeanwhile).toEqual({ 1: '0', 2: '1' });
    await primary.process.waitForOutput(/Worker 1 .* has not spoken for 20 s: .* Killed/);
    await primary.hasStarted(1, 2);
    for (; (await primary.metric('lanfare_worker_up'))['1'] !== '1';);
    await primary.process.stop();
  });
});

describe('SIGHUP', () => {
  it('replaces the workers one by one: nobody is refused, nothing is lost or comes twice', async () => {
    const primary = await PrimaryProcess.start({ UDP_UNICAST_PORT: '0' });
    const url = (user: string) => primary.process.url(`user_id=${user}`);
    let isOver = false;
    const talkers = [new Talker('ann', 'bob', url), new Talker('bob', 'ann', url)];
    const first = await Promise.all(talkers.map(async ({ name }) => primary.connectTo(1, name)));
    const talking = talkers.map(async (talker, index) =>
      talker.talk(first[index] as TestClient, () => isOver),
    );
    let connected = 0;
    const connecting = (async () => {
      for (; !isOver; connected++) await (await TestClient.connect(url('passer-by'))).close();
    })();
    const statuses: number[] = [];
    const asking = (async () => {
      for (let turn = 0; !isOver; turn += 1) {
        const response = await primary.get('/v1/users/nobody/messages', {
          method: 'POST',
          body: '{"data":"by the API"}',
          headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `key-${turn}` },
        });
        statuses.push(response.status);
      }
    })();
    primary.process.signal('SIGHUP');
    const working = [...talking, connecting, asking];
    await Promise.race([primary.process.waitForOutput(/All 2 workers are replaced/), ...working]);
    isOver = true;
    const [last] = await Promise.all([Promise.all(talking), connecting, asking]);
    // what was accepted is on its way, before the answer to this
    for (const { socket } of last) socket.close();
    for (const { closed } of last) await closed;
    for (const [index, { accepted, closes }] of talkers.entries()) {
      const { heard } = talkers[1 - index] as Talker;
      expect(accepted.size).toBeGreaterThan(100);
      expect([...accepted].filter((text) => !heard.includes(text))).toEqual([]);
      expect(new Set(heard).size).toBe(heard.length);
      expect(closes.length).toBeGreaterThan(0);
      expect(closes.every((code) => code === DRAINING.code)).toBe(true);
    }
    expect(connected).toBeGreaterThan(10);
    expect(statuses.length).toBeGreaterThan(10);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([primary.pidsOf(1).length, primary.pidsOf(2).length]).toEqual([2, 2]);
    await primary.process.stop();
  });

  itOverUdp(
    'a bad UDP address keeps a replacement from being ready',
    'reads the environment file anew; workers stay when it is bad, or when a replacement is not ready',
    async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'lanfare-')), 'node.env');
      writeFileSync(file, 'WS_PATH=/before\n');
      const primary = await PrimaryProcess.start({ ENV_FILE: file });
      const { process } = primary;
      writeFileSync(file, 'WS_PATH=before\n');
      process.signal('SIGHUP');
      await process.waitForOutput(/The configuration is not valid, all workers stay\.\nWS_PATH: /);
      writeFileSync(file, 'WS_PATH=/before\nUDP_INTERFACE=192.0.2.1\n');
      process.signal('SIGHUP');
      await process.waitForOutput(/Worker 1 stays, and those after it/);
      await (await TestClient.connect(process.url('user_id=1', '/before'))).close();
      writeFileSync(file, 'WS_PATH=/after\nWORKERS=3\n');
      process.signal('SIGHUP');
      await process.waitForOutput(/All 2 workers are replaced/);
      await (await TestClient.connect(process.url('user_id=1', '/after'))).close();
      await expect(TestClient.connect(process.url('user_id=1', '/before'))).rejects.toThrow('404');
      await process.stop();
    },
  );

  itOverUdp(
    'no UDP ports are used',
    'finds a UDP port for each replacement in a mesh: one more than workers',
    async () => {
      const env = clusterEnvironment({ UDP_MODE: 'mesh' });
      const port = Number(env['UDP_PORT']);
      const primary = await PrimaryProcess.start({ ...env, UDP_PEERS: `127.0.0.1:${port}-${port + 2}` });
      primary.process.signal('SIGHUP');
      await primary.process.waitForOutput(/All 2 workers are replaced/);
      const ports = primary.process.output.matchAll(/from [\d.]+:(\d+)/g);
      expect(Array.from(ports, ([, own]) => Number(own) - port).sort((a, b) => a - b)).toEqual([0, 0, 1, 2]);
      await primary.process.stop();
    },
  );
});
