import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../bus/cipher-suites.js';
import { TIMING } from './options.js';
import { userNamed, VirtualLan } from './testing/virtual-lan.js';

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('ClusterNode', () => {
  it('meets the other node, learns its users and delivers to them with a receipt', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    expect(a.node.problems()).toEqual([]);
    expect(a.node.isReady()).toBe(true);
    expect(a.node.peers()).toMatchObject([{ name: 'b', state: 'up', entries: 1, complete: true }]);
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
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    lan.add('b');
    lan.add('c');
    lan.run(2_000);
    a.node.join(lan.now, userNamed('ann'), 9);
    expect(lan.of(a, 'reachable')).toEqual([]);
    lan.run(5);
    expect(lan.of(a, 'reachable')).toEqual([{ type: 'reachable', token: 9, complete: true }]);
  });

  it('carries messages, publications and questions in order through heavy loss', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    const c = lan.add('c');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.lossRate = 0.2;
    lan.run(3_500);
    const large = Buffer.alloc(100_000, 'x');
    for (let index = 0; index < 500; index += 1) {
      expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(index) }, 0)).toBe('queued');
      if (index % 50 === 0) a.node.publish(lan.now, 'audit', Buffer.from(String(index)));
      if (index === 250) a.node.send(lan.now, { to: 'bob', from: null, data: large }, 0);
      lan.run(1);
    }
    a.node.ask(lan.now, 'where', Buffer.from('x'), 900, 4);
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

  it.each([508, 1_200])(
    'carries all a message may have beside its data, in datagrams of %d bytes',
    (bytes) => {
      const lan = new VirtualLan(nodeCipherSuite);
      const a = lan.add('a', { datagramBytes: bytes });
      const b = lan.add('b', { datagramBytes: bytes });
      // the longest there may be
      const [to, from, messageId] = ['b'.repeat(255), 'a'.repeat(255), 'ü'.repeat(32)];
      const trace = {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        traceFlags: 1,
      };
      b.node.join(lan.now, userNamed(to), 1);
      lan.run(2_000);
      const messages = [{}, { messageId }, { trace }, { messageId, trace }].flatMap((rest) =>
        [text(1), Buffer.alloc(5_000, 'x')].map((data) => ({ to, from, data, ...rest })),
      );
      for (const message of messages) expect(a.node.send(lan.now, message, 9)).toBe('queued');
      lan.run(10);
      expect(lan.of(b, 'message')).toMatchObject(
        messages.map(({ data, messageId: id = null, trace: span = null }) => ({
          to,
          from,
          data,
          messageId: id,
          trace: span === null ? null : { ...span, isRemote: true },
        })),
      );
    },
  );

  it.each([
    ['a trace id that is none', { traceId: '0af7', spanId: 'b7ad6b7169203331', traceFlags: 1 }],
    ['a span id that is none', { traceId: '0'.repeat(32), spanId: 'x'.repeat(16), traceFlags: 1 }],
    ['flags of more than a byte', { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 256 }],
  ])('takes no message with %s', (_what, trace) => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    const message = { to: 'bob', from: null, data: text(1) };
    expect(() => a.node.send(lan.now, { ...message, trace }, 0)).toThrow(
      expect.objectContaining({ name: 'RangeError' }),
    );
    expect(a.node.send(lan.now, message, 0)).toBe('queued');
    lan.run(10);
    expect(lan.of(b, 'message')).toMatchObject([{ trace: null }]);
  });

  it('names a dead node, and forgets its users', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    b.isPaused = true;
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 3)).toBe('queued');
    lan.run(1_000);
    expect(lan.of(a, 'receipt')).toEqual([{ type: 'receipt', token: 3, delivered: 0, complete: false }]);
    a.node.join(lan.now, userNamed('ann'), 2);
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
    const lan = new VirtualLan(nodeCipherSuite);
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
    const lan = new VirtualLan(nodeCipherSuite);
    const seeds = ['10.77.0.1:4000'];
    const hosts = ['a', 'b', 'c', 'd'].map((name) => lan.add(name, { mode: 'mesh', seeds }));
    lan.run(3_000);
    for (const { node } of hosts) {
      expect(node.peers().map(({ state }) => state)).toEqual(['up', 'up', 'up']);
      expect(node.isReady()).toBe(true);
    }
  });

  it('is deaf to clusters of another name or secret, and to recordings', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const a = lan.add('a');
    const b = lan.add('b');
    const other = lan.add('c', { clusterName: 'other' });
    const stranger = lan.add('d', { secrets: [Buffer.alloc(32, 2)] });
    b.node.join(lan.now, userNamed('bob'), 1);
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
    const lan = new VirtualLan(nodeCipherSuite);
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const a = lan.add('a', { secrets: [one, two] });
    const b = lan.add('b', { secrets: [two, one] });
    const c = lan.add('c', { secrets: [one] });
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(2_000);
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 0)).toBe('queued');
    lan.run(10);
    expect(lan.of(b, 'message')).toHaveLength(1);
    expect(c.node.peers().map(({ name }) => name)).toEqual(['a']);
  });

  it('reports rarely in a large cluster, and takes nobody for silent because of it', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const timing = { reportIntervalMs: 400, reportIdleMs: 400, reportMembersFlat: 2 };
    for (let index = 0; index < 20; index += 1) lan.add(`n${index}`, { timing });
    lan.run(5_000);
    // It knows nobody yet, and the others report every four seconds.
    const newcomer = lan.add('newcomer', { timing });
    const settled = lan.recorded.length;
    lan.run(3_000);
    expect(newcomer.node.isReady()).toBe(true);
    lan.run(3_000);
    expect(newcomer.node.peers().map(({ state }) => state)).toEqual(Array.from({ length: 20 }, () => 'up'));
    const met = lan.recorded.length;
    for (const end = lan.now + 20_000; lan.now < end; lan.run(500)) {
      for (const { node } of lan.hosts) {
        expect(node.peers().filter(({ state }) => state !== 'up')).toEqual([]);
      }
    }
    const introduction = met - settled;
    const perNodeAndSecond = (lan.recorded.length - met) / lan.hosts.length / 20;
    expect(introduction).toBeLessThan(30 * 20);
    expect(perNodeAndSecond).toBeLessThan(1);
    expect(lan.hosts.flatMap((host) => lan.of(host, 'gap'))).toEqual([]);

    // Silence takes as long as two and a half reports; death follows as soon as in a small cluster.
    const reports = (): number => lan.recorded.filter(({ from }) => from === newcomer.endpoint).length;
    for (const before = reports(); reports() === before;) lan.run(1);
    newcomer.isPaused = true;
    const others = lan.hosts.filter((host) => host !== newcomer);
    lan.run(2.5 * 4_200 + TIMING.deadAfterMs - TIMING.silentAfterMs + 700);
    for (const { node } of others) expect(node.peers()).toHaveLength(19);
  });
});
