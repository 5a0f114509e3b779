/**
 * Measures what rooms cost: 100,000 rooms with 1,000,000 memberships, spread over a cluster of 8. Memory of a membership and a
 * room on the node that has them, of a room on the nodes that only know of it, and the CPU of one join and one leave.
 *
 * The members are fakes: what a connection costs is not counted (npm run bench -- --scenarios idle). The core runs without the
 * cipher, as in `npm run measure -- core`.
 */
import { Logger } from '@nestjs/common';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NoneBus } from '../src/cluster/bus/none-bus.js';
import { Cluster } from '../src/cluster/cluster.js';
import { Directory } from '../src/cluster/protocol/directory/directory.js';
import { NameHasher } from '../src/cluster/protocol/directory/name-hash.js';
import { ConnectionRegistry } from '../src/connections/connection-registry.js';
import { FakeDevice } from '../src/connections/testing/fake-device.js';
import { Memberships } from '../src/rooms/memberships.js';
import { connect, makeNode } from './measured-pair.js';
import { measure } from './measuring.js';

const NODES = 8;
const ROOMS = 100_000;
const MEMBERSHIPS = 1_000_000;
const ROOMS_PER_CONNECTION = 20;
const HERE = MEMBERSHIPS / NODES;
/** Coprime to the number of rooms: every room gets as many members as every other. */
const STRIDE = 7_919;

Logger.overrideLogger(false);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const memory = (): number => {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const us = (ms: number, count: number): string => `${((ms * 1_000) / count).toFixed(2)} us`;
/** A new string each time, as it comes out of a frame. */
const nameOf = (membership: number): string => `room:${(membership * STRIDE) % ROOMS}`;

// one node's members
const connections = new ConnectionRegistry();
const cluster = new Cluster(new NoneBus('measured'));
const memberships = new Memberships(connections, cluster, {
  ROOM_ACCESS: 'open',
  ROOMS_PER_CONNECTION,
  ROOMS_MEMBERSHIPS_MAX: HERE,
});
memberships.onModuleInit();
const devices = Array.from(
  { length: HERE / ROOMS_PER_CONNECTION },
  (_, index) => new FakeDevice(`c${index}`, `u${index}`),
);
for (const device of devices) connections.add(device);
const deviceOf = (membership: number): FakeDevice =>
  devices[Math.floor(membership / ROOMS_PER_CONNECTION)] as FakeDevice;
const before = memory();
const joining = measure(() => {
  for (let index = 0; index < HERE; index += 1)
    memberships.join(deviceOf(index), nameOf(index), () => undefined);
});
const ofMembers = memory() - before;
const roomsHere = memberships.rooms;
say(
  `one of ${NODES} nodes: ${HERE} memberships in ${roomsHere} rooms take ${(ofMembers / 1e6).toFixed(1)} MB: ` +
    `${(ofMembers / HERE).toFixed(0)} bytes a membership with its share of a room; a join ${us(joining, HERE)}`,
);
const leaving = measure(() => {
  for (let index = 0; index < HERE; index += 1) memberships.leave(deviceOf(index), nameOf(index));
});
say(`a leave ${us(leaving, HERE)}; ${(Math.max(0, memory() - before) / 1e6).toFixed(1)} MB stay`);

// a large room, in which a room's own memory does not count
for (const device of devices) memberships.join(device, 'hall', () => undefined);
memberships.leave(devices[0] as FakeDevice, 'hall');
const small = memory();
for (const device of devices) memberships.join(device, 'gallery', () => undefined);
say(`a membership in a large room: ${((memory() - small) / devices.length).toFixed(0)} bytes`);

// what the core keeps and sends for the rooms of its own node
const [holder, other] = [makeNode(1, 0), makeNode(2, 0)];
const pair = connect(holder, other);
while (other.peers()[0]?.complete !== true) pair.turn(0.5);
const empty = memory();
const wire = pair.bytes;
let announced = 0;
const announcing = measure(() => {
  for (; announced < roomsHere; announced += 1) {
    holder.join(pair.now, { kind: 'room', name: `room:${announced}` }, announced + 1);
    if (announced % 1_000 === 999) pair.turn(1);
  }
  while (other.statistics().directoryEntries < roomsHere) pair.turn(1);
});
say(
  `the first member of a room: ${us(announcing, roomsHere)} on both ends, ${((pair.bytes - wire) / roomsHere).toFixed(1)} bytes on the ` +
    `wire; ${((memory() - empty) / roomsHere).toFixed(0)} bytes on both nodes`,
);
const withdrawing = measure(() => {
  for (let index = 0; index < roomsHere; index += 1) {
    holder.leave(pair.now, { kind: 'room', name: `room:${index}` }, index + 1);
    if (index % 1_000 === 999) pair.turn(1);
  }
  while (other.statistics().directoryEntries > 0) pair.turn(50);
});
say(`the last member: ${us(withdrawing, roomsHere)} on both ends`);

// what a node knows of the seven others
const hasher = new NameHasher(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));
const directory = new Directory();
let entries = 0;
for (let node = 1; node < NODES; node += 1) {
  const slot = directory.takeSlot();
  for (let index = 0; index < roomsHere; index += 1) {
    hasher.hash(nameOf(node * HERE + index));
    directory.add(hasher.low, hasher.high, slot);
    entries += 1;
  }
}
say(
  `what it knows of the ${NODES - 1} others: ${entries} entries, ${(directory.bytes / 1e6).toFixed(1)} MB: ` +
    `${(directory.bytes / entries).toFixed(1)} bytes for each room and node that has it`,
);
