import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CALLERS_MAX } from '../src/operations/callers.js';
import { TestNode } from './support/node.js';
import { RawClient } from './support/raw-client.js';

const PROBE = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** How many sockets are open, and how many were cut. The socket that asks is counted too. */
async function counted(node: TestNode): Promise<number[]> {
  const text = await (await fetch(`${node.operationsUrl}/metrics`)).text();
  return ['lanfare_operations_sockets', 'lanfare_operations_sockets_cut_total'].map((name) =>
    Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]),
  );
}

describe("sockets of the operators' door", () => {
  let node: TestNode;
  let clients: RawClient[];

  beforeEach(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none' }, [], false, { operations: true });
    clients = [];
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    await node.stop();
  });

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(Number(new URL(node.operationsUrl).port));
    clients.push(client);
    return client;
  }

  it('are limited: a new one takes the place of the one that was idle longest', async () => {
    const probe = await connect();
    probe.write(PROBE);
    expect((await probe.response()).status).toBe(200);
    for (let i = 1; i < CALLERS_MAX; i += 1) await connect();
    probe.write(PROBE);
    expect((await probe.response()).status).toBe(200);
    const oldest = clients[1] as RawClient;
    expect(oldest.socket.destroyed).toBe(false);
    await connect();
    await oldest.ended();
    // a socket that was used in the meantime stays
    probe.write(PROBE);
    expect((await probe.response()).status).toBe(200);
    expect(await counted(node)).toEqual([CALLERS_MAX, 2]);
  });

  it('keep their place while they are answered, unless all are', async () => {
    for (let i = 0; i < CALLERS_MAX; i += 1) {
      const client = await connect();
      // accepted, and never read whole
      client.write('POST /v1/users/1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n');
    }
    const [first, second] = clients as [RawClient, RawClient];
    expect((await second.response()).status).toBe(404);
    await connect();
    await first.ended();
  });

  it('bring ten requests at a time; one with more is cut, and counted', async () => {
    const hasty = await connect();
    hasty.write(PROBE.repeat(1000));
    await hasty.ended();
    const patient = await connect();
    patient.write(PROBE.repeat(10));
    for (let i = 0; i < 10; i += 1) expect((await patient.response()).status).toBe(200);
    expect(await counted(node)).toEqual([2, 1]);
  });
});
