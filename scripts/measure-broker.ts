/**
 * Measures what a broker bears: its CPU with 2, 8 and 32 members, idle and while each member sends messages to the next. The
 * members are only the protocol and their carriers, all in this process. So their own CPU limits how much they send.
 */
import { Logger } from '@nestjs/common';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerProcess } from '../src/broker/testing/broker-process.js';
import { BROKERS } from '../src/broker/testing/brokers.js';
import { ProtocolBus } from '../src/cluster/bus/protocol-bus.js';
import { BrokerCarrier } from '../src/cluster/carrier/broker-carrier.js';
import { processCpuMs } from './measuring.js';

const MEMBERS = [2, 8, 32];
const SETTLE_MS = 8_000;
const MEASURED_MS = 8_000;
const TICK_MS = 10;
/** Of all members together. */
const MESSAGES_PER_TICK = 100;
const data = Buffer.alloc(64, '1');
const user = (index: number): string => `user-${index}`;

/** CPU of the broker and of the members, as shares of one core, and what was delivered in a second. */
async function measure(pid: number, delivered: () => number) {
  const before = [processCpuMs(pid), processCpuMs(process.pid), delivered()] as const;
  await sleep(MEASURED_MS);
  const share = (ms: number): string => `${((ms / MEASURED_MS) * 100).toFixed(1)}%`;
  const perSecond = Math.round((delivered() - before[2]) / (MEASURED_MS / 1_000));
  return `broker ${share(processCpuMs(pid) - before[0])}, all members ${share(processCpuMs(process.pid) - before[1])}, ${perSecond} messages/s`;
}

async function measureMembers(name: keyof typeof BROKERS, count: number): Promise<void> {
  const { client, program } = BROKERS[name];
  const broker = await BrokerProcess.start(program);
  const config = {
    CLUSTER_NAME: randomUUID(),
    CLUSTER_SECRET: [randomBytes(32).toString('hex')],
    version: 'measured',
  };
  let delivered = 0;
  const buses = Array.from({ length: count }, (_, index) => {
    const bootId = randomBytes(12);
    const carrier = new BrokerCarrier(client(broker.port), config.CLUSTER_NAME, bootId);
    const bus = new ProtocolBus(bootId, { ...config, NODE_NAME: `member-${index}` }, carrier);
    bus.messages$.subscribe(() => (delivered += 1));
    return bus;
  });
  await Promise.all(buses.map(async (bus) => bus.start()));
  for (const [index, bus] of buses.entries()) bus.join({ kind: 'user', name: user(index) }, () => undefined);
  await sleep(SETTLE_MS);
  const write = (what: string, figures: string): void =>
    void process.stdout.write(`${name}, ${count} members, ${what}: ${figures}\n`);
  write('idle', await measure(broker.pid, () => delivered));
  let refused = 0;
  const load = setInterval(() => {
    for (let sent = 0; sent < MESSAGES_PER_TICK; sent += 1) {
      const from = sent % count;
      const message = { to: user((from + 1) % count), from: null, data };
      if (buses[from]?.send(message, null) !== null) refused += 1;
    }
  }, TICK_MS);
  write('under load', `${await measure(broker.pid, () => delivered)}, ${refused} refused`);
  clearInterval(load);
  await Promise.all(buses.map(async (bus) => bus.stop()));
  await broker.end();
}

Logger.overrideLogger(['error']);
for (const name of Object.keys(BROKERS) as (keyof typeof BROKERS)[]) {
  for (const count of MEMBERS) await measureMembers(name, count);
}
