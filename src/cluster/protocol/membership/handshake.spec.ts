import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { Transmit } from '../contract.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_HELLO, FRAME_NACK, FRAME_STATUS, FRAME_WELCOME } from '../wire/frames.js';

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const refusals = ({ node }: Host): number =>
  Object.values(node.statistics().datagramsRejected).reduce((sum, count) => sum + count, 0);

describe('R2: a session is opened by the answer to our own current HELLO, and by nothing else', () => {
  let lan: VirtualLan;
  let wire: OpenWire;
  let a: Host;
  let b: Host;

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    wire = new OpenWire(lan, nodeCipherSuite);
    a = lan.add('a');
    b = lan.add('b');
  });

  const send = (value: unknown): void => {
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(value) }, 0)).toBe('queued');
  };
  const received = (): unknown[] =>
    lan.of(b, 'message').map(({ data }): unknown => JSON.parse(data.toString()));
  const changes = (): string[] => lan.of(b, 'peer').map(({ change }) => change);
  const play = (bytes: Buffer): void => b.node.handleDatagram(lan.now, 'own', bytes, a.endpoint);
  const welcomesTo = (host: Host): Buffer[] =>
    lan.recorded
      .filter(({ from, transmit }) => from === a.endpoint && transmit.to === host.endpoint)
      .filter(({ transmit }) => wire.carries(transmit, FRAME_WELCOME))
      .map(({ transmit }) => transmit.bytes);

  it('not by a late one, which answers a HELLO that has been given up since', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    // The first WELCOME stays on the way; the HELLO is repeated, and answered again. No ack of b ever arrives.
    let late: Buffer | undefined;
    lan.loses = (transmit, to, from) => {
      if (from === b) return wire.carries(transmit, FRAME_STATUS);
      if (late !== undefined || to !== b || !wire.carries(transmit, FRAME_WELCOME)) return false;
      late = transmit.bytes;
      return true;
    };
    lan.run(2_000);
    expect(changes()).toEqual(['joined']);

    // Nothing else of b arrives now, also no request for the record that it misses. So it gives the session up.
    const isOfB = (_transmit: Transmit, _to: Host, from: Host): boolean => from === b;
    lan.loses = isOfB;
    send(1);
    lan.run(5);
    send(2);
    lan.run(5);
    lan.loses = () => true;
    send(3);
    lan.run(5);
    lan.loses = isOfB;
    send(4);
    lan.run(TIMING.gapAfterMs + 50);
    expect(lan.of(b, 'gap')).toMatchObject([{ kind: 'gap' }]);
    expect(b.node.peers()).toMatchObject([{ complete: false }]);

    // If b believed the late WELCOME, it would begin the old session at 1 again, and ask a for records that it has had.
    expect(late).toBeDefined();
    play(late as Buffer);
    lan.loses = (transmit, _to, from) => from === b && !wire.carries(transmit, FRAME_NACK);
    lan.run(600);
    expect(received()).toEqual([1, 2]);
    expect(changes()).toEqual(['joined']);

    lan.loses = () => false;
    lan.run(1_000);
    expect(changes()).toEqual(['joined', 'rejoined']);
    expect(received()).toEqual([1, 2, 3, 4]);
  });

  it('and its snapshot has every user that was called reachable before, if only in this turn', () => {
    // Of b only its HELLO arrives, and only later. So a has no peer to wait for.
    let hello: Buffer | undefined;
    lan.loses = (transmit, _to, from) => {
      if (from !== b) return false;
      if (transmit.to !== null && wire.carries(transmit, FRAME_HELLO)) hello = transmit.bytes;
      return true;
    };
    lan.run(10);
    expect(hello).toBeDefined();

    a.node.join(lan.now, userNamed('ann'), 1);
    a.node.handleDatagram(lan.now, 'own', hello as Buffer, b.endpoint);
    // The announcement is lost on its way to b.
    lan.loses = (transmit, _to, from) => from === a && transmit.to === null;
    lan.run(3);
    expect(lan.of(a, 'reachable')).toHaveLength(1);
    expect(b.node.peers()).toMatchObject([{ complete: true }]);
    expect(b.node.send(lan.now, { to: 'ann', from: null, data: text(1) }, 0)).toBe('queued');
    lan.run(10);
    expect(lan.of(a, 'message')).toHaveLength(1);
  });

  it('not by one that answers what was not asked', () => {
    const shifted = (transmit: Transmit, by: number): Buffer =>
      wire.withFrames(
        transmit,
        wire.framesOf(transmit).map(({ type, body }) => {
          if (type !== FRAME_WELCOME) return { type, body };
          const changed = Buffer.from(body);
          changed.writeUInt32BE((body.readUInt32BE(0) + by) >>> 0, 0);
          return { type, body: changed };
        }),
      );
    let by = 1;
    lan.alters = (transmit, from) =>
      from === a && transmit.to !== null ? { ...transmit, bytes: shifted(transmit, (by = -by)) } : transmit;
    lan.run(2_000);
    expect(welcomesTo(b).length).toBeGreaterThan(5);
    expect(changes()).toEqual([]);
    lan.alters = (transmit) => transmit;
    lan.run(500);
    expect(changes()).toEqual(['joined']);
  });

  it('not by one that was made for another node', () => {
    const c = lan.add('c');
    lan.loses = (transmit, to, from) => from === a && to === b && wire.carries(transmit, FRAME_WELCOME);
    lan.run(1_000);
    const before = refusals(b);
    for (const bytes of welcomesTo(c)) play(bytes);
    expect(welcomesTo(c)).toHaveLength(1);
    expect(refusals(b) - before).toBe(1);
    lan.run(100);
    expect(lan.of(b, 'peer').map(({ peer }) => peer.name)).toEqual(['c']);
  });

  it('not by a recording of the one that did: it is refused as replayed', () => {
    lan.run(1_000);
    const [welcome] = welcomesTo(b);
    const before = b.node.statistics().datagramsRejected['replayed'] ?? 0;
    play(welcome as Buffer);
    expect(b.node.statistics().datagramsRejected['replayed']).toBe(before + 1);
    lan.run(100);
    expect(changes()).toEqual(['joined']);
  });

  it('only once: the same answer, as repeated HELLOs get it, leaves the session as it is', () => {
    b.node.join(lan.now, userNamed('bob'), 1);
    // Both HELLOs arrive, the first answer is overtaken by the second.
    let overtaken: Buffer | undefined;
    lan.loses = (transmit, to) => {
      if (overtaken !== undefined || to !== b || !wire.carries(transmit, FRAME_WELCOME)) return false;
      overtaken = transmit.bytes;
      return true;
    };
    lan.run(2_000);
    send(1);
    lan.run(20);
    play(overtaken as Buffer);
    send(2);
    lan.run(1_000);
    expect(received()).toEqual([1, 2]);
    expect(changes()).toEqual(['joined']);
    expect(lan.of(b, 'gap')).toEqual([]);
  });
});

describe.each([
  ['nobody here has ever heard of', 1e9],
  ['was heard of from others, and forgotten', TIMING.gossipIntervalMs],
])('recordings of a dead boot that %s', (_name, gossipIntervalMs) => {
  let lan: VirtualLan;
  let a: Host;
  let b: Host;
  let dead: Host;
  let hellos: Buffer[];
  let everything: { readonly arrival: 'shared' | 'own'; readonly bytes: Buffer }[];

  /** An attacker keeps all datagrams of the boot from a, and records them. Its HELLOs and reports are new to a. */
  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    const wire = new OpenWire(lan, nodeCipherSuite);
    a = lan.add('a');
    b = lan.add('b', { timing: { gossipIntervalMs } });
    dead = lan.add('dead');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.loses = (_transmit, to, from) => from === dead && to === a;
    lan.run(8_000);
    dead.isPaused = true;
    lan.run(TIMING.deadAfterMs + 1_000);
    const heldBack = lan.recorded
      .filter(({ from, transmit }) => from === dead.endpoint && transmit.to !== b.endpoint)
      .map(({ transmit }) => transmit);
    hellos = heldBack.filter((transmit) => wire.carries(transmit, FRAME_HELLO)).map(({ bytes }) => bytes);
    everything = heldBack.map(({ to, bytes }) => ({ arrival: to === null ? 'shared' : 'own', bytes }));
    expect(hellos.length).toBeGreaterThan(10);
    a.events.length = 0;
  });

  /** Receipts come at once. All are incomplete while the boot is heard of: it may be there, and was not asked. */
  const expectAllIsWell = (): void => {
    expect(a.node.peers().map(({ name, state }) => [name, state])).toEqual([['b', 'up']]);
    expect(a.node.send(lan.now, { to: 'bob', from: null, data: text(1) }, 7)).toBe('queued');
    expect(a.node.send(lan.now, { to: 'nobody', from: null, data: text(1) }, 8)).toBe('none');
    lan.run(20);
    expect(lan.of(a, 'receipt').slice(-2)).toEqual([
      { type: 'receipt', token: 8, delivered: 0, complete: false },
      { type: 'receipt', token: 7, delivered: 1, complete: false },
    ]);
  };

  it('do not make it a peer: nothing is routed to it, no receipt waits for it', () => {
    for (const bytes of hellos) {
      a.node.handleDatagram(lan.now, 'own', bytes, '10.77.9.9:6666');
      expectAllIsWell();
    }
  });

  it('cost a few connections the barrier, and no more: the peer that they did not wait for is named', () => {
    const [hello] = hellos as [Buffer];
    a.node.handleDatagram(lan.now, 'own', hello, '10.77.9.9:6666');
    let delayed = 0;
    for (let token = 1; token < 200; token += 1) {
      a.node.join(lan.now, userNamed(`user-${token}`), token);
      lan.run(10);
      if (lan.of(a, 'reachable').length === token) continue;
      delayed += 1;
      lan.run(TIMING.barrierMs - 10);
      expect(lan.of(a, 'reachable')).toHaveLength(token);
    }
    // One waits for the barrier, one for the window of the broadcast stream.
    expect(delayed).toBeLessThanOrEqual(2);
    lan.run(TIMING.heardForgetMs);
    expect(lan.of(a, 'gap')).not.toEqual([]);
    for (const gap of lan.of(a, 'gap')) {
      expect(gap.peer).toBe(dead.node.nodeId);
      expect(['late', 'not-mutual']).toContain(gap.kind);
    }
  });

  it('do not keep it alive, however long they are played', () => {
    for (const { arrival, bytes } of everything) {
      a.node.handleDatagram(lan.now, arrival, bytes, '10.77.9.9:6666');
      lan.run(300);
      expectAllIsWell();
    }
    lan.run(TIMING.heardForgetMs + 1_000);
    expect(lan.of(a, 'peer')).toEqual([]);
    expect(lan.of(a, 'gap').every(({ kind }) => kind === 'not-mutual' || kind === 'late')).toBe(true);
    // The boot is forgotten. The replayed datagrams are old now, and open no session any more.
    const before = refusals(a);
    for (const { arrival, bytes } of everything) {
      a.node.handleDatagram(lan.now, arrival, bytes, '10.77.9.9:6666');
    }
    expect(refusals(a) - before).toBe(everything.length);
  });

  it('do no lasting harm when the boot lives after all', () => {
    for (const bytes of hellos) a.node.handleDatagram(lan.now, 'own', bytes, '10.77.9.9:6666');
    lan.run(300);
    lan.loses = () => false;
    dead.isPaused = false;
    lan.run(TIMING.heardForgetMs + 3_000);
    expect(a.node.peers()).toMatchObject([{ state: 'up' }, { state: 'up', endpoint: dead.endpoint }]);
    expect(dead.node.peers()).toMatchObject([{ state: 'up' }, { state: 'up' }]);
  });
});
