/**
 * Measures many small rooms: rooms of 5 members on three nodes, a message a second to each, and 500 joins and leaves a second
 * beside it. `npm run measure -- small-rooms [rooms]`.
 *
 * Needs a build (npm run build).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { processCpuMs } from './measuring.js';
import { RoomMembers } from './room-members.js';

const [rooms = 1_000] = process.argv.slice(3).map(Number);
const NODES = 3;
const MEMBERS = 5;
const ROOMS_PER_CONNECTION = 50;
const CHANGES_PER_SECOND = 500;
const MEASURED_S = 10;
const TICK_MS = 10;

const env = clusterEnvironment({
  CLUSTER_BUS: 'udp',
  ROOM_ACCESS: 'open',
  WS_MESSAGES_PER_SECOND: '0',
  WS_PING_INTERVAL_MS: '0',
});
const nodes = await Promise.all(Array.from({ length: NODES }, async () => NodeProcess.start(env)));
await Promise.all(nodes.map(async (node) => node.waitForOutput(/joined[^]*joined/)));
const ports = nodes.map(({ port }) => port);
const connections = Math.ceil((rooms * MEMBERS) / ROOMS_PER_CONNECTION);
const crowd = new RoomMembers();
await crowd.connect(connections, ports, 'm');
/** The members of a room are connections that follow each other, so they are on all nodes. */
const memberOf = (room: number, member: number): number => (room + member) % connections;
for (let room = 0; room < rooms; room += 1) {
  for (let member = 0; member < MEMBERS; member += 1) {
    crowd.send(memberOf(room, member), { event: 'join', data: { room: `room:${room}` } });
  }
  if (room % 100 === 0) await sleep(1);
}
// in the way of all others, and measured by clients of its own
const [asker, hearer] = await Promise.all(
  nodes.slice(0, 2).map(async (node) => TestClient.ready(node.url('user_id=probe'), [V1])),
);
for (const client of [asker, hearer]) await client?.ask({ event: 'join', data: { room: 'probe' } });
await crowd.untilQuiet();

const cpu = (): number => nodes.reduce((sum, { pid }) => sum + processCpuMs(pid), 0);
const [framesBefore, cpuBefore, start] = [crowd.frames, cpu(), performance.now()];
let published = 0;
let changes = 0;
let turn = 0;
const timer = setInterval(() => {
  const due = (performance.now() - start) / 1_000;
  for (; published < due * rooms && published < rooms * MEASURED_S; published += 1) {
    const room = published % rooms;
    const data = { room: `room:${room}`, data: 'x'.repeat(64) };
    crowd.send(memberOf(room, Math.floor(published / rooms) % MEMBERS), { event: 'publish', data });
  }
  for (; changes < due * CHANGES_PER_SECOND; changes += 1) {
    const event = changes % 2 === 0 ? 'join' : 'leave';
    crowd.send(Math.floor(changes / 2) % connections, {
      event,
      data: { room: `passing:${Math.floor(changes / 2) % 5_000}` },
    });
  }
}, TICK_MS);
const latencies: number[] = [];
while (performance.now() - start < MEASURED_S * 1_000) {
  const sentAt = performance.now();
  asker?.send({ event: 'publish', data: { room: 'probe', data: (turn += 1), echo: false } });
  await hearer?.next();
  latencies.push(performance.now() - sentAt);
  await sleep(20);
}
const seconds = (performance.now() - start) / 1_000;
const cores = (cpu() - cpuBefore) / 1_000 / seconds;
clearInterval(timer);
await crowd.untilQuiet();
latencies.sort((one, other) => one - other);
const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] as number).toFixed(1);
const came = crowd.frames - framesBefore;
process.stdout.write(
  `${rooms} rooms of ${MEMBERS} on ${NODES} nodes, ${(published / seconds).toFixed(0)} messages and ${(changes / seconds).toFixed(0)} joins ` +
    `and leaves a second: ${came} of ${published * MEMBERS} deliveries, ${cores.toFixed(2)} cores of the nodes, ` +
    `${((cores * seconds * 1e6) / came).toFixed(1)} us a delivery; a probe from node to node p50 ${at(0.5)}, p99 ${at(0.99)} ms\n`,
);
crowd.close();
await Promise.all(nodes.map(async (node) => node.kill()));
process.exit(0);
