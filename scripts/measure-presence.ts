/**
 * Measures presence of a room on two nodes: what it costs when all members, who watch each other, leave and come back once; and how
 * long a watcher waits for the truth when a node with many members is killed, with numbers and with a list.
 * `npm run measure -- presence [members who watch] [members of the killed node]`.
 *
 * Needs a build (npm run build).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from '../test/support/environment.js';
import { NodeProcess } from '../test/support/node-process.js';
import { RoomMembers } from './room-members.js';

const [watching = 200, killed = 1_000] = process.argv.slice(3).map(Number);
const GRACE_MS = 10_000;
const join = (presence: string) => ({ event: 'join', data: { room: 'hall', presence } });
const leave = { event: 'leave', data: { room: 'hall' } };

interface Shown {
  readonly members?: readonly unknown[];
  readonly joined?: readonly unknown[];
  readonly left?: readonly unknown[];
  readonly more?: boolean;
  readonly count?: { readonly users: number };
}

/** Two nodes of one cluster. */
async function startNodes(membersMax: number): Promise<[NodeProcess, NodeProcess]> {
  const env = clusterEnvironment({
    CLUSTER_BUS: 'udp',
    ROOM_ACCESS: 'open',
    PRESENCE_MEMBERS_MAX: String(membersMax),
    PRESENCE_GRACE_MS: String(GRACE_MS),
    WS_MESSAGES_PER_SECOND: '0',
    WS_PING_INTERVAL_MS: '0',
  });
  const nodes = await Promise.all([NodeProcess.start(env), NodeProcess.start(env)]);
  await Promise.all(nodes.map(async (node) => node.waitForOutput(/joined/)));
  return nodes;
}

/** A client that watches. It resolves when so many users are shown. */
async function watcherOf(node: NodeProcess): Promise<(users: number) => Promise<void>> {
  const client = await TestClient.connect(node.url('user_id=watcher'), [V1]);
  let shown = 0;
  let isNew = true;
  client.send(join('watch'));
  return async (users) => {
    while (shown !== users) {
      const { event, data } = (await client.nextJson()) as { event: string; data: Shown };
      if (event !== 'presence') continue;
      const { members, joined = [], left = [], more, count } = data;
      if (count !== undefined) shown = count.users;
      else if (members !== undefined) {
        shown = (isNew ? 0 : shown) + members.length;
        isNew = more !== true;
      } else shown += joined.length - left.length;
    }
  };
}

async function leaveAndComeBack(): Promise<void> {
  const nodes = await startNodes(1_000);
  const untilShown = await watcherOf(nodes[0]);
  const crowd = new RoomMembers();
  await crowd.connect(
    watching,
    nodes.map(({ port }) => port),
    'm',
  );
  crowd.sendAll(join('both'));
  await untilShown(watching);
  await crowd.untilQuiet();
  for (const [what, frame, users] of [
    ['leave', leave, 0],
    ['come back', join('both'), watching],
  ] as const) {
    const [before, start] = [crowd.bytes, performance.now()];
    for (let index = 0; index < watching; index += 1) {
      crowd.send(index, frame);
      // not all in one moment, so that those who are still there are told
      if (index % 5 === 4) await sleep(5);
    }
    await untilShown(users);
    const ms = performance.now() - start;
    await crowd.untilQuiet();
    const bytes = crowd.bytes - before;
    process.stdout.write(
      `${watching} members, all watching, ${what}: one who watches sees it all after ${ms.toFixed(0)} ms; ` +
        `${(bytes / 1e6).toFixed(2)} MB to the members, ${(bytes / watching ** 2).toFixed(1)} bytes each and each\n`,
    );
  }
  crowd.close();
  await Promise.all(nodes.map(async (node) => node.kill()));
}

async function killNode(membersMax: number): Promise<void> {
  const [first, second] = await startNodes(membersMax);
  const untilShown = await watcherOf(first);
  const crowd = new RoomMembers();
  await crowd.connect(killed, [second.port], 'm');
  crowd.sendAll(join('enter'));
  await untilShown(killed);
  await sleep(1_000);
  const start = performance.now();
  second.signal('SIGKILL');
  await first.waitForOutput(/lost/);
  const dead = performance.now() - start;
  await untilShown(0);
  const ms = performance.now() - start;
  process.stdout.write(
    `a node with ${killed} members killed, PRESENCE_MEMBERS_MAX=${membersMax}: found dead after ${dead.toFixed(0)} ms, ` +
      `shown so after ${ms.toFixed(0)} ms, ${(ms - dead - GRACE_MS).toFixed(0)} ms after the grace\n`,
  );
  crowd.close();
  await first.kill();
}

await leaveAndComeBack();
await killNode(10_000);
await killNode(Math.min(1_000, Math.floor(killed / 2)));
