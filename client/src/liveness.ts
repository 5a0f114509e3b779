import { deadline, LATE_MS } from './deadline.js';

/** Servers ping every 25 s, but a page sees no ping: it has to ask by itself. */
const SILENCE_MS = 25_000;
const SILENCE_DEADLINE_MS = 10_000;
const WAKE_DEADLINE_MS = 3000;
const TICK_MS = 5000;

export interface Watched {
  ping(): void;
  /** Bytes that wait to be sent. */
  buffered(): number;
  /** Called when a ping was not answered. */
  dead(): void;
}

/**
 * Notices a link that is dead and does not say so. Whatever arrives is a sign of life, and so are bytes that leave. A
 * background tab's timers come late, which looks like a machine that slept: then it is asked, never presumed dead.
 */
export class Liveness {
  #heardAt = 0;
  #tick: ReturnType<typeof setTimeout> | undefined;
  #cancelDeadline: (() => void) | undefined;

  constructor(private readonly link: Watched) {}

  start(): void {
    this.heard();
    this.#watch();
  }

  stop(): void {
    clearTimeout(this.#tick);
    this.heard();
  }

  heard(): void {
    this.#heardAt = Date.now();
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
  }

  /** A page became visible, or the network came back: is the other side still there? */
  probe(ms = WAKE_DEADLINE_MS): void {
    if (this.#cancelDeadline !== undefined) return;
    // without the ping itself: that the system takes it says nothing of the other side
    const buffered = this.link.buffered();
    this.link.ping();
    this.#cancelDeadline = deadline(ms, () => {
      this.#cancelDeadline = undefined;
      if (this.link.buffered() < buffered) this.probe(ms);
      else this.link.dead();
    });
  }

  #watch(): void {
    const due = Date.now() + TICK_MS;
    this.#tick = setTimeout(() => {
      const now = Date.now();
      this.#watch();
      // either way: somebody may have set the clock
      if (Math.abs(now - due) > LATE_MS) this.probe();
      else if (now - this.#heardAt >= SILENCE_MS) this.probe(SILENCE_DEADLINE_MS);
    }, TICK_MS);
  }
}
