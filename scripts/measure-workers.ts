/**
 * One process and two workers on the same port: how fast they accept, what the primary itself spends for each connection,
 * and what a message costs. The clients are held by processes beside them, which take processor time too: on a machine of
 * two processors two workers can't be twice as fast.
 *
 * Needs a build (npm run build) and a C compiler.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { PrimaryProcess } from '../test/support/primary-process.js';
import { processCpuMs } from './measuring.js';
import { Holder } from './million/holder.js';
import { Holders } from './million/holders.js';
import { tokenOf } from './million/tokens.js';

const HOLDERS = 2;
const CONNECTIONS_OF_A_HOLDER = 4_000;
const CONNECTIONS = HOLDERS * CONNECTIONS_OF_A_HOLDER;
const WAITING = 32;
const MESSAGES_PER_SECOND = [5_000, 15_000];
const WARM_UP_MS = 3_000;
const MEASURED_MS = 5_000;
const ARRIVAL_MS = 2_000;
const POLL_MS = 20;

interface Server {
  readonly port: number;
  /** The primary comes first, where there is one. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

async function start(workers: number, secret: string): Promise<Server> {
  const env = { AUTH_MODE: 'jwt', AUTH_JWT_SECRET: secret, WS_MESSAGES_PER_SECOND: '0' };
  if (workers === 1) {
    const node = await NodeProcess.start(clusterEnvironment(env));
    return { port: node.port, pids: [node.pid], stop: async () => node.stop() };
  }
  const primary = await PrimaryProcess.start(env, workers);
  const { port, pid } = primary.process;
  const pids = Array.from({ length: workers }, (_, index) => primary.pidsOf(index + 1)).flat();
  return { port, pids: [pid, ...pids], stop: async () => primary.process.stop() };
}

const us = (ms: number, count: number): string => `${((ms * 1_000) / count).toFixed(0)} us`;

const total = (parts: number[]): number => parts.reduce((sum, ms) => sum + ms, 0);

async function measure(workers: number, program: string): Promise<void> {
  const secret = randomBytes(32).toString('hex');
  const server = await start(workers, secret);
  const holders = new Holders(Array.from({ length: HOLDERS }, (_, index) => Holder.start(program, index)));
  process.once('exit', () => holders.stop());
  for (const [index, holder] of holders.all.entries()) {
    const first = index * CONNECTIONS_OF_A_HOLDER;
    await holder.add(
      Array.from({ length: CONNECTIONS_OF_A_HOLDER }, (_, client) => tokenOf(`u${first + client}`, secret)),
    );
  }
  const cpu = (): number[] => server.pids.map(processCpuMs);
  const spentSince = (before: number[]): number[] => cpu().map((ms, index) => ms - (before[index] as number));

  const before = cpu();
  const began = performance.now();
  holders.tell(`targets 1000 ${server.port}`);
  holders.tell(`fill ${WAITING}`);
  while ((await holders.totals()).counters.open < CONNECTIONS) await sleep(POLL_MS);
  const tookMs = performance.now() - began;
  const spent = spentSince(before);
  process.stdout.write(
    `${workers} workers: ${((CONNECTIONS * 1_000) / tookMs).toFixed(0)} connections a second, ` +
      `${us(total(spent), CONNECTIONS)} of all processes each` +
      `${workers === 1 ? '' : `, of it the primary ${us(spent[0] as number, CONNECTIONS)}`}\n`,
  );
  await holders.meet(CONNECTIONS_OF_A_HOLDER);
  for (const perSecond of MESSAGES_PER_SECOND) {
    holders.share(perSecond, (each) => `send ${each}`);
    await sleep(WARM_UP_MS);
    holders.tell('anew');
    const [from, start] = [cpu(), await holders.totals()];
    await sleep(MEASURED_MS);
    const [cost, end] = [total(spentSince(from)), await holders.totals()];
    holders.tell('send 0');
    await sleep(ARRIVAL_MS);
    const received = end.counters.received - start.counters.received;
    process.stdout.write(
      `${workers} workers, ${perSecond} messages a second offered: ${((received * 1_000) / MEASURED_MS).toFixed(0)} arrived, ` +
        `${us(cost, received)} each, ${(cost / MEASURED_MS).toFixed(2)} cores, ${end.latency.text}\n`,
    );
  }
  holders.stop();
  await server.stop();
}

const program = Holder.compile();
for (const workers of [1, 2, 1, 2]) await measure(workers, program);
