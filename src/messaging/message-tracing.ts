import { Logger } from '@nestjs/common';
import {
  context,
  propagation,
  ProxyTracerProvider,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { BusRefusal } from '../cluster/bus/bus.js';
import { version } from '../config/version.js';
import { LogBudget } from '../telemetry/log-budget.js';
import type { Message, TraceContext } from '../wire/message.js';
import type { Outcome } from '../wire/outgoing-frame.js';

const TRACER = 'lanfare';
/** What messages are for, in span names. It never says which user or room. */
type Destination = 'users/{user_id}' | 'rooms/{room}';
/** One message in this many is traced, if its sender has not decided that. */
export const SAMPLE_EVERY = 256;
/** Far more than one in 256 of the messages that a node can carry; see `#start`. */
export const SPANS_PER_SECOND_MAX = 1000;

/** What tracing needs to know of a message. */
type Traceable = Pick<Message, 'data' | 'trace'>;

/** The span of a message that is being sent. */
export interface SendSpan {
  /** What the message carries, so that whoever delivers it knows its parent. */
  readonly trace: TraceContext;
  /** To be called once. */
  readonly end: (result: Outcome | BusRefusal) => void;
}

/**
 * OpenTelemetry spans of a message: a producer span where it is posted, and a child of it at every node that delivers
 * it. Attributes follow the semantic conventions for messaging. No span has the user, the room or the data: traces go to other
 * people's machines.
 */
export class MessageTracing {
  readonly #warnings = new LogBudget(new Logger(MessageTracing.name));
  #second = 0;
  #spansInSecond = 0;

  private constructor(
    private readonly tracer: Tracer,
    private readonly nodeId: string,
    private readonly destination: Destination,
  ) {}

  /** Null: the process has no OpenTelemetry SDK, and messages are not traced. */
  static start(nodeId: string, destination: Destination): MessageTracing | null {
    if (!hasSdk()) return null;
    return new MessageTracing(trace.getTracer(TRACER, version()), nodeId, destination);
  }

  /** The caller ends it when every node that holds the user or room has answered. Null: the SDK's sampler wants no span. */
  startSend(message: Traceable): SendSpan | null {
    const span = this.#start('send', message, message.trace);
    if (span === null) return null;
    return {
      trace: span.spanContext(),
      end: (result) => {
        if (typeof result === 'string') {
          span.setAttribute('error.type', result).setStatus({ code: SpanStatusCode.ERROR });
        } else {
          const { delivered, complete } = result;
          span.setAttributes({ 'lanfare.delivered': delivered, 'lanfare.complete': complete });
        }
        span.end();
      },
    };
  }

  /**
   * Returns a function that ends the span; it takes the number of connections that got the message. The span lasts
   * until they have written it to their sockets. Null: the sender, or the SDK's sampler, decided not to trace the
   * message.
   */
  startDelivery(message: Traceable, parent: TraceContext): ((delivered: number) => void) | null {
    if ((parent.traceFlags & TraceFlags.SAMPLED) === 0 || !trace.isSpanContextValid(parent)) return null;
    const span = this.#start('deliver', message, parent);
    if (span === null) return null;
    return (delivered) => {
      span.setAttribute('lanfare.delivered', delivered);
      // connections write in the check phase of this turn, and their setImmediate was called before this one
      setImmediate(() => span.end());
    };
  }

  /**
   * The only place where spans begin. Their number is bounded here: a message that arrives with a trace was sampled by
   * another node or a backend, which may sample too many, and a span costs more than a message.
   */
  #start(name: 'send' | 'deliver', { data }: Traceable, parent: TraceContext | undefined): Span | null {
    if (!this.#hasRoom()) return null;
    const under = parent === undefined ? context.active() : trace.setSpanContext(context.active(), parent);
    const span = this.tracer.startSpan(
      `${name} ${this.destination}`,
      {
        kind: name === 'send' ? SpanKind.PRODUCER : SpanKind.CONSUMER,
        attributes: {
          'messaging.system': 'lanfare',
          'messaging.operation.name': name,
          'messaging.operation.type': name === 'send' ? 'send' : 'process',
          'messaging.destination.template': this.destination,
          'messaging.message.body.size': data.length,
          'lanfare.node_id': this.nodeId,
        },
      },
      under,
    );
    if (!span.isRecording()) return null;
    this.#spansInSecond++;
    return span;
  }

  #hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#spansInSecond = 0;
    }
    if (this.#spansInSecond < SPANS_PER_SECOND_MAX) return true;
    this.#warnings.warn(
      'spans',
      `More than ${SPANS_PER_SECOND_MAX} spans in a second: messages beyond go without. Backends or other nodes sample too much`,
    );
    return false;
  }
}

/**
 * The span that a request belongs to: the active span if HTTP is instrumented, or the one in its `traceparent` if a
 * propagator is registered. Undefined: there is none.
 */
export function traceOf(headers: NodeJS.Dict<string | string[]>): TraceContext | undefined {
  const active = context.active();
  const found = trace.getSpanContext(active) ?? trace.getSpanContext(propagation.extract(active, headers));
  return found !== undefined && trace.isSpanContextValid(found) ? found : undefined;
}

/** Without a registered SDK the API gives a proxy that does nothing. */
function hasSdk(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(TRACER) !== undefined;
}
