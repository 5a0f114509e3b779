import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment, type LanHost } from './support/lan.js';
import { untilReached, type Answer } from './support/reached.js';
import { Recorder } from './support/recorder.js';

// Whole nodes start and restart here, and some tests wait until a dead node is dropped.
jest.setTimeout(180_000);

const impediment = lanImpediment();
if (impediment !== null) process.stdout.write(`The tests of a real LAN are skipped: ${impediment}\n`);

const secret = (): string => randomBytes(32).toString('hex');

/** Sends numbered messages one after another until it is told to stop, and keeps the answer to each. */
class Sender {
  readonly answers = new Map<number, Answer | 'connection lost'>();
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(
    private readonly connect: () => Promise<TestClient>,
    private readonly to: string,
    private readonly pauseMs: number,
  ) {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    let client: TestClient | null = null;
    for (let number = 1; !this.#isStopped; number += 1) {
      while (client === null && !this.#isStopped) client = await this.connect().catch(() => null);
      if (client === null) return;
      const closed = client.closed.then(() => 'connection lost' as const);
      const answer: Answer | 'connection lost' = await Promise.race([
        client.ask({ user_id: this.to, data: number }, number) as unknown as Promise<Answer>,
        closed,
      ]);
      this.answers.set(number, answer);
      if (answer === 'connection lost') client = null;
      await sleep(this.pauseMs);
    }
  }
}

/** Everything a client gets, as numbers. */
function numbersIn(client: TestClient): number[] {
  return client.pending
    .map((frame) => JSON.parse(frame) as { event: string; data: { data: number } })
    .filter(({ event }) => event === 'message')
    .map(({ data }) => data.data);
}

/** An ack means queued at the receiver's node: the last hop to its socket takes a moment more. */
async function untilReceived(client: TestClient, number: number): Promise<void> {
  for (let waited = 0; !numbersIn(client).includes(number); waited += 5) {
    if (waited > 5_000) throw new Error(`${number} has not arrived: ${client.pending.slice(-3).join(' ')}`);
    await sleep(5);
  }
}

/** A process runs in the namespace. */
async function untilListed(namespace: string): Promise<void> {
  while (execFileSync('ip', ['netns', 'pids', namespace]).toString() === '') await sleep(10);
}

(impediment === null ? describe : describe.skip)('a real LAN', () => {
  let lan: Lan;
  let env: ReturnType<typeof clusterEnvironment>;

  beforeEach(() => {
    lan = new Lan(4);
    env = clusterEnvironment({ CLUSTER_BUS: 'udp' });
  });

  afterEach(() => lan.destroy());

  const startThree = async (): Promise<void> => {
    await Promise.all([0, 1, 2].map(async (index) => lan.host(index).start(env)));
  };

  it('loses, doubles and disorders nothing while one datagram in ten is dropped at every node', async () => {
    await startThree();
    for (const host of lan.hosts) host.lose(0.1);
    const pairs = await Promise.all(
      Array.from({ length: 100 }, async (_, pair) => ({
        receiver: await lan.host(pair % 3).connect(`receiver-${pair}`),
        sender: await lan.host((pair + 1) % 3).connect(`sender-${pair}`),
      })),
    );
    const rounds = 100;
    for (let round = 0; round < rounds; round += 1) {
      pairs.forEach(({ sender }, pair) => sender.send({ user_id: `receiver-${pair}`, data: round }));
      await sleep(20);
    }
    const answers = await Promise.all(
      pairs.map(async ({ sender }, pair) => sender.ask({ user_id: `receiver-${pair}`, data: rounds })),
    );
    for (const answer of answers)
      expect(answer).toMatchObject({ event: 'ack', data: { delivered: 1, complete: true } });
    await Promise.all(pairs.map(async ({ receiver }) => untilReceived(receiver, rounds)));
    const expected = Array.from({ length: rounds + 1 }, (_, round) => round);
    for (const { receiver } of pairs) expect(numbersIn(receiver)).toEqual(expected);
  });

  it('reaches a user again who reconnects to another node after kill -9 of the first', async () => {
    await startThree();
    const sender = await lan.host(0).connect('sender');
    const before = await lan.host(1).connect('nomad');
    expect(await sender.ask({ user_id: 'nomad', data: 1 })).toMatchObject({
      event: 'ack',
      data: { delivered: 1 },
    });
    await untilReceived(before, 1);
    lan.host(1).node?.signal('SIGKILL');
    const after = await lan.host(2).connect('nomad');
    // The dead node may have held another device still: the answer says that it is not known, within a second.
    const asked = Date.now();
    expect(await sender.ask({ user_id: 'nomad', data: 2 }, 2)).toMatchObject({
      event: 'ack',
      data: { delivered: 1, complete: false },
    });
    expect(Date.now() - asked).toBeLessThan(1_200);
    await untilReceived(after, 2);
    await untilReached(sender, 'nomad', 8_000);
    expect(numbersIn(after)[0]).toBe(2);
    await lan.host(0).node?.waitForOutput(/lost/);
  });

  it('notices a cut cable on both sides, and is one cluster again when it is mended', async () => {
    await startThree();
    const sender = await lan.host(0).connect('sender');
    const receiver = await lan.host(1).connect('receiver');
    await untilReached(sender, 'receiver', 1_000);
    lan.host(1).cutCable();
    await lan.host(0).node?.waitForOutput(/host2.* lost/);
    await lan.host(1).node?.waitForOutput(/host1.* lost/);
    expect(await sender.ask({ user_id: 'receiver', data: 1 })).toMatchObject({ data: { delivered: 0 } });
    lan.host(1).mendCable();
    await untilReached(sender, 'receiver', 5_000);
    expect(numbersIn(receiver).filter((number) => number > 0)).toEqual([]);
  });

  it('delivers or reports every message through a rolling restart of three nodes', async () => {
    await startThree();
    const received: number[][] = [];
    // The receiver follows: whenever its node goes, it connects to the next one.
    const following = new AbortController();
    const follow = (async () => {
      for (let index = 0; !following.signal.aborted; index += 1) {
        const client = await lan
          .host(index % 3)
          .connect('receiver')
          .catch(() => null);
        if (client === null) {
          await sleep(20);
          continue;
        }
        while (!following.signal.aborted && client.socket.readyState === client.socket.OPEN) await sleep(10);
        received.push(numbersIn(client));
        client.socket.terminate();
      }
    })();
    await sleep(200);
    let at = 0;
    const sender = new Sender(async () => lan.host((at += 1) % 3).connect('sender'), 'receiver', 5);
    await sleep(300);
    for (const index of [0, 1, 2]) {
      await lan.host(index).node?.stop();
      await lan.host(index).start(env);
      await sleep(300);
    }
    await sender.stop();
    await sleep(300);
    following.abort();
    await follow;
    const got = received.flat();
    expect(new Set(got).size).toBe(got.length);
    expect(sender.answers.size).toBeGreaterThan(100);
    const has = new Set(got);
    const silent = [...sender.answers].filter(
      ([number, answer]) =>
        !has.has(number) &&
        answer !== 'connection lost' &&
        answer.event === 'ack' &&
        answer.data.delivered > 0 &&
        answer.data.complete,
    );
    expect(silent).toEqual([]);
    // Offline for a moment is fine, for long is not: most messages must have arrived.
    expect(got.length).toBeGreaterThan(sender.answers.size / 2);
  });

  it('rotates a secret under load without dropping a message', async () => {
    const [old, young] = [secret(), secret()];
    const both = { ...env, CLUSTER_SECRET: `${old},${young}` };
    await Promise.all([0, 1].map(async (index) => lan.host(index).start(both)));
    const receiver = await lan.host(1).connect('receiver');
    const sender = new Sender(async () => lan.host(0).connect('sender'), 'receiver', 5);
    const other = await lan.host(0).connect('other');
    // A third node goes all the way while two that have both secrets carry load, and speaks with them at every step.
    for (const CLUSTER_SECRET of [old, `${old},${young}`, `${young},${old}`]) {
      await lan.host(2).node?.stop();
      await lan.host(2).start({ ...env, CLUSTER_SECRET });
      const probe = await lan.host(2).connect('probe');
      await untilReached(probe, 'other', 3_000);
      await untilReached(other, 'probe', 3_000);
    }
    await sender.stop();
    expect(sender.answers.size).toBeGreaterThan(100);
    for (const [number, answer] of sender.answers) {
      expect([number, answer]).toMatchObject([number, { event: 'ack', data: { delivered: 1 } }]);
    }
    await untilReceived(receiver, sender.answers.size);
    expect(numbersIn(receiver)).toEqual([...sender.answers.keys()]);
  });

  it('neither hears nor is disturbed by a node with a wrong secret, or by recordings and forgeries', async () => {
    await startThree();
    const sender = await lan.host(0).connect('sender');
    const receiver = await lan.host(1).connect('receiver');
    await untilReached(sender, 'receiver', 1_000);
    // A stranger with the right name and the wrong secret.
    const stranger = await lan.host(3).start({ ...env, CLUSTER_SECRET: secret() });
    const alone = await lan.host(3).connect('receiver');
    expect(await sender.ask({ user_id: 'receiver', data: 1 })).toMatchObject({
      data: { delivered: 1, complete: true },
    });
    expect(numbersIn(alone)).toEqual([]);
    await stranger.stop();
    // Somebody on the LAN records all broadcasts for a while, then plays them back, as they were and changed.
    const recorder = `
      const { createSocket } = require('node:dgram');
      const recorded = [];
      const socket = createSocket({ type: 'udp4', reuseAddr: true });
      socket.on('message', (bytes) => recorded.length < 2000 && recorded.push(Buffer.from(bytes)));
      socket.bind(2222, '0.0.0.0', () => { socket.setBroadcast(true); console.log('recording'); });
      process.stdin.once('data', async () => {
        const all = recorded.splice(0);
        for (let round = 0; round < 20; round++) {
          for (const bytes of all) {
            if (round > 0) bytes[Math.floor(Math.random() * bytes.length)] ^= 1 + Math.floor(Math.random() * 255);
            socket.send(bytes, 2222, '10.77.0.255');
          }
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        console.log('played ' + all.length);
      });
    `;
    const [file, ...args] = [...lan.host(3).command, process.execPath, '-e', recorder];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    for (let number = 2; number < 30; number += 1) {
      await sender.ask({ user_id: 'receiver', data: number }, number);
      const passing = await lan.host(0).connect(`passing-${number}`);
      await passing.close();
    }
    // One node is new since: to it the recordings are of boots it has never refused before.
    await lan.host(2).node?.stop();
    await lan.host(2).start(env);
    child.stdin.write('play\n');
    const [played] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGKILL');
    expect(Number(/played (\d+)/.exec(played.toString())?.[1])).toBeGreaterThan(20);
    for (let number = 30; number < 60; number += 1) {
      expect(await sender.ask({ user_id: 'receiver', data: number }, number)).toMatchObject({
        event: 'ack',
        data: { delivered: 1, complete: true },
      });
    }
    await untilReceived(receiver, 59);
    expect(numbersIn(receiver).filter((number) => number > 0)).toEqual(
      Array.from({ length: 59 }, (_, index) => index + 1),
    );
    for (const index of [0, 1])
      expect(lan.host(index).node?.output).not.toMatch(/\((gap|lost|not-mutual)\)|lost:/);
  });

  it('refuses what its nodes said to each other when it is said again, and counts that', async () => {
    const [receiverHost, senderHost] = [lan.host(1), lan.host(0)];
    const recorder = await Recorder.start(lan.host(3), lan.hosts.slice(0, 3));
    await startThree();
    const sender = await senderHost.connect('sender');
    const receiver = await receiverHost.connect('receiver');
    const third = await lan.host(2).connect('third');
    for (let number = 1; number < 30; number += 1) {
      await sender.ask({ user_id: 'receiver', data: number }, number);
      await third.ask({ user_id: 'receiver', data: 1_000 + number }, number);
    }
    // What the third node said is a dead boot's from now on, what was said to it is of use to nobody.
    lan.host(2).node?.signal('SIGKILL');
    await lan.host(2).node?.exited();
    await lan.host(2).start(env);
    const other = await lan.host(2).connect('other');
    await untilReached(sender, 'other', 8_000);
    await untilReached(other, 'receiver', 8_000);

    const refused = (host: LanHost, reason: string): number =>
      host.metric('lanfare_cluster_datagrams_rejected_total', `reason="${reason}"`);
    const alive = [senderHost, receiverHost];
    // Each of the two learns in its own time that the third was started anew.
    for (const host of alive) await host.node?.waitForOutput(/Node .* lost: its node was started anew/);
    const before = alive.map((host) => ({
      replayed: refused(host, 'replayed'),
      forged: refused(host, 'forged'),
      outputBytes: host.node?.output.length,
    }));
    const played = await recorder.play();
    for (let number = 30; number < 60; number += 1) {
      expect(await sender.ask({ user_id: 'receiver', data: number }, number)).toMatchObject({
        event: 'ack',
        data: { delivered: 1, complete: true },
      });
    }
    recorder.stop();

    await untilReceived(receiver, 59);
    const got = numbersIn(receiver).filter((number) => number > 0);
    expect(got.filter((number) => number < 1_000)).toEqual(
      Array.from({ length: 59 }, (_, index) => index + 1),
    );
    expect(got.filter((number) => number > 1_000)).toEqual(
      Array.from({ length: 29 }, (_, index) => 1_001 + index),
    );
    expect(numbersIn(other).filter((number) => number > 0)).toEqual([]);
    alive.forEach((host, index) => {
      const peer = alive[1 - index] as LanHost;
      const toHost = played.get(`${peer.address} to ${host.address}`) ?? 0;
      const { replayed, forged, outputBytes } = before[index] as (typeof before)[number];
      // Both have said much to each other, all of it is refused, and so is every copy that was changed within.
      expect(toHost).toBeGreaterThan(30);
      expect(refused(host, 'replayed') - replayed).toBeGreaterThanOrEqual(toHost);
      expect(refused(host, 'forged')).toBeGreaterThan(forged);
      // Nobody came, went, or lost anything because of it.
      expect(host.node?.output.slice(outputBytes)).not.toMatch(
        /Node .*(joined|left|lost)|Delivery not certain/,
      );
    });
  });

  it('leaves nothing behind: the next LAN removes what is left of runs that were killed', async () => {
    const ended = spawn('true');
    await once(ended, 'exit');
    const living = spawn('sleep', ['60']);
    const namespaces = [ended, living].map(({ pid }) => `lf${pid}-1-host1`) as [string, string];
    for (const namespace of namespaces) execFileSync('ip', ['netns', 'add', namespace]);
    const orphan = spawn('ip', ['netns', 'exec', namespaces[0], 'sleep', '60']);
    await untilListed(namespaces[0]);
    const isGone = once(orphan, 'exit');
    new Lan(0).destroy();
    const left = execFileSync('ip', ['netns', 'list']).toString();
    await isGone;
    execFileSync('ip', ['netns', 'del', namespaces[1]]);
    living.kill();
    expect(left).not.toContain(namespaces[0]);
    expect(left).toContain(namespaces[1]);
  });
});
