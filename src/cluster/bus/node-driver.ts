import type { Subscription } from 'rxjs';
import type { CarriedDatagram, Carrier } from '../carrier/carrier.js';
import type { ClusterNode } from '../protocol/cluster-node.js';
import type { ProtocolEvent } from '../protocol/contract.js';

/**
 * Drives the sans-IO core: gives it the datagrams of a carrier, the time and one timer, and sends what it wants sent.
 *
 * In a turn of the event loop datagrams and commands go into the core as they come, and the core's events go up at
 * once. When everything readable was read, `#endTurn` (setImmediate) closes records, seals and sends them, and sets
 * the timer. A microtask or nextTick would flush after every single socket callback, and make batches of one.
 */
export class NodeDriver {
  readonly #subscriptions: Subscription[] = [];
  #turnEnd: NodeJS.Immediate | undefined;
  #isStopped = false;
  /** The clock's last reading in this turn. */
  #turnAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  /** When the core wants to be called. */
  #dueAt = -Infinity;
  /** Called at the end of each turn, while somebody waits for the core to reach a state. */
  #watcher: (() => void) | undefined;

  constructor(
    readonly node: ClusterNode,
    private readonly carrier: Carrier,
    private readonly raise: (event: ProtocolEvent) => void,
  ) {}

  /** The carrier is open: datagrams come in from now on. */
  start(): void {
    this.#subscriptions.push(
      this.carrier.datagrams$.subscribe((datagram) => this.#receive(datagram)),
      this.carrier.seeds$.subscribe(({ endpoints, areAllKnown }) => {
        this.node.setSeeds(performance.now(), endpoints, areAllKnown);
        this.wantTurnEnd();
      }),
      this.carrier.outage$.subscribe((outage) => {
        this.node.setOutage(performance.now(), outage);
        this.wantTurnEnd();
      }),
    );
    this.wantTurnEnd();
  }

  /** Nothing is received or sent any more. */
  stop(): void {
    this.#isStopped = true;
    clearImmediate(this.#turnEnd);
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** To be called before something is sent. All that is sent within a turn is sent at the time that this returns. */
  beginSend(): number {
    this.wantTurnEnd();
    return this.#turnAt;
  }

  /** To be called with every other command. What it causes leaves at the end of the turn. */
  wantTurnEnd(): void {
    if (this.#turnEnd !== undefined || this.#isStopped) return;
    this.#turnAt = performance.now();
    this.#turnEnd = setImmediate(this.#endTurn);
  }

  /** Resolves when the core is in a state, or after `patienceMs`. Only one caller at a time may wait. */
  async waitUntil(isSo: () => boolean, patienceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watcher = undefined;
        resolve();
      };
      const timer = setTimeout(done, patienceMs);
      this.#watcher = () => {
        if (isSo()) done();
      };
    });
  }

  #receive({ arrival, bytes, source }: CarriedDatagram): void {
    this.wantTurnEnd();
    this.#turnAt = performance.now();
    this.node.handleDatagram(this.#turnAt, arrival, bytes, source);
    this.#raiseEvents();
  }

  readonly #endTurn = (): void => {
    this.#turnEnd = undefined;
    const { carrier, node } = this;
    const now = performance.now();
    // The deadline was set at the end of the last turn. What this turn causes is due later, or done by flush.
    if (this.#dueAt <= now) node.handleTimeout(now);
    node.flush(now);
    for (let next = node.pollTransmit(); next !== undefined; next = node.pollTransmit()) {
      if (next.to === null) carrier.toAll(next.bytes);
      else carrier.send(next.to, next.bytes);
    }
    this.#raiseEvents();
    this.#watcher?.();
    this.#dueAt = node.pollTimeout();
    this.#setTimer(this.#dueAt, now);
  };

  #raiseEvents(): void {
    const { node } = this;
    for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) this.raise(event);
  }

  /**
   * Sets the one timer. A timer that fires too early is left alone: that costs less than setting it anew every turn.
   */
  #setTimer(due: number, now: number): void {
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    if (due === Infinity) return;
    const delayMs = Math.max(1, Math.ceil(due - now));
    this.#timerAt = now + delayMs;
    this.#timer = setTimeout(this.#handleTimer, delayMs);
  }

  readonly #handleTimer = (): void => {
    this.#timerAt = Infinity;
    // What arrived meanwhile is read first (the poll phase comes before the check phase), then the core handles time.
    this.wantTurnEnd();
  };
}
