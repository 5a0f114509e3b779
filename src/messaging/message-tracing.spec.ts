import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InboundMessage } from '../cluster/bus/bus.js';
import { MemoryNetwork, type MemoryBus } from '../cluster/bus/memory-bus.js';
import { Cluster } from '../cluster/cluster.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';
import { FakeDevice } from '../connections/testing/fake-device.js';
import type { Message } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';
import { SPANS_PER_SECOND_MAX, traceOf } from './message-tracing.js';
import { Messaging } from './messaging.js';

Logger.overrideLogger(false);

const SAMPLE_EVERY = 256;
const data = Buffer.from('"secret"');
const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
};

/** A connection that takes every message. */
const device = new FakeDevice('c', 'here');

/** Turns of the event loop until a message has crossed the bus, and what it caused is written. */
const TURNS = 2;

describe('MessageTracing', () => {
  const exporter = new InMemorySpanExporter();
  let messaging: Messaging;
  /** Another node, which holds the same users, and has two devices of each. */
  let other: MemoryBus;
  let sent: InboundMessage[];

  afterEach(() => {
    exporter.reset();
    trace.disable();
    propagation.disable();
    jest.restoreAllMocks();
  });

  function registerSdk(sampler?: Sampler): void {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(
      new BasicTracerProvider(sampler === undefined ? { spanProcessors } : { spanProcessors, sampler }),
    );
  }

  function startNode(): void {
    const network = new MemoryNetwork();
    const own = network.node('node-a');
    other = network.node('node-b');
    for (const bus of [own, other]) {
      network.add(bus);
      for (const name of ['here', 'elsewhere']) bus.join({ kind: 'user', name }, () => undefined);
    }
    sent = [];
    other.messages$.subscribe((message) => {
      sent.push(message);
      message.acknowledge?.(2);
    });
    const connections = new ConnectionRegistry();
    connections.add(device);
    messaging = new Messaging(connections, new Cluster(own));
    messaging.onModuleInit();
  }

  async function settled(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  }

  /** Posts messages until one is sampled, and waits until all are written. */
  async function postSampled(to: string): Promise<void> {
    for (let count = 0; count < SAMPLE_EVERY; count++) messaging.post({ to, from: null, data }, null);
    await settled();
  }

  async function arrive(message: Partial<Message>): Promise<void> {
    other.send({ to: 'here', from: null, data, ...message }, null);
    await settled();
  }

  const spans = () => exporter.getFinishedSpans();

  describe('with an SDK', () => {
    beforeEach(() => {
      registerSdk();
      startNode();
    });

    it('makes a span for one message in 256, and only that message carries its context', async () => {
      await postSampled('elsewhere');
      expect(spans()).toHaveLength(1);
      const [span] = spans();
      expect(span).toMatchObject({
        name: 'send users/{user_id}',
        kind: SpanKind.PRODUCER,
        parentSpanContext: undefined,
        status: { code: SpanStatusCode.UNSET },
      });
      expect(span?.attributes).toEqual({
        'messaging.system': 'lanfare',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.template': 'users/{user_id}',
        'messaging.message.body.size': data.length,
        'lanfare.node_id': 'node-a',
        'lanfare.delivered': 2,
        'lanfare.complete': true,
      });
      expect(sent.map((message) => message.trace)).toEqual([
        ...Array.from({ length: SAMPLE_EVERY - 1 }, () => undefined),
        span?.spanContext(),
      ]);
    });

    it('makes a child span that ends when the sockets are written, if this node has the user too', async () => {
      await postSampled('here');
      const [send, deliver] = spans();
      expect(deliver).toMatchObject({
        name: 'deliver users/{user_id}',
        kind: SpanKind.CONSUMER,
        parentSpanContext: { ...send?.spanContext() },
      });
      expect(deliver?.attributes).toMatchObject({
        'messaging.operation.type': 'process',
        'lanfare.node_id': 'node-a',
        'lanfare.delivered': 1,
      });
      expect(send?.attributes).toMatchObject({ 'lanfare.delivered': 3 });

      messaging.post({ to: 'here', from: null, data, trace: remote }, null);
      expect(spans().filter(({ kind }) => kind === SpanKind.CONSUMER)).toHaveLength(1);
      await nextTurn();
      expect(spans().filter(({ kind }) => kind === SpanKind.CONSUMER)).toHaveLength(2);
    });

    it('makes a child span for a message that another node traced, and no span for others that arrive', async () => {
      await arrive({ trace: remote });
      await arrive({});
      await arrive({ trace: { ...remote, traceFlags: 0 } });
      await arrive({ trace: { ...remote, spanId: '0'.repeat(16) } });
      await arrive({ trace: remote, to: 'elsewhere' });
      expect(spans().map(({ kind, parentSpanContext }) => ({ kind, parentSpanContext }))).toEqual([
        { kind: SpanKind.CONSUMER, parentSpanContext: remote },
      ]);
    });

    it('continues the trace of a message that has one, whether it is sampled or not', async () => {
      const outcomes: Outcome[] = [];
      messaging.post({ to: 'elsewhere', from: null, data, trace: remote }, (what) => outcomes.push(what));
      await settled();
      expect(outcomes).toEqual([{ delivered: 2, complete: true }]);
      expect(spans()).toMatchObject([{ kind: SpanKind.PRODUCER, parentSpanContext: remote }]);
      expect(sent[0]?.trace).toMatchObject({
        traceId: remote.traceId,
        spanId: spans()[0]?.spanContext().spanId,
      });
    });

    it('makes a sampled message a child of the active span', async () => {
      jest.spyOn(context, 'active').mockReturnValue(trace.setSpanContext(ROOT_CONTEXT, remote));
      await postSampled('elsewhere');
      expect(spans()).toMatchObject([{ kind: SpanKind.PRODUCER, parentSpanContext: remote }]);
    });

    it('says why a message was refused', () => {
      const large = Buffer.alloc(1_048_576, 'x');
      for (let count = 0; count < 4; count++) messaging.post({ to: 'here', from: null, data: large }, null);
      expect(messaging.post({ to: 'here', from: null, data, trace: remote }, null)).toBe('congested');
      expect(spans()).toMatchObject([{ kind: SpanKind.PRODUCER, status: { code: SpanStatusCode.ERROR } }]);
      expect(spans()[0]?.attributes).toMatchObject({ 'error.type': 'congested' });
    });

    it('never has the user or the data in a span', async () => {
      await postSampled('here');
      await arrive({ trace: remote, from: 'somebody', messageId: 'private' });
      const told = JSON.stringify(spans().map(({ name, attributes, events }) => [name, attributes, events]));
      expect(spans()).toHaveLength(3);
      expect(told).not.toMatch(/here|somebody|private|secret/);
    });

    it('makes no more spans in a second than it may, and delivers all messages', async () => {
      const clock = jest.spyOn(performance, 'now').mockReturnValue(5_000);
      const acknowledge = jest.fn();
      // what the sampler declines does not count
      const unsampled = { ...remote, traceFlags: 0 };
      messaging.post({ to: 'elsewhere', from: null, data, trace: unsampled }, null);
      for (let count = 0; count <= SPANS_PER_SECOND_MAX; count++) {
        other.send({ to: 'here', from: null, data, trace: remote }, acknowledge);
      }
      await settled();
      expect(acknowledge.mock.calls).toHaveLength(SPANS_PER_SECOND_MAX + 1);
      expect(spans()).toHaveLength(SPANS_PER_SECOND_MAX);
      clock.mockReturnValue(6_000);
      await arrive({ trace: remote });
      expect(spans()).toHaveLength(SPANS_PER_SECOND_MAX + 1);
    });
  });

  it("obeys the SDK's sampler, and passes on the context that a message came with", async () => {
    registerSdk(new AlwaysOffSampler());
    startNode();
    await postSampled('here');
    messaging.post({ to: 'here', from: null, data, trace: remote }, null);
    await arrive({ trace: remote });
    expect(spans()).toEqual([]);
    expect(sent.filter((message) => message.trace !== undefined)).toMatchObject([{ trace: remote }]);
  });

  it('makes no span without an SDK, and passes on the context that a message came with', async () => {
    startNode();
    await postSampled('here');
    messaging.post({ to: 'here', from: null, data, trace: remote }, null);
    await arrive({ trace: remote });
    expect(sent.filter((message) => message.trace !== undefined)).toMatchObject([{ trace: remote }]);
  });

  describe('traceOf', () => {
    const headers = { traceparent: `00-${remote.traceId}-${remote.spanId}-01` };

    it("is the request's own, if a registered propagator reads it", () => {
      expect(traceOf(headers)).toBeUndefined();
      propagation.setGlobalPropagator(new W3CTraceContextPropagator());
      expect(traceOf(headers)).toEqual(remote);
      expect(traceOf({})).toBeUndefined();
      expect(traceOf({ traceparent: 'nonsense' })).toBeUndefined();
    });

    it('is the active span, if HTTP is instrumented', () => {
      propagation.setGlobalPropagator(new W3CTraceContextPropagator());
      const active = { ...remote, spanId: '1'.repeat(16), isRemote: false };
      jest.spyOn(context, 'active').mockReturnValue(trace.setSpanContext(ROOT_CONTEXT, active));
      expect(traceOf(headers)).toEqual(active);
    });
  });
});
