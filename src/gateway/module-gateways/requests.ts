import { Subscription } from 'rxjs';
import { moduleFailed } from '../../telemetry/module-failures.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { FrameRequest } from './frame-request.js';

/** After this time a request without a response no longer keeps its client from being read. */
const PATIENCE_MS = 60_000;

/** One frame while its handlers work on it. */
export interface RunningRequest {
  readonly handlers: string;
  /** What its handlers do: unsubscribing stops it. */
  readonly work: Subscription;
  responded(): void;
  handlerEnded(): void;
}

/**
 * The requests of one client that modules' handlers work on. A request without a response counts against
 * WS_MAX_IN_FLIGHT, and at that limit the client is not read. A request that has a response, and whose stream goes on,
 * does not count there: only its module or the end of the connection ends it. There may be `streamsMax` of these. The
 * next one is ended with an error.
 */
export class Requests {
  readonly #unanswered = new Set<Running>();
  readonly #goingOn = new Set<Running>();
  #patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: ClientConnection,
    private readonly streamsMax: number,
  ) {}

  /**
   * @param handlers who works on it, for the log
   * @param bytes of its data, which handlers may keep until they have answered
   */
  begin(request: FrameRequest, handlers: string, handlerCount: number, bytes: number): RunningRequest {
    const running = new Running(request, handlers, handlerCount, bytes, this);
    this.#unanswered.add(running);
    this.connection.begin(bytes);
    if (this.connection.isBusy) this.#patience ??= this.#wait();
    return running;
  }

  end(running: Running): void {
    if (!this.#goingOn.delete(running)) this.#answered(running);
  }

  /** It counts as a stream from now on. */
  goOn(running: Running): void {
    if (!this.#unanswered.has(running)) return;
    if (this.#goingOn.size >= this.streamsMax) {
      running.request.fail('too_many_streams');
      running.stop();
      return;
    }
    this.#goingOn.add(running);
    this.#answered(running);
  }

  /** The connection has closed. */
  stop(): void {
    clearTimeout(this.#patience);
    for (const running of [...this.#goingOn, ...this.#unanswered]) running.stop();
  }

  #answered(running: Running): void {
    if (this.#unanswered.delete(running)) this.connection.end(running.bytes);
  }

  /** Otherwise a client whose requests all hang would never be read again, and its close frame would not be seen. */
  #wait(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#patience = undefined;
      const long = performance.now() - PATIENCE_MS;
      for (const running of [...this.#unanswered].filter(({ beganAt }) => beganAt <= long)) {
        moduleFailed('handler', running.handlers, new Error(`no answer within ${PATIENCE_MS / 1000} s`));
        this.goOn(running);
      }
      if (this.connection.isBusy) this.#patience = this.#wait();
    }, PATIENCE_MS).unref();
  }
}

class Running implements RunningRequest {
  readonly beganAt = performance.now();
  readonly work = new Subscription();
  #hasResponded = false;
  #handlersLeft: number;

  constructor(
    readonly request: FrameRequest,
    readonly handlers: string,
    handlerCount: number,
    readonly bytes: number,
    private readonly requests: Requests,
  ) {
    this.#handlersLeft = handlerCount;
  }

  /**
   * A request that ends with its first response, as most do, is no stream. Whether it ends is known after the current
   * microtasks.
   */
  responded(): void {
    if (this.#hasResponded) return;
    this.#hasResponded = true;
    queueMicrotask(() => this.requests.goOn(this));
  }

  /** Never throws, although the code that runs when a stream is stopped is its module's. */
  stop(): void {
    try {
      this.work.unsubscribe();
    } catch (error) {
      moduleFailed('handler', this.handlers, error);
    }
  }

  handlerEnded(): void {
    if (--this.#handlersLeft > 0) return;
    this.request.done();
    this.requests.end(this);
  }
}
