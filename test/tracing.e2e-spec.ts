import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpanKind } from '@opentelemetry/api';
import { TestClient } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';

const KEY = 'a-key-of-the-backend';
/** One message in so many is traced. */
const SAMPLE_EVERY = 256;

interface SpanLine {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The spans a node has finished, as support/span-lines.mjs writes them. */
const spansOf = ({ output }: NodeProcess): SpanLine[] =>
  [...output.matchAll(/^SPAN (.*)$/gm)].map(([, json = '']) => JSON.parse(json) as SpanLine);

/** The first span of that kind, in that trace or any, once the node has finished it. */
async function spanOf(node: NodeProcess, kind: SpanKind, traceId = ''): Promise<SpanLine> {
  const [, json = ''] = await node.waitForOutput(
    new RegExp(`^SPAN (.*"kind":${kind},"traceId":"${traceId}.*)\n`, 'm'),
  );
  return JSON.parse(json) as SpanLine;
}

describe('two nodes, each with an OpenTelemetry SDK of its own,', () => {
  let a: NodeProcess;
  let b: NodeProcess;
  let door: string;

  beforeAll(async () => {
    const env = clusterEnvironment({
      API_KEYS: KEY,
      WS_MESSAGES_PER_SECOND: '0',
      ROOM_ACCESS: 'open',
      NODE_OPTIONS: `--import ${new URL('./support/span-lines.mjs', import.meta.url).href}`,
    });
    const port = await freePort();
    door = `http://127.0.0.1:${port}`;
    [a, b] = await Promise.all([NodeProcess.start({ ...env, OPS_PORT: port }), NodeProcess.start(env)]);
    await a.waitForOutput(/Sampled messages are traced/);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
  });

  it('have one trace of a sampled message: sent by the one, delivered by both', async () => {
    const sender = await TestClient.ready(a.url('user_id=sender'));
    const devices = await Promise.all(
      [a, b].map(async (node) => TestClient.ready(node.url('user_id=receiver'))),
    );
    for (let count = 1; count < SAMPLE_EVERY; count += 1) sender.send({ user_id: 'receiver', data: count });
    expect(await sender.ask({ user_id: 'receiver', data: SAMPLE_EVERY })).toMatchObject({
      data: { delivered: 2, complete: true },
    });

    const send = await spanOf(a, SpanKind.PRODUCER);
    const deliveries = await Promise.all(
      [a, b].map(async (node) => spanOf(node, SpanKind.CONSUMER, send.traceId)),
    );
    expect(send).toMatchObject({
      name: 'send users/{user_id}',
      attributes: { 'lanfare.delivered': 2, 'lanfare.complete': true },
    });
    expect(send).not.toHaveProperty('parentSpanId');
    for (const deliver of deliveries) {
      expect(deliver).toMatchObject({
        name: 'deliver users/{user_id}',
        parentSpanId: send.spanId,
        attributes: { 'lanfare.delivered': 1 },
      });
    }
    const nodeIds = deliveries.map(({ attributes }) => attributes['lanfare.node_id']);
    expect(nodeIds[0]).toBe(send.attributes['lanfare.node_id']);
    expect(nodeIds[1]).not.toBe(nodeIds[0]);
    // one message in 256 was traced, the others not at all
    expect([spansOf(a).length, spansOf(b).length]).toEqual([2, 1]);
    for (const client of [sender, ...devices]) await client.close();
  });

  it("continue the trace of a backend's request", async () => {
    const device = await TestClient.ready(b.url('user_id=notified'));
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const response = await fetch(`${door}/v1/users/notified/messages`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${KEY}`,
        'Content-Type': 'application/json',
        traceparent: `00-${traceId}-${spanId}-01`,
      },
      body: '{"data":1}',
    });
    expect(await response.json()).toEqual({ delivered: 1, complete: true });
    const send = await spanOf(a, SpanKind.PRODUCER, traceId);
    const deliver = await spanOf(b, SpanKind.CONSUMER, traceId);
    expect(send.parentSpanId).toBe(spanId);
    expect(deliver.parentSpanId).toBe(send.spanId);
    await device.close();
  });

  it('trace publications in the same way: sampled ones, and those of a traced request', async () => {
    const members = await Promise.all(
      [a, b].map(async (node) => TestClient.ready(node.url('user_id=member'))),
    );
    for (const member of members) await member.ask({ event: 'join', data: { room: 'hall' } });
    const [sender] = members as [TestClient];
    const publish = { event: 'publish', data: { room: 'hall', data: 'x' } };
    for (let count = 1; count < SAMPLE_EVERY; count += 1) sender.send(publish);
    await sender.ask(publish);
    const [, json = ''] = await a.waitForOutput(/^SPAN (.*"send rooms.*)\n/m);
    const sampled = JSON.parse(json) as SpanLine;
    expect(sampled).toMatchObject({
      kind: SpanKind.PRODUCER,
      name: 'send rooms/{room}',
      attributes: { 'lanfare.delivered': 2, 'messaging.destination.template': 'rooms/{room}' },
    });
    for (const node of [a, b]) {
      expect(await spanOf(node, SpanKind.CONSUMER, sampled.traceId)).toMatchObject({
        name: 'deliver rooms/{room}',
        parentSpanId: sampled.spanId,
        attributes: { 'lanfare.delivered': 1 },
      });
    }

    const [traceId, spanId] = ['1af7651916cd43dd8448eb211c80319c', 'c7ad6b7169203331'];
    await fetch(`${door}/v1/rooms/hall/messages`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${KEY}`,
        'Content-Type': 'application/json',
        traceparent: `00-${traceId}-${spanId}-01`,
      },
      body: '{"data":1}',
    });
    const send = await spanOf(a, SpanKind.PRODUCER, traceId);
    const deliver = await spanOf(b, SpanKind.CONSUMER, traceId);
    expect(send.parentSpanId).toBe(spanId);
    expect(deliver).toMatchObject({ parentSpanId: send.spanId, name: 'deliver rooms/{room}' });
    for (const member of members) await member.close();
  });
});
