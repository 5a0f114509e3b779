import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { TestClient } from '../src/testing/test-client.js';
import { startCluster } from './support/cluster.js';
import type { TestNode } from './support/node.js';

jest.setTimeout(60_000);

/** Debian's, which has Debian's libraries. */
const PYTHON = '/usr/bin/python3';

/** Why no Python client can run here; null: one can. */
function pythonImpediment(): string | null {
  try {
    execFileSync(PYTHON, ['-c', 'import websockets.legacy.client'], { stdio: 'pipe' });
    return null;
  } catch {
    return `${PYTHON} with the package python3-websockets is needed`;
  }
}

const impediment = pythonImpediment();
if (impediment !== null) process.stdout.write(`The test of a Python client is skipped: ${impediment}\n`);

const join = { event: 'join', data: { room: 'hall', presence: 'both' } };

(impediment === null ? describe : describe.skip)('a client in Python', () => {
  let nodes: TestNode[];

  beforeAll(async () => {
    nodes = await startCluster(2, { ROOM_ACCESS: 'open', WS_COMPRESSION: 'true' });
  });

  afterAll(async () => {
    await Promise.all(nodes.map(async (node) => node.stop()));
  });

  it('is in a room with members of another node: it hears, is heard, sees, and is seen', async () => {
    const [a, b] = nodes as [TestNode, TestNode];
    const [ann, bob] = [
      await TestClient.ready(a.url('user_id=ann')),
      await TestClient.ready(a.url('user_id=bob')),
    ];
    await ann.ask(join);
    await ann.nextJson();
    await bob.ask(join);

    const python = spawn(PYTHON, ['test/support/room_client.py', b.url('user_id=py')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 50_000,
    });
    const lines: string[] = [];
    for await (const line of createInterface(python.stdout)) {
      lines.push(line);
      if (line.startsWith('published')) {
        expect(
          await ann.ask({ event: 'publish', data: { room: 'hall', echo: false, data: { a: [1.5, 'ß'] } } }),
        ).toMatchObject({
          data: { delivered: 2, complete: true },
        });
        await bob.ask({ event: 'leave', data: { room: 'hall' } });
      }
    }
    expect(lines).toEqual([
      'subprotocol "lanfare.v1.json"',
      'compressed true',
      'joined {"complete": true, "room": "hall"}',
      'there ["ann", "bob", "py"]',
      'published {"complete": true, "delivered": 2}',
      'heard {"data": {"a": [1.5, "ß"]}, "from": "ann", "room": "hall"}',
      'changed {"left": ["bob"], "room": "hall"}',
      'left {"event": "ack", "id": 3}',
      'refused "not_joined"',
      'closed 1000',
    ]);
  });

  it('is seen with what it shows, and heard as it wrote', async () => {
    const [a, b] = nodes as [TestNode, TestNode];
    const ann = await TestClient.ready(a.url('user_id=ann'));
    await ann.ask(join);
    await ann.nextJson();
    const python = spawn(PYTHON, ['test/support/room_client.py', b.url('user_id=py')], {
      stdio: 'ignore',
      timeout: 50_000,
    });
    // who is there is told within 100 ms, and so may come behind a message
    expect([await ann.nextJson(), await ann.nextJson()]).toEqual(
      expect.arrayContaining([
        {
          event: 'presence',
          data: { room: 'hall', joined: [{ user_id: 'py', devices: 1, info: { name: 'Pytön' } }] },
        },
        { event: 'message', data: { room: 'hall', from: 'py', data: 'grüße 😀' } },
      ]),
    );
    python.kill();
  });
});
