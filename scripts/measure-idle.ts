/**
 * What heartbeats and reports cost a node while nobody says anything: an idle node without a cluster, then in clusters of
 * 8, 48 and 128. The measured node is a whole one, in a process of its own; its companions are the cluster's protocol and
 * sockets alone, all in this process, or 128 of them would not fit the machine.
 *
 * Needs a build (npm run build).
 */
import { Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { UdpBus } from '../src/cluster/bus/udp-bus.js';
import { udpBroadcastVariables } from '../src/udp-broadcast/udp-broadcast.config.js';
import { UdpBroadcast } from '../src/udp-broadcast/udp-broadcast.js';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { processCpuMs } from './measuring.js';

const MEMBERS = [1, 8, 48, 128];
/** First contact, and V8 compiling in the background what that made hot. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 20_000;
const CORE_MS = MEASURED_MS / 100;

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
    return { udp, bus: new UdpBus(randomBytes(12), config, udp) };
  });
  await Promise.all(companions.map(async ({ bus }) => bus.start()));
  return async () => {
    await Promise.all(companions.map(async ({ bus }) => bus.stop()));
    await Promise.all(companions.map(async ({ udp }) => udp.close()));
  };
}

// 127 companions would all say who came and went.
Logger.overrideLogger(['error']);
let alone = 0;
for (const members of MEMBERS) {
  const env = clusterEnvironment({ CLUSTER_BUS: members === 1 ? 'none' : 'udp' });
  const stopCompanions = await startCompanions(members - 1, env);
  const node = await NodeProcess.start({ ...env, NODE_NAME: 'measured' });
  await sleep(SETTLE_MS);
  const before = processCpuMs(node.pid);
  await sleep(MEASURED_MS);
  const share = (processCpuMs(node.pid) - before) / CORE_MS;
  if (members === 1) alone = share;
  process.stdout.write(
    members === 1
      ? `an idle node without a cluster: ${share.toFixed(2)}% of a core\n`
      : `one of ${members}: ${share.toFixed(2)}%, of it the cluster ${(share - alone).toFixed(2)}%\n`,
  );
  await node.stop();
  await stopCompanions();
}
