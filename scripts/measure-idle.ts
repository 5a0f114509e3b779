/**
 * Measures what heartbeats and reports cost an idle node: without a cluster, then in clusters of 8, 48 and 128. The measured
 * node is a whole one, in a process of its own. Its companions are only the protocol and its sockets, all in this process:
 * 127 whole nodes would not fit the machine.
 *
 * Needs a build (npm run build).
 */
import { Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolBus } from '../src/cluster/bus/protocol-bus.js';
import { UdpCarrier } from '../src/cluster/carrier/udp-carrier.js';
import { udpBroadcastVariables } from '../src/udp-broadcast/udp-broadcast.config.js';
import { UdpBroadcast } from '../src/udp-broadcast/udp-broadcast.js';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { processCpuMs } from './measuring.js';

const MEMBERS = [1, 8, 48, 128];
/** In this time the nodes meet, and V8 compiles in the background and collects the garbage of that. */
const SETTLE_MS = 30_000;
const MEASURED_MS = 20_000;
const CORE_MS = MEASURED_MS / 100;
/** 127 nodes that start at once meet 16,000 times. That would take this one process longer than nodes wait. */
const STARTED_TOGETHER = 8;

/** Nodes without clients, each with its own sockets. */
async function startCompanions(
  count: number,
  env: Readonly<Record<string, string | undefined>>,
): Promise<() => Promise<void>> {
  const companions = Array.from({ length: count }, (_, index) => {
    const udp = new UdpBroadcast(udpBroadcastVariables.parse(env));
    const config = {
      CLUSTER_NAME: env['CLUSTER_NAME'] as string,
      CLUSTER_SECRET: [env['CLUSTER_SECRET'] as string],
      NODE_NAME: `companion-${index}`,
      version: 'companion',
    };
    return { udp, bus: new ProtocolBus(randomBytes(12), config, new UdpCarrier(udp)) };
  });
  for (let first = 0; first < count; first += STARTED_TOGETHER) {
    const group = companions.slice(first, first + STARTED_TOGETHER);
    await Promise.all(group.map(async ({ bus }) => bus.start()));
  }
  return async () => {
    await Promise.all(companions.map(async ({ bus }) => bus.stop()));
    await Promise.all(companions.map(async ({ udp }) => udp.close()));
  };
}

// Otherwise each of 127 companions would log who came and went.
Logger.overrideLogger(['error']);
let alone = 0;
for (const members of MEMBERS) {
  const env = clusterEnvironment({ CLUSTER_BUS: members === 1 ? 'none' : 'udp' });
  const stopCompanions = await startCompanions(members - 1, env);
  const node = await NodeProcess.start({ ...env, NODE_NAME: 'measured' });
  await sleep(SETTLE_MS);
  const before = [node.pid, process.pid].map(processCpuMs) as [number, number];
  await sleep(MEASURED_MS);
  const share = (processCpuMs(node.pid) - before[0]) / CORE_MS;
  const shareOfCompanion = (processCpuMs(process.pid) - before[1]) / CORE_MS / (members - 1);
  if (members === 1) alone = share;
  process.stdout.write(
    members === 1
      ? `an idle node without a cluster: ${share.toFixed(2)}% of a core\n`
      : `one of ${members}: ${share.toFixed(2)}%, of it the cluster ${(share - alone).toFixed(2)}%; ` +
          `its companions, which share caches and wake-ups: ${shareOfCompanion.toFixed(2)}% each\n`,
  );
  await node.stop();
  await stopCompanions();
}
