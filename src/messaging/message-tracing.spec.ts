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
import { Subject } from 'rxjs';
import type { BusRefusal, InboundMessage, Receipt } from '../cluster/bus/bus.js';
import { NoneBus } from '../cluster/bus/none-bus.js';
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

/** Keeps what is sent, and emits what a test tells it to. */
class ScriptedBus extends NoneBus {
  override readonly messages$ = new Subject<never>();
  readonly sent: Message[] = [];
  refusal: BusRefusal | null = null;

  bring(message: InboundMessage): void {
    this.messages$.next(message as never);
  }

  override send(message: Message, receipt: ((receipt: Receipt) => void) | null): null {
    if (this.refusal !== null) return this.refusal as never;
    this.sent.push(message);
    receipt?.({ delivered: 2, complete: true });
    return null;
  }
}

describe('MessageTracing', () => {
  const exporter = new InMemorySpanExporter();
  let bus: ScriptedBus;
  let messaging: Messaging;

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
    bus = new ScriptedBus('node-a');
    const connections = new ConnectionRegistry();
    connections.add(device);
    messaging = new Messaging(connections, new Cluster(bus));
    messaging.onModuleInit();
  }

  /** Posts messages until one is sampled, and waits until all are written. */
  async function postSampled(to: string): Promise<void> {
    for (let count = 0; count < SAMPLE_EVERY; count++) messaging.post({ to, from: null, data }, null);
    await nextTurn();
  }

  async function arrive(message: Partial<InboundMessage>): Promise<void> {
    bus.bring({ to: 'here', from: null, data, acknowledge: null, ...message });
    await nextTurn();
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
      expect(bus.sent.map((message) => message.trace)).toEqual([
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
      expect(outcomes).toEqual([{ delivered: 2, complete: true }]);
      expect(spans()).toMatchObject([{ kind: SpanKind.PRODUCER, parentSpanContext: remote }]);
      expect(bus.sent[0]?.trace).toMatchObject({
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
      bus.refusal = 'congested';
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
        bus.bring({ to: 'here', from: null, data, trace: remote, acknowledge });
      }
      await nextTurn();
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
    expect(bus.sent.filter((message) => message.trace !== undefined)).toMatchObject([{ trace: remote }]);
  });

  it('makes no span without an SDK, and passes on the context that a message came with', async () => {
    startNode();
    await postSampled('here');
    messaging.post({ to: 'here', from: null, data, trace: remote }, null);
    await arrive({ trace: remote });
    expect(bus.sent.filter((message) => message.trace !== undefined)).toMatchObject([{ trace: remote }]);
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
