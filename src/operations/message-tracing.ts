import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ProxyTracerProvider, SpanKind, trace, type Tracer } from '@opentelemetry/api';
import type { Subscription } from 'rxjs';
import { VERSION } from '../config/version.js';
import type { MessageSample } from '../messaging/message-sample.js';
import { Messaging } from '../messaging/messaging.js';
import { Cluster } from '../cluster/cluster.js';

const TRACER = 'lanfare';

/**
 * Makes OpenTelemetry spans of the messages that are sampled, where the process has an SDK. Spans are made after
 * the message went, from its sample: without an SDK nobody subscribes, and the hot path does not know of tracing.
 */
@Injectable()
export class MessageTracing implements OnApplicationBootstrap, OnApplicationShutdown {
  #subscription: Subscription | undefined;

  constructor(
    private readonly messaging: Messaging,
    private readonly cluster: Cluster,
  ) {}

  onApplicationBootstrap(): void {
    if (!hasSdk()) return;
    const tracer = trace.getTracer(TRACER, VERSION);
    this.#subscription = this.messaging.samples$.subscribe((sample) => this.#record(tracer, sample));
    new Logger(MessageTracing.name).log('Sampled messages are traced: an OpenTelemetry SDK is registered');
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
  }

  #record(tracer: Tracer, { path, startedAt, durationMs, outcome }: MessageSample): void {
    tracer
      .startSpan(`lanfare.message ${path}`, {
        // the cluster's span lasts until the other nodes have answered: the UDP hop, there and back
        kind: path === 'cluster' ? SpanKind.CLIENT : SpanKind.INTERNAL,
        startTime: startedAt,
        // never the user or the data: traces go to other people's machines
        attributes: {
          'lanfare.node_id': this.cluster.nodeId,
          'lanfare.delivered': outcome.delivered,
          'lanfare.complete': outcome.complete,
        },
      })
      .end(startedAt + durationMs);
  }
}

/** The API stands in for an SDK with a proxy that leads nowhere until one is registered. */
function hasSdk(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(TRACER) !== undefined;
}
