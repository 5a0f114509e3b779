import { afterEach, describe, expect, it } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NoneBus } from '../cluster/bus/none-bus.js';
import { Cluster } from '../cluster/cluster.js';
import type { Connection } from '../connections/connection.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { Messaging } from '../messaging/messaging.js';
import { MessageTracing } from './message-tracing.js';

/** Somebody who takes everything. */
const device: Connection = {
  id: 'c',
  userId: 'u',
  connectedAt: 0,
  deliver: () => true,
  close: () => undefined,
};

async function postMany(messages: number, isTraced: boolean): Promise<void> {
  const cluster = new Cluster(new NoneBus('a'));
  const connections = new ConnectionRegistry();
  connections.add(device);
  const messaging = new Messaging(connections, cluster);
  const tracing = new MessageTracing(messaging, cluster);
  if (isTraced) tracing.onApplicationBootstrap();
  for (let i = 0; i < messages; i++) messaging.post({ to: 'u', from: null, data: Buffer.from('1') }, null);
  await nextTurn();
  tracing.onApplicationShutdown();
}

describe('MessageTracing', () => {
  const exporter = new InMemorySpanExporter();

  afterEach(() => {
    exporter.reset();
    trace.disable();
  });

  it('makes a span of one message in 256 when there is an SDK', async () => {
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    await postMany(512, true);
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual(['lanfare.message local', 'lanfare.message local']);
    expect(spans[0]?.attributes).toEqual({
      'lanfare.node_id': 'a',
      'lanfare.delivered': 1,
      'lanfare.complete': true,
    });
  });

  it('leaves messages unmeasured when there is none', async () => {
    await postMany(512, true);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
