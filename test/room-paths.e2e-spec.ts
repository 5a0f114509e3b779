import { describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../src/index.js';
import { TestClient } from '../src/testing/test-client.js';
import { Attendee, completeShare, disordered, miscounted, passedOver } from './support/attendee.js';
import { startCluster } from './support/cluster.js';
import type { TestNode } from './support/node.js';

// a node holds a room for 5 s after its last member
jest.setTimeout(60_000);

const NODES = 5;
const ROUNDS = 2;
const EVERY_MS = 10;
/** So many in a row show which way is taken. */
const MANY = 40;

describe('a room on five nodes', () => {
  it('goes by one broadcast while all have members, and to each node while they do not: nothing is missed or doubled', async () => {
    const nodes = await startCluster(NODES, { ROOM_ACCESS: 'open', WS_MESSAGES_PER_SECOND: '0' });
    const enter = async (attendee: Attendee, index: number): Promise<void> =>
      attendee.join(await TestClient.ready((nodes[index] as TestNode).url(`user_id=${attendee.user}`)));
    const staying = await Promise.all(
      [0, 1, 2, 3].map(async (index) => {
        const attendee = new Attendee(`a${index}`, 'hall');
        await enter(attendee, index);
        return attendee;
      }),
    );
    let isOver = false;
    const [first, second] = staying as [Attendee, Attendee];
    const talking = [first, second].map(async (attendee) => attendee.sayOn(() => isOver, EVERY_MS));
    const { broadcasts, unicasts } = countersOf(nodes[0] as TestNode);

    const nomad = new Attendee('nomad', 'hall');
    for (let round = 0; round < ROUNDS; round += 1) {
      await enter(nomad, NODES - 1);
      const before = broadcasts();
      while (broadcasts() < before + MANY) await sleep(EVERY_MS);
      await nomad.stay.client.close();
      for (let isUnicast = false; !isUnicast;) {
        const [sent, toAll] = [unicasts(), broadcasts()];
        while (unicasts() < sent + MANY && broadcasts() === toAll) await sleep(EVERY_MS);
        isUnicast = broadcasts() === toAll;
      }
    }
    isOver = true;
    await Promise.all(talking);

    const said = first.said.length + second.said.length;
    while (staying.some(({ stay }) => stay.heard.all.length < said)) await sleep(EVERY_MS);
    const all = [...staying, nomad];
    expect([...miscounted(all), ...passedOver(all)]).toEqual([]);
    expect(disordered(all)).toEqual([]);
    for (const { stay } of staying) expect(stay.heard.all.length).toBe(said);
    for (const { heard } of nomad.stays) expect(heard.all.length).toBeGreaterThan(MANY);
    expect(completeShare([first, second])).toBeGreaterThan(0.9);
  });
});

/** Messages to rooms that a node sent by broadcast, and copies of messages that it sent by unicast. */
function countersOf(node: TestNode): { broadcasts: () => number; unicasts: () => number } {
  const cluster = node.app.get(Cluster);
  return {
    broadcasts: () => cluster.statistics().roomBroadcasts,
    unicasts: () => cluster.statistics().messagesSent,
  };
}
