import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { EventLoop, RESOLUTION_MS } from './event-loop.js';
import { Hysteresis } from './hysteresis.js';

const SAMPLE_INTERVAL_MS = 1000;
/** Everything on the node is delayed by this much: it is no longer a real-time server. */
const OVERLOADED_LAG_MS = 500;
const RELAXED_LAG_MS = 100;
const RELAXED_FOR_MS = 5000;
/** Nodes that are overloaded together must not refuse clients together: each chooses its own time at random. */
const PATIENCE_MS = { least: 10_000, most: 30_000 };

/**
 * How late the event loop runs, and whether it has been late for so long that no new clients should be sent here.
 */
@Injectable()
export class Load implements OnApplicationShutdown {
  readonly #logger = new Logger(Load.name);
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #overload = new Hysteresis({
    above: OVERLOADED_LAG_MS,
    below: RELAXED_LAG_MS,
    riseMs: PATIENCE_MS.least + Math.random() * (PATIENCE_MS.most - PATIENCE_MS.least),
    fallMs: RELAXED_FOR_MS,
  });
  readonly #timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS).unref();
  /** For the metrics too. */
  readonly eventLoop = new EventLoop(this.#delay);
  #lagMs = 0;

  constructor() {
    this.#delay.enable();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** Mean delay of the event loop during the last second. */
  get lagMs(): number {
    return this.#lagMs;
  }

  /** The loop is late now, but perhaps not for long enough to be `isOverloaded`. */
  get isHigh(): boolean {
    return this.#lagMs > OVERLOADED_LAG_MS;
  }

  get isOverloaded(): boolean {
    return this.#overload.isOver;
  }

  #sample(): void {
    const before = this.#overload.isOver;
    this.#lagMs = this.eventLoop.takeMean();
    this.#overload.observe(this.#lagMs, performance.now());
    if (this.#overload.isOver === before) return;
    if (before) this.#logger.log('The load has gone down: ready again');
    else {
      this.#logger.warn(
        `Overloaded, so not ready: the event loop runs ${Math.round(this.#lagMs)} ms late. Add nodes, or lower WS_MAX_CONNECTIONS`,
      );
    }
  }
}
