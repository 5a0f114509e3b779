/**
 * Messages whose sender wants to know how many devices got them.
 *
 * Every entry ends after the same time, so entries end in the order they began: a ring in typed arrays, indexed by the
 * receipt number, with one deadline to watch, and nothing allocated per message. Most users are held by one node, so
 * one holder is kept in the ring; more go to a side table.
 *
 * The ring is full at `entriesMax` entries. The side table is full at as many holders.
 *
 * Exactly one answer per token: when every holder has answered, when the last one that had not is lost, or at the deadline
 * (then incomplete). An answer that comes later is ignored.
 */
import type { Timer } from '../timers.js';

const RING_MIN = 1_024;
const RECEIPT_NUMBERS = 2 ** 32;

const FREE = 0;
const WAITING = 1;
const WAITING_INCOMPLETE = 2;

export type ReceiptSink = (token: number, delivered: number, complete: boolean) => void;

export class Receipts {
  #capacity = RING_MIN;
  #state = new Uint8Array(RING_MIN);
  #tokens = new Float64Array(RING_MIN);
  #deadlines = new Float64Array(RING_MIN);
  #delivered = new Float64Array(RING_MIN);
  /** The peer's index, or 0: see the side table. */
  #holder = new Int32Array(RING_MIN);
  readonly #holders = new Map<number, Set<number>>();
  /** In all sets of the side table. */
  #holdersWaitedFor = 0;
  /** Numbers in use: [head, tail). They grow without wrapping here; on the wire they are taken modulo 2^32. */
  #head = 1;
  #tail = 1;

  constructor(
    private readonly entriesMax: number,
    private readonly timeoutMs: number,
    /** Set while anything waits: when the oldest entry ends. */
    private readonly timer: Timer,
    private readonly sink: ReceiptSink,
  ) {}

  /** Receipts that are not final. */
  get waiting(): number {
    return this.#tail - this.#head;
  }

  get isFull(): boolean {
    return this.waiting >= this.entriesMax || this.#holdersWaitedFor >= this.entriesMax;
  }

  /** The number the next `open` will take, as it goes on the wire. */
  get next(): number {
    return this.#tail % RECEIPT_NUMBERS;
  }

  /** `holders[0..count)` are asked; `isComplete` false: some holder is known not to answer. */
  open(
    now: number,
    token: number,
    holders: readonly { readonly index: number }[],
    count: number,
    isComplete: boolean,
  ): void {
    if (this.#tail - this.#head === this.#capacity) this.#grow();
    const number = this.#tail;
    this.#tail += 1;
    const at = this.#indexOf(number);
    if (count === 0) {
      // The number must not be used again: it went out to holders that are not waited for, and they may still answer.
      this.#state[at] = FREE;
      this.#skipFree();
      this.sink(token, 0, isComplete);
      return;
    }
    this.#state[at] = isComplete ? WAITING : WAITING_INCOMPLETE;
    this.#tokens[at] = token;
    this.#deadlines[at] = now + this.timeoutMs;
    if (number === this.#head) this.#setTimer();
    this.#delivered[at] = 0;
    if (count === 1) {
      this.#holder[at] = (holders[0] as { index: number }).index;
    } else {
      this.#holder[at] = 0;
      const set = new Set<number>();
      for (let index = 0; index < count; index += 1) set.add((holders[index] as { index: number }).index);
      this.#holders.set(number, set);
      this.#holdersWaitedFor += set.size;
    }
  }

  /** A holder's answer. */
  settle(wireNumber: number, holder: number, delivered: number): void {
    const number = this.#unwrap(wireNumber);
    if (number < this.#head || number >= this.#tail) return;
    const at = this.#indexOf(number);
    if (this.#state[at] === FREE || !this.#isHolder(number, at, holder)) return;
    this.#delivered[at] = (this.#delivered[at] as number) + delivered;
    this.#holderDone(number, at, holder);
  }

  /** The peer will not answer any more: what waits for it is incomplete, and final if it waits for nobody else. */
  loseHolder(holder: number): void {
    for (let number = this.#head; number < this.#tail; number += 1) {
      const at = this.#indexOf(number);
      if (this.#state[at] === FREE || !this.#isHolder(number, at, holder)) continue;
      this.#state[at] = WAITING_INCOMPLETE;
      this.#holderDone(number, at, holder);
    }
  }

  expire(now: number): void {
    while (this.#head < this.#tail) {
      const at = this.#indexOf(this.#head);
      if (this.#state[at] !== FREE) {
        if ((this.#deadlines[at] as number) > now) break;
        this.#state[at] = WAITING_INCOMPLETE;
        this.#finish(this.#head, at);
      }
      this.#head += 1;
    }
    this.#setTimer();
  }

  #isHolder(number: number, at: number, holder: number): boolean {
    const only = this.#holder[at] as number;
    return only === 0 ? this.#holders.get(number)?.has(holder) === true : only === holder;
  }

  #holderDone(number: number, at: number, holder: number): void {
    if (this.#holder[at] === 0) {
      const holders = this.#holders.get(number) as Set<number>;
      holders.delete(holder);
      this.#holdersWaitedFor -= 1;
      if (holders.size > 0) return;
    }
    this.#finish(number, at);
    this.#skipFree();
  }

  #skipFree(): void {
    const before = this.#head;
    while (this.#head < this.#tail && this.#state[this.#indexOf(this.#head)] === FREE) this.#head += 1;
    if (this.#head !== before) this.#setTimer();
  }

  #setTimer(): void {
    this.timer.set(
      this.#head === this.#tail ? Infinity : (this.#deadlines[this.#indexOf(this.#head)] as number),
    );
  }

  #finish(number: number, at: number): void {
    const isComplete = this.#state[at] === WAITING;
    this.#state[at] = FREE;
    if (this.#holder[at] === 0) {
      this.#holdersWaitedFor -= (this.#holders.get(number) as Set<number>).size;
      this.#holders.delete(number);
    }
    this.sink(this.#tokens[at] as number, this.#delivered[at] as number, isComplete);
  }

  #indexOf(number: number): number {
    return number % this.#capacity;
  }

  /** The number near the ring that has this value on the wire. */
  #unwrap(wireNumber: number): number {
    const base = this.#head - (this.#head % RECEIPT_NUMBERS);
    const number = base + wireNumber;
    return number < this.#head ? number + RECEIPT_NUMBERS : number;
  }

  #grow(): void {
    const old = {
      capacity: this.#capacity,
      state: this.#state,
      tokens: this.#tokens,
      deadlines: this.#deadlines,
      delivered: this.#delivered,
      holder: this.#holder,
    };
    this.#capacity *= 2;
    this.#state = new Uint8Array(this.#capacity);
    this.#tokens = new Float64Array(this.#capacity);
    this.#deadlines = new Float64Array(this.#capacity);
    this.#delivered = new Float64Array(this.#capacity);
    this.#holder = new Int32Array(this.#capacity);
    for (let number = this.#head; number < this.#tail; number += 1) {
      const from = number % old.capacity;
      const to = this.#indexOf(number);
      this.#state[to] = old.state[from] as number;
      this.#tokens[to] = old.tokens[from] as number;
      this.#deadlines[to] = old.deadlines[from] as number;
      this.#delivered[to] = old.delivered[from] as number;
      this.#holder[to] = old.holder[from] as number;
    }
  }
}
