/**
 * What a join costs a cluster of 2, 8, 32 and 56 nodes: one by one, in a storm at one node, and in a storm at all of them.
 *
 * The nodes are the protocol's core with its sealing, on a virtual LAN in virtual time. So the datagrams are those of a
 * machine that keeps up, whatever this one does beside. A datagram costs some 4 us to read and 6 us to send.
 */
import { nodeCipherSuite } from '../src/cluster/bus/cipher-suites.js';
import { userNamed, VirtualLan, type Host } from '../src/cluster/protocol/testing/virtual-lan.js';

const MEMBERS = [2, 8, 32, 56];
const SETTLE_MS = 6_000;
/** Name, joins a second, how many nodes are joined, milliseconds. */
const LOADS: readonly [string, number, number, number][] = [
  ['one by one', 2, 1, 5_000],
  ['a storm at one node', 2_500, 1, 500],
  ['a storm at all nodes', 2_500, Infinity, 500],
];

let users = 0;

/** Joins one user after the other, at the nodes in turn. Returns how long each waited, in ms; Infinity: somebody was late. */
function join(lan: VirtualLan, nodes: readonly Host[], perSecond: number, forMs: number): number[] {
  const waiting = new Map<number, number>();
  const waits: number[] = [];
  const collect = (): void => {
    for (const host of nodes) {
      for (const event of host.events) {
        if (event.type !== 'reachable') continue;
        waits.push(event.complete ? lan.now - (waiting.get(event.token) as number) : Infinity);
      }
      host.events.length = 0;
    }
  };
  const step = (ms: number): void => {
    for (const end = lan.now + ms; lan.now < end; collect()) lan.run(Math.min(0.5, end - lan.now));
  };
  for (let count = 0; count < (perSecond * forMs) / 1_000; count += 1) {
    const host = nodes[count % nodes.length] as Host;
    users += 1;
    waiting.set(users, lan.now);
    host.node.join(lan.now, userNamed(`user-${users}`), users);
    step(1_000 / perSecond);
  }
  step(200);
  return waits.sort((a, b) => a - b);
}

process.stdout.write(
  'members, load: datagrams that each other node reads and sends a join; wait p50/p99 ms\n',
);
for (const members of MEMBERS) {
  const lan = new VirtualLan(nodeCipherSuite);
  for (let index = 0; index < members; index += 1) lan.add(`n${index}`);
  lan.run(SETTLE_MS);
  for (const [name, perSecond, joined, forMs] of LOADS) {
    for (const { events } of lan.hosts) events.length = 0;
    lan.recorded.length = 0;
    const waits = join(lan, lan.hosts.slice(0, joined), perSecond, forMs);
    const others = waits.length * (members - 1);
    const sent = lan.recorded.length;
    const read = lan.recorded.reduce(
      (sum, { transmit }) => sum + (transmit.to === null ? members - 1 : 1),
      0,
    );
    const wait = (share: number): string => (waits[Math.floor(waits.length * share)] as number).toFixed(1);
    process.stdout.write(
      `${members}, ${name}: ${(read / others).toFixed(3)} read, ${(sent / others).toFixed(3)} sent, ` +
        `${wait(0.5)}/${wait(0.99)} ms\n`,
    );
  }
}
