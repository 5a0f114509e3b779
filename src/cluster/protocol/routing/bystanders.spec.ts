/** What a room costs the nodes that have no member of it: counted in datagrams, not in time. */
import { expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { roomNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_PING, FRAME_PONG, FRAME_REPORT } from '../wire/frames.js';

const PUBLISHES = 1_000;
/** Signs of life, which come without a room too. */
const IDLE: ReadonlySet<number> = new Set([FRAME_REPORT, FRAME_PING, FRAME_PONG]);

it('a room on two of eight nodes sends the other six nothing, volatile or not', () => {
  const lan = new VirtualLan(nodeCipherSuite);
  const wire = new OpenWire(lan, nodeCipherSuite);
  const hosts = Array.from({ length: 8 }, (_, index) => lan.add(`n${index}`));
  const [publisher, member, ...others] = hosts as [Host, Host, ...Host[]];
  for (const [token, { node }] of [publisher, member].entries()) {
    node.join(lan.now, roomNamed('hall'), token + 1);
  }
  lan.run(5_000);
  lan.recorded.length = 0;
  for (let count = 0; count < PUBLISHES; count += 1) {
    const message = { room: 'hall', from: 'ann', data: Buffer.from(String(count)) };
    publisher.node.sendToRoom(lan.now, { ...message, isVolatile: count % 2 === 0 }, 0);
    lan.run(1);
  }
  expect(lan.of(member, 'room-message')).toHaveLength(PUBLISHES);
  const endpoints = new Set(others.map(({ endpoint }) => endpoint));
  const reaching = lan.recorded.filter(({ transmit: { to } }) => to === null || endpoints.has(to));
  const types = reaching.flatMap(({ transmit }) => wire.framesOf(transmit).map(({ type }) => type));
  expect(types.length).toBeGreaterThan(0);
  expect(types.filter((type) => !IDLE.has(type))).toEqual([]);
});
