import { setTimeout as sleep } from 'node:timers/promises';
import { Client, refusalsOf } from './client.js';
import { measureCosts } from './costs.js';
import { dialects } from './dialects.js';
import { Histogram } from './histogram.js';
import { readPair, readSequence, readTime } from './wire.js';

/** After so long without a delivery, one more message is published. Otherwise a lost delivery would end the loop. */
const STALL_MS = 1000;
const CONNECTING_AT_ONCE = 100;

function microseconds() {
  return Math.floor(performance.now() * 1000) >>> 0;
}

/** One member that publishes, and its messages that have not reached all members. */
class Publisher {
  sent = 0;
  /** Number of a message -> how many members do not have it yet. */
  underWay = new Map();
  touched = false;
  lastHeard = 0;

  constructor(index, client, stencil) {
    this.index = index;
    this.client = client;
    this.stencil = stencil;
  }
}

/**
 * A room whose members are spread over the nodes, in turn. One member on each node publishes. All members are in this process,
 * so a publisher knows when everybody has its message.
 *
 * Of peers without rooms, all members are devices of one user, or subscribe to one subject.
 */
export class RoomOfMembers {
  #clients = [];
  #publishers = [];
  #touched = [];
  #first = new Histogram();
  #last = new Histogram();
  #inFlight = 0;
  #isCounting = false;
  #deliveries = 0;
  #published = 0;
  #outOfOrder = 0;
  #duplicates = 0;
  #lostConnections = [];

  async open({ members, nodes, dialect, options, sources, bytes }) {
    const roomDialect = dialect === 'lanfare' ? 'lanfare-room' : dialect;
    const { hasRooms = false } = dialects[roomDialect];
    this.#clients = Array.from(
      { length: members },
      (_, index) =>
        new Client(roomDialect, hasRooms ? `m${String(index).padStart(6, '0')}` : 'hall', options),
    );
    let next = 0;
    const connectSome = async () => {
      while (next < members) {
        const index = next++;
        const localAddress = sources?.[index % sources.length];
        await this.#clients[index].connect({ ...nodes[index % nodes.length], localAddress });
      }
    };
    for (const client of this.#clients) this.#listen(client, nodes.length);
    await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
    this.#publishers = nodes.map((_, index) => {
      const client = this.#clients[index];
      return new Publisher(index, client, client.stencil('hall', index, bytes));
    });
    await this.#probe();
  }

  #listen(client, publishers) {
    /** The next message of each publisher. */
    const next = new Uint32Array(publishers).fill(1);
    const missing = Array.from({ length: publishers }, () => new Set());
    client.isReached = 0;
    client.onLost = (error) => this.#lostConnections.push(error.message);
    client.onBatch = () => this.#refill();
    client.onMessage = (buffer, at) => {
      const index = readPair(buffer, at);
      const sequence = readSequence(buffer, at);
      if (index >= publishers) {
        client.corrupt++;
      } else if (sequence === 0) {
        client.isReached |= 1 << index;
      } else if (sequence >= next[index]) {
        while (next[index] < sequence) missing[index].add(next[index]++);
        next[index]++;
        this.#delivered(this.#publishers[index], sequence, readTime(buffer, at));
      } else if (missing[index].delete(sequence)) {
        this.#outOfOrder++;
        this.#delivered(this.#publishers[index], sequence, readTime(buffer, at));
      } else {
        this.#duplicates++;
      }
    };
  }

  /** Waits until every member has had a message of every publisher. */
  async #probe() {
    const deadline = performance.now() + 20_000;
    const all = (1 << this.#publishers.length) - 1;
    for (;;) {
      const silent = this.#clients.filter(({ isReached }) => isReached !== all).length;
      if (silent === 0) break;
      if (performance.now() > deadline) {
        const { last } = refusalsOf(this.#clients);
        throw new Error(`${silent} of ${this.#clients.length} members were never reached. ${last}`);
      }
      for (const { client, stencil } of this.#publishers) {
        client.socket.write(stencil.stamp(1, 0, microseconds()));
      }
      await sleep(250);
    }
    await sleep(500);
  }

  #delivered(publisher, sequence, time) {
    const left = publisher.underWay.get(sequence);
    if (left === undefined) return;
    const isFirst = left === this.#clients.length;
    if (this.#isCounting) {
      this.#deliveries++;
      const age = (microseconds() - time) >>> 0;
      if (isFirst) this.#first.record(age);
      if (left === 1) {
        this.#last.record(age);
        this.#published++;
      }
    }
    publisher.lastHeard = microseconds();
    if (left > 1) {
      publisher.underWay.set(sequence, left - 1);
      return;
    }
    publisher.underWay.delete(sequence);
    if (publisher.touched) return;
    publisher.touched = true;
    this.#touched.push(publisher);
  }

  /** Runs once for each read: for all messages that have reached everybody, new ones are published in one write. */
  #refill() {
    if (this.#touched.length === 0) return;
    for (const publisher of this.#touched.splice(0)) {
      publisher.touched = false;
      const free = this.#inFlight - publisher.underWay.size;
      if (free > 0) this.#publish(publisher, free);
    }
  }

  #publish(publisher, count) {
    const { client, stencil } = publisher;
    const first = publisher.sent + 1;
    publisher.sent += count;
    for (let sequence = first; sequence <= publisher.sent; sequence++) {
      publisher.underWay.set(sequence, this.#clients.length);
    }
    client.socket.write(stencil.stamp(count, first, microseconds()));
  }

  /** Each publisher keeps `inFlight` messages under way, and publishes the next when all members have one. */
  async closedLoop({ inFlight, warmMs, ms, pids }) {
    this.#inFlight = inFlight;
    for (const publisher of this.#publishers) {
      publisher.lastHeard = microseconds();
      this.#publish(publisher, inFlight);
    }
    const stallTimer = setInterval(() => this.#nudge(), 100);
    await sleep(warmMs);
    this.#isCounting = true;
    const costs = await measureCosts(ms, pids);
    this.#isCounting = false;
    this.#inFlight = 0;
    clearInterval(stallTimer);
    await this.#drain();
    return {
      ...costs,
      received: this.#deliveries,
      rate: this.#deliveries / costs.seconds,
      publishes: this.#published / costs.seconds,
      firstP50: this.#first.percentile(0.5),
      firstP99: this.#first.percentile(0.99),
      p50: this.#last.percentile(0.5),
      p99: this.#last.percentile(0.99),
      p999: this.#last.percentile(0.999),
    };
  }

  #nudge() {
    const now = microseconds();
    for (const publisher of this.#publishers) {
      if ((now - publisher.lastHeard) >>> 0 <= STALL_MS * 1000) continue;
      publisher.lastHeard = now;
      this.#publish(publisher, 1);
    }
  }

  /** Waits for messages under way. It gives up when nothing has come for two seconds. */
  async #drain() {
    let left = this.#missing();
    let lastChange = performance.now();
    while (left > 0 && performance.now() - lastChange < 2000) {
      await sleep(20);
      const now = this.#missing();
      if (now !== left) lastChange = performance.now();
      left = now;
    }
  }

  /** Deliveries that have not come. */
  #missing() {
    let sum = 0;
    for (const { underWay } of this.#publishers) for (const left of underWay.values()) sum += left;
    return sum;
  }

  close() {
    for (const client of this.#clients) client.close();
  }

  account() {
    const { count, last } = refusalsOf(this.#clients);
    return {
      sent: this.#publishers.reduce((sum, { sent }) => sum + sent, 0),
      lost: this.#missing(),
      outOfOrder: this.#outOfOrder,
      duplicates: this.#duplicates,
      corrupt: this.#clients.reduce((sum, { corrupt }) => sum + corrupt, 0),
      refused: count,
      lastRefusal: last,
      connectionsLost: this.#lostConnections.length,
      lastConnectionError: this.#lostConnections.at(-1) ?? '',
    };
  }
}
