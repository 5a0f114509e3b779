/**
 * Measures the directory with 1,000,000 users of other nodes: bytes for each user, a look-up, a change, and the longest
 * pause while it grows. Then it measures what it costs a new node to learn so many users of another node, through the core
 * and without the cipher.
 */
import { Directory } from '../src/cluster/protocol/directory/directory.js';
import { NameHasher } from '../src/cluster/protocol/directory/name-hash.js';
import { connect, makeNode } from './measured-pair.js';
import { measure } from './measuring.js';

const USERS = 1_000_000;
const NODES = 8;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const each = (ms: number): string => `${((ms * 1_000) / USERS).toFixed(3)} us`;

const hasher = new NameHasher(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));
const ids = Array.from({ length: USERS }, (_, user) => `user-${user}`);
const absent = ids.map((id) => `no-${id}`);
const directory = new Directory();
const slots = Array.from({ length: NODES }, () => directory.takeSlot());

const filling = measure(() => {
  ids.forEach((id, user) => {
    hasher.hash(id);
    directory.add(hasher.low, hasher.high, slots[user % NODES] as number);
  });
});
say(
  `${USERS} users of ${NODES} nodes: ${(directory.bytes / USERS).toFixed(1)} bytes a user, in ${each(filling)} each`,
);

// Other processes' time slices look like stalls: a stall of ours is at the same insertion in every round.
const ROUNDS = 3;
const stalls = new Float64Array(USERS).fill(Infinity);
for (let round = 0; round < ROUNDS; round += 1) {
  const growing = new Directory();
  const slot = growing.takeSlot();
  for (let user = 0; user < USERS; user += 1) {
    hasher.hash(ids[user] as string);
    const started = performance.now();
    growing.add(hasher.low, hasher.high, slot);
    stalls[user] = Math.min(stalls[user] as number, performance.now() - started);
  }
}
const longest = stalls.reduce((worst, ms) => Math.max(worst, ms), 0);
say(
  `longest stall while growing to ${USERS}: ${longest.toFixed(2)} ms (the least of ${ROUNDS} rounds at each insertion)`,
);
const out: number[] = [];
for (const [name, list] of [['present', ids] as const, ['absent', absent] as const]) {
  let found = 0;
  const looking = measure(() => {
    for (const id of list) {
      hasher.hash(id);
      found += directory.holders(hasher.low, hasher.high, out, 0);
    }
  });
  say(`look-up of a user who is ${name}, hashing included: ${each(looking)} (${found} found)`);
}
const removing = measure(() => {
  ids.forEach((id, user) => {
    hasher.hash(id);
    directory.remove(hasher.low, hasher.high, slots[user % NODES] as number);
  });
});
say(`removal: ${each(removing)}`);

const holder = makeNode(1, 0);
const joining = measure(() =>
  ids.forEach((id, user) => holder.join(0, { kind: 'user', name: id }, user + 1)),
);
holder.flush(0);
say(`announcing ${USERS} users: ${each(joining)} each`);
const newcomer = makeNode(2, 0);
const pair = connect(holder, newcomer);
const started = performance.now();
const learning = measure(() => {
  while (newcomer.peers()[0]?.complete !== true) pair.turn(0.5);
});
const bytes = pair.bytes / USERS;
say(
  `a new node learns them in ${pair.now.toFixed(0)} ms of cluster time, ${learning.toFixed(0)} ms of CPU on both ends ` +
    `(${(performance.now() - started).toFixed(0)} ms here), ${bytes.toFixed(1)} bytes a user on the wire`,
);
if (newcomer.statistics().directoryEntries !== USERS) throw new Error('the newcomer has not learnt all');
