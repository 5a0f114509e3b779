import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { CipherSuite } from './cipher.js';
import { ClusterNode } from './cluster-node.js';
import type { ProtocolEvent, Transmit } from './contract.js';
import type { ClusterNodeOptions } from './options.js';

const cipher: CipherSuite = {
  mac: (key, data) => createHmac('sha256', key).update(data).digest(),
  aead: (key) => ({
    seal(nonce, header, plain, out) {
      const sealing = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
      sealing.setAAD(header, { plaintextLength: plain.length });
      sealing.update(plain).copy(out);
      sealing.final();
      sealing.getAuthTag().copy(out, plain.length);
    },
    open(nonce, header, sealed, out) {
      const opening = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
      opening.setAAD(header, { plaintextLength: out.length });
      opening.setAuthTag(sealed.subarray(out.length));
      opening.update(sealed.subarray(0, out.length)).copy(out);
      try {
        opening.final();
        return true;
      } catch {
        return false;
      }
    },
  }),
};

/** mulberry32: small, seeded, good enough to drop datagrams with. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Host {
  readonly node: ClusterNode;
  readonly endpoint: string;
  readonly events: ProtocolEvent[];
  isPaused: boolean;
}

/** Real nodes on a made-up LAN: 0.2 ms away from each other, with a virtual clock. */
class Lan {
  now = 1_000;
  lossRate = 0;
  readonly hosts: Host[] = [];
  /** Everything that went over the wire, for a listener with a recorder. */
  readonly recorded: { transmit: Transmit; from: string }[] = [];
  readonly #random = seeded(7);
  #inFlight: { at: number; to: Host; arrival: 'shared' | 'own'; bytes: Buffer; from: string }[] = [];

  add(name: string, overrides: Partial<ClusterNodeOptions> = {}): Host {
    const index = this.hosts.length + 1;
    const endpoint = `10.77.0.${index}:4000`;
    const options: ClusterNodeOptions = {
      bootId: Buffer.alloc(12, index * 17),
      nodeName: name,
      clusterName: 'lanfare',
      version: '1.0.0',
      secrets: [Buffer.alloc(32, 1)],
      mode: 'broadcast',
      seeds: [],
      datagramBytes: 1_200,
      messageBytesMax: 1 << 20,
      receiveBufferBytes: 8 << 20,
      random: seeded(index),
      cipher,
      startedAt: this.now,
      ...overrides,
    };
    const host: Host = { node: new ClusterNode(options), endpoint, events: [], isPaused: false };
    this.hosts.push(host);
    return host;
  }

  run(ms: number): void {
    const end = this.now + ms;
    while (this.now <= end) {
      this.#settle();
      let next = Infinity;
      for (const host of this.hosts) if (!host.isPaused) next = Math.min(next, host.node.pollTimeout());
      for (const { at } of this.#inFlight) next = Math.min(next, at);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const due = this.#inFlight.filter(({ at }) => at <= this.now);
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.now);
      for (const { to, arrival, bytes, from } of due) {
        if (!to.isPaused) to.node.handleDatagram(this.now, arrival, bytes, from);
      }
      for (const host of this.hosts) {
        if (!host.isPaused && host.node.pollTimeout() <= this.now) {
          host.node.handleTimeout(this.now);
          expect(host.node.pollTimeout()).toBeGreaterThan(this.now);
        }
      }
    }
    this.now = end;
    this.#settle();
  }

  of<T extends ProtocolEvent['type']>(host: Host, type: T): Extract<ProtocolEvent, { type: T }>[] {
    return host.events.filter((event): event is Extract<ProtocolEvent, { type: T }> => event.type === type);
  }

  remove(host: Host): void {
    this.hosts.splice(this.hosts.indexOf(host), 1);
  }

  #settle(): void {
    for (const host of this.hosts) {
      if (host.isPaused) continue;
      host.node.flush(this.now);
      for (let event = host.node.pollEvent(); event !== undefined; event = host.node.pollEvent()) {
        host.events.push(event);
        if (event.type === 'message' && event.receipt !== 0) {
          host.node.acknowledge(this.now, event.peer, event.receipt, 1);
        }
        if (event.type === 'inquiry') {
          host.node.answer(this.now, event.peer, event.id, Buffer.from(`${event.topic}!`));
        }
      }
      host.node.flush(this.now);
      for (let out = host.node.pollTransmit(); out !== undefined; out = host.node.pollTransmit()) {
        this.recorded.push({ transmit: out, from: host.endpoint });
        for (const to of this.hosts) {
          if (out.to !== null && out.to !== to.endpoint) continue;
          if (to !== host && this.#random() < this.lossRate) continue;
          const arrival = out.to === null ? 'shared' : 'own';
          this.#inFlight.push({ at: this.now + 0.2, to, arrival, bytes: out.bytes, from: host.endpoint });
        }
      }
    }
  }
}

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('ClusterNode', () => {
  it('meets the other node, learns its users and delivers to them with a receipt', () => {
    const lan = new Lan();
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, 'bob', 1);
    lan.run(2_000);
    expect(a.node.problems()).toEqual([]);
    expect(a.node.isReady()).toBe(true);
    expect(a.node.peers()).toMatchObject([{ name: 'b', state: 'up', users: 1, complete: true }]);
    expect(lan.of(b, 'reachable')).toMatchObject([{ token: 1 }]);
    expect(a.node.send(lan.now, { to: 'bob', from: 'ann', data: text('hi') }, 5)).toBe('queued');
    expect(a.node.send(lan.now, { to: 'nobody', from: null, data: text(1) }, 6)).toBe('none');
    lan.run(5);
    expect(lan.of(b, 'message')).toMatchObject([{ to: 'bob', from: 'ann', data: text('hi') }]);
    expect(lan.of(a, 'receipt')).toEqual([
      { type: 'receipt', token: 6, delivered: 0, complete: true },
      { type: 'receipt', token: 5, delivered: 1, complete: true },
    ]);
  });

  it('lets a connection through within milliseconds when the peers are well', () => {
    const lan = new Lan();
    const a = lan.add('a');
    lan.add('b');
    lan.add('c');
    lan.run(2_000);
    a.node.join(lan.now, 'ann', 9);
    expect(lan.of(a, 'reachable')).toEqual([]);
    lan.run(5);
    expect(lan.of(a, 'reachable')).toEqual([{ type: 'reachable', token: 9 }]);
  });

  it('carries messages, publications and questions in order through heavy loss', () => {
    const lan = new Lan();
    const a = lan.add('a');
    const b = lan.add('b');
    const c = lan.add('c');
    b.node.join(lan.now, 'bob', 1);
    lan.lossRate = 0.2;
    lan.run(3_500);
    const large = Buffer.alloc(100_000, 'x');
    for (let index = 0; index < 500; index += 1) {
      expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(index) }, 0)).toBe('queued');
      if (index % 50 === 0) a.node.publish(lan.now, 'audit', Buffer.from(String(index)));
      if (index === 250) a.node.send(lan.now, { to: 'bob', from: null, data: large }, 0);
      lan.run(1);
    }
    a.node.inquire(lan.now, 'where', Buffer.from('x'), 900, 4);
    lan.run(3_000);
    const expected = Array.from({ length: 500 }, (_, index) => text(index).toString());
    expected.splice(251, 0, large.toString());
    expect(lan.of(b, 'message').map(({ data }) => data.toString())).toEqual(expected);
    expect(lan.of(c, 'publication').map(({ body }) => Number(body))).toEqual([
      0, 50, 100, 150, 200, 250, 300, 350, 400, 450,
    ]);
    expect(lan.of(a, 'answers')).toMatchObject([{ token: 4, missing: [] }]);
    expect(lan.of(a, 'gap')).toEqual([]);
    expect(a.node.statistics().queuedRecords).toBe(0);
  });

  it('names a dead node, and forgets its users', () => {
    const lan = new Lan();
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, 'bob', 1);
    lan.run(2_000);
    b.isPaused = true;
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 3)).toBe('queued');
    lan.run(1_000);
    expect(lan.of(a, 'receipt')).toEqual([{ type: 'receipt', token: 3, delivered: 0, complete: false }]);
    a.node.join(lan.now, 'ann', 2);
    lan.run(200);
    expect(lan.of(a, 'reachable')).toMatchObject([{ token: 2 }]);
    expect(lan.of(a, 'gap')).toMatchObject([{ kind: 'late' }]);
    lan.run(5_000);
    expect(lan.of(a, 'peer')).toMatchObject([{ change: 'joined' }, { change: 'lost' }]);
    expect(lan.of(a, 'gap').at(-1)).toMatchObject({ kind: 'lost', count: 1 });
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 0)).toBe('none');
    b.isPaused = false;
    lan.run(3_000);
    expect(a.node.peers()).toMatchObject([{ state: 'up' }]);
    expect(b.node.peers()).toMatchObject([{ state: 'up' }]);
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(2) }, 0)).toBe('queued');
    lan.run(10);
    expect(lan.of(b, 'message').map(({ data }) => data.toString())).toEqual(['2']);
  });

  it('says good-bye', () => {
    const lan = new Lan();
    const a = lan.add('a');
    const b = lan.add('b');
    lan.run(2_000);
    b.node.shutdown(lan.now);
    lan.run(100);
    expect(b.node.pollTimeout()).toBe(Infinity);
    expect(lan.of(a, 'peer').map(({ change }) => change)).toEqual(['joined', 'left']);
    expect(lan.of(a, 'gap')).toEqual([]);
  });

  it('finds everybody in mesh mode from one seed', () => {
    const lan = new Lan();
    const seeds = ['10.77.0.1:4000'];
    const hosts = ['a', 'b', 'c', 'd'].map((name) => lan.add(name, { mode: 'mesh', seeds }));
    lan.run(3_000);
    for (const { node } of hosts) {
      expect(node.peers().map(({ state }) => state)).toEqual(['up', 'up', 'up']);
      expect(node.isReady()).toBe(true);
    }
  });

  it('is deaf to clusters of another name or secret, and to recordings', () => {
    const lan = new Lan();
    const a = lan.add('a');
    const b = lan.add('b');
    const other = lan.add('c', { clusterName: 'other' });
    const stranger = lan.add('d', { secrets: [Buffer.alloc(32, 2)] });
    b.node.join(lan.now, 'bob', 1);
    lan.run(2_000);
    a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 0);
    lan.run(1_000);
    expect(a.node.peers()).toHaveLength(1);
    expect(other.node.peers()).toEqual([]);
    expect(stranger.node.peers()).toEqual([]);
    const before = { messages: lan.of(b, 'message').length, peers: b.node.peers().map(({ state }) => state) };
    for (const { transmit } of lan.recorded.slice()) {
      b.node.handleDatagram(lan.now, transmit.to === null ? 'shared' : 'own', transmit.bytes, '10.77.9.9:1');
    }
    lan.run(1_000);
    expect(lan.of(b, 'message')).toHaveLength(before.messages);
    expect(b.node.peers().map(({ state }) => state)).toEqual(before.peers);
    expect(b.node.peers()).toMatchObject([{ endpoint: a.endpoint }]);
  });

  it('rotates secrets node by node', () => {
    const lan = new Lan();
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const a = lan.add('a', { secrets: [one, two] });
    const b = lan.add('b', { secrets: [two, one] });
    const c = lan.add('c', { secrets: [one] });
    b.node.join(lan.now, 'bob', 1);
    lan.run(2_000);
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 0)).toBe('queued');
    lan.run(10);
    expect(lan.of(b, 'message')).toHaveLength(1);
    expect(c.node.peers().map(({ name }) => name)).toEqual(['a']);
  });
});
