import { setTimeout as sleep } from 'node:timers/promises';
import { Client, refusalsOf } from './client.js';
import { measureCosts } from './costs.js';
import { Histogram } from './histogram.js';
import { readPair, readSequence, readTime } from './wire.js';

/** After so long without a message, a closed loop sends one more. Otherwise a lost message would end the loop. */
const STALL_MS = 500;
/** If more bytes than this wait in the sender's process, its server does not read. Then the sender waits. */
const SENDER_BACKLOG_BYTES = 16 * 1024;
/** How often an open loop sends. */
const OPEN_LOOP_TICK_MS = 2;

/** One sender, one receiver, and the messages that went from the sender to the receiver. */
class Pair {
  sent = 0;
  /** The number the next message in order has. Numbers begin with 1; 0 is a probe. */
  next = 1;
  received = 0;
  missing = new Set();
  touched = false;
  lastHeard = 0;

  constructor(index, sender, receiver, stencil) {
    this.index = index;
    this.sender = sender;
    this.receiver = receiver;
    this.stencil = stencil;
  }

  get inFlight() {
    return this.sent + 1 - this.next;
  }

  send(count, time) {
    this.sender.socket.write(this.stencil.stamp(count, this.sent + 1, time));
    this.sent += count;
  }
}

function microseconds() {
  return Math.floor(performance.now() * 1000) >>> 0;
}

/**
 * Pairs of clients. Half of them send from the first node to the second, the other half from the second to the first. With
 * one node all are on it. The sender and the receiver of a pair are both in this process, so the sender knows what has
 * arrived.
 */
export class Pairs {
  #pairs = [];
  #touched = [];
  #latency = new Histogram();
  #inFlight = 0;
  #counting = false;
  #counted = 0;
  #outOfOrder = 0;
  #duplicates = 0;
  #lostConnections = [];
  #clients = [];

  async open({ pairs, nodes, dialect, options, sources, bytes, users = 'names' }) {
    const ids =
      users === 'numbers' ? [(n) => `${1000 + n}`, (n) => `${5000 + n}`] : [(n) => `a${n}`, (n) => `b${n}`];
    const opening = [];
    for (let index = 0; index < pairs; index++) {
      const [from, to] = index % 2 === 0 ? [nodes[0], nodes.at(-1)] : [nodes.at(-1), nodes[0]];
      const [a, b] = ids.map((id) => new Client(dialect, id(index), options));
      const localAddress = sources?.[index % sources.length];
      opening.push(a.connect({ ...from, localAddress }), b.connect({ ...to, localAddress }));
      const pair = new Pair(index, a, b, a.stencil(b.user, index, bytes));
      b.onMessage = (buffer, at) => this.#arrived(pair, buffer, at);
      b.onBatch = () => this.#refill();
      for (const client of [a, b]) client.onLost = (error) => this.#lostConnections.push(error.message);
      this.#clients.push(a, b);
      this.#pairs.push(pair);
    }
    await Promise.all(opening);
    await this.#probe();
  }

  /** Waits until every pair has had a message: before that, servers may not know yet who is where. */
  async #probe() {
    const deadline = performance.now() + 15_000;
    for (;;) {
      const silent = this.#pairs.filter((pair) => pair.received === 0);
      if (silent.length === 0) break;
      if (performance.now() > deadline) {
        const refusal = refusalsOf(this.#clients).last;
        throw new Error(`${silent.length} of ${this.#pairs.length} pairs never connected. ${refusal}`);
      }
      for (const pair of silent) pair.sender.socket.write(pair.stencil.stamp(1, 0, microseconds()));
      await sleep(100);
    }
    await sleep(200);
  }

  #arrived(pair, buffer, at) {
    const sequence = readSequence(buffer, at);
    if (readPair(buffer, at) !== pair.index) {
      pair.receiver.corrupt++;
      return;
    }
    if (sequence === 0) {
      pair.received++;
      return;
    }
    if (sequence === pair.next) pair.next++;
    else if (sequence > pair.next) {
      while (pair.next < sequence) pair.missing.add(pair.next++);
      pair.next++;
    } else if (pair.missing.delete(sequence)) this.#outOfOrder++;
    else {
      this.#duplicates++;
      return;
    }
    if (this.#counting) {
      this.#counted++;
      this.#latency.record((microseconds() - readTime(buffer, at)) >>> 0);
    }
    if (!pair.touched) {
      pair.touched = true;
      this.#touched.push(pair);
    }
  }

  /** Runs once for each read: for all messages that arrived together, new ones are sent in one write. */
  #refill() {
    const touched = this.#touched;
    if (touched.length === 0) return;
    const time = microseconds();
    for (const pair of touched) {
      pair.touched = false;
      pair.lastHeard = time;
      const free = this.#inFlight - pair.inFlight;
      if (free > 0) pair.send(free, time);
    }
    touched.length = 0;
  }

  /** Each sender keeps `inFlight` messages under way, and sends the next when one has arrived. */
  async closedLoop({ inFlight, warmMs, ms, pids }) {
    this.#inFlight = inFlight;
    const start = microseconds();
    for (const pair of this.#pairs) {
      pair.lastHeard = start;
      if (pair.inFlight < inFlight) pair.send(inFlight - pair.inFlight, start);
    }
    const stallTimer = setInterval(() => this.#nudge(), 100);
    await sleep(warmMs);
    const result = await this.#measure(ms, pids);
    this.#inFlight = 0;
    clearInterval(stallTimer);
    return { ...result, drainMs: await this.#drain(3000) };
  }

  #nudge() {
    const now = microseconds();
    for (const pair of this.#pairs) {
      if (pair.inFlight > 0 && (now - pair.lastHeard) >>> 0 > STALL_MS * 1000) {
        pair.lastHeard = now;
        pair.send(1, now);
      }
    }
  }

  /**
   * Sends at a given rate, whether or not messages arrive. When a server stops reading, its sender stops writing, as every
   * program must. What it held back is reported as held back, not as lost.
   */
  async openLoop({ rate, ms, pids, drainMs = 15_000 }) {
    this.#inFlight = 0;
    const perPair = rate / this.#pairs.length / 1000;
    const due = new Float64Array(this.#pairs.length).map(() => Math.random());
    let last = performance.now();
    let offered = 0;
    let heldBack = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      const share = (now - last) * perPair;
      last = now;
      const time = microseconds();
      for (const pair of this.#pairs) {
        const count = Math.floor((due[pair.index] += share));
        if (count === 0) continue;
        due[pair.index] -= count;
        offered += count;
        const { socket } = pair.sender;
        if (!socket.writable || socket.writableLength > SENDER_BACKLOG_BYTES) heldBack += count;
        else pair.send(count, time);
      }
    }, OPEN_LOOP_TICK_MS);
    const result = await this.#measure(ms, pids);
    clearInterval(timer);
    return { ...result, offered, heldBack, drainMs: await this.#drain(drainMs) };
  }

  async #measure(ms, pids) {
    this.#latency.reset();
    this.#counted = 0;
    this.#counting = true;
    const costs = await measureCosts(ms, pids);
    const received = this.#counted;
    this.#counting = false;
    return {
      ...costs,
      received,
      rate: received / costs.seconds,
      p50: this.#latency.percentile(0.5),
      p99: this.#latency.percentile(0.99),
      p999: this.#latency.percentile(0.999),
    };
  }

  /** Waits for messages in flight. It gives up when nothing has come for two seconds. */
  async #drain(limitMs) {
    const start = performance.now();
    let left = this.#underWay();
    let lastChange = start;
    while (left > 0 && performance.now() - start < limitMs && performance.now() - lastChange < 2000) {
      await sleep(10);
      const now = this.#underWay();
      if (now !== left) lastChange = performance.now();
      left = now;
    }
    return performance.now() - start;
  }

  #underWay() {
    let sum = 0;
    for (const pair of this.#pairs) sum += pair.inFlight + pair.missing.size;
    return sum;
  }

  close() {
    for (const client of this.#clients) client.close();
  }

  /** Counts all messages that were sent since `open`, warming up and draining included. */
  account() {
    const sum = (value) => this.#pairs.reduce((total, pair) => total + value(pair), 0);
    const refusals = refusalsOf(this.#clients);
    return {
      sent: sum((pair) => pair.sent),
      lost: sum((pair) => pair.inFlight + pair.missing.size),
      outOfOrder: this.#outOfOrder,
      duplicates: this.#duplicates,
      corrupt: this.#clients.reduce((total, client) => total + client.corrupt, 0),
      refused: refusals.count,
      lastRefusal: refusals.last,
      connectionsLost: this.#lostConnections.length,
      lastConnectionError: this.#lostConnections.at(-1) ?? '',
    };
  }
}
