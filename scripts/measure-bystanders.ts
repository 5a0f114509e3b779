/**
 * Measures whom a large room delays: the time of messages between two users on a node, without and with a room of many members
 * on the same node that is published to. `npm run measure -- bystanders [members] [publications a second]`.
 *
 * Needs a build (npm run build), and a file limit above the number of members.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { NodeProcess } from '../test/support/node-process.js';
import { RoomMembers } from './room-members.js';

const [members = 2_000, perSecond = 5] = process.argv.slice(3).map(Number);
const MEASURED_MS = 10_000;
const join = { event: 'join', data: { room: 'hall' } };
const publish = { event: 'publish', data: { room: 'hall', data: 'x'.repeat(64) } };

const node = await NodeProcess.start({
  CLUSTER_BUS: 'none',
  ROOM_ACCESS: 'open',
  WS_MESSAGES_PER_SECOND: '0',
  WS_PING_INTERVAL_MS: '0',
  WS_MAX_CONNECTIONS_PER_USER: '0',
});
const pair = new Worker(new URL('./well-behaved-pair.js', import.meta.url), {
  workerData: { port: node.port },
});
await once(pair, 'message');
const crowd = new RoomMembers();
await crowd.connect(members, [node.port], 'm');
crowd.sendAll(join);
await crowd.untilQuiet();

async function measurePair(title: string): Promise<void> {
  pair.postMessage('forget', []);
  await once(pair, 'message');
  const before = crowd.frames;
  await sleep(MEASURED_MS);
  pair.postMessage('tell', []);
  const [{ latencies }] = (await once(pair, 'message')) as [{ latencies: number[] }];
  latencies.sort((one, other) => one - other);
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] as number).toFixed(2);
  const rate = ((crowd.frames - before) / MEASURED_MS) * 1_000;
  process.stdout.write(
    `${title}: ${latencies.length} messages, p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${latencies.at(-1)?.toFixed(2)} ms; ` +
      `${rate.toFixed(0)} deliveries to the room a second\n`,
  );
}

await measurePair(`a room of ${members} that is quiet`);
const timer = setInterval(() => crowd.send(0, publish), 1_000 / perSecond);
await measurePair(`${perSecond} publications a second to it`);
clearInterval(timer);
await pair.terminate();
crowd.close();
await node.kill();
