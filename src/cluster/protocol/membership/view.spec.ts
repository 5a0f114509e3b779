import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import type { Transmit } from '../contract.js';
import { TIMING } from '../options.js';
import { OpenWire } from '../testing/open-wire.js';
import { userNamed, VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_HELLO, FRAME_RECORD_BROADCAST } from '../wire/frames.js';

let lan: VirtualLan;
let token: number;

beforeEach(() => {
  lan = new VirtualLan(nodeCipherSuite);
  token = 1_000;
});

/** Whether the answer to a message to `user` calls itself complete. */
const isComplete = (host: Host, user = 'nobody'): boolean | undefined => {
  token += 1;
  host.node.send(lan.now, { to: user, from: null, data: Buffer.from('1') }, token);
  lan.run(TIMING.receiptTimeoutMs);
  return lan.of(host, 'receipt').find((receipt) => receipt.token === token)?.complete;
};

const isForOne = (transmit: Transmit): boolean => transmit.to !== null;

describe('an answer calls itself complete', () => {
  it('not before the view has settled, and then when nobody else is there', () => {
    const a = lan.add('a');
    a.node.send(lan.now, { to: 'nobody', from: null, data: Buffer.from('1') }, 1);
    lan.run(2_000);
    expect(lan.of(a, 'receipt')).toMatchObject([{ token: 1, delivered: 0, complete: false }]);
    expect(isComplete(a)).toBe(true);
  });

  it('never while a node is heard that does not hear us', () => {
    const a = lan.add('a');
    const b = lan.add('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.loses = (_transmit, to) => to === b;
    lan.run(TIMING.settleMaxMs);
    // Longer than a boot that is not heard is remembered.
    for (let elapsed = 0; elapsed < 3 * TIMING.heardForgetMs; elapsed += TIMING.receiptTimeoutMs) {
      expect(isComplete(a, 'bob')).toBe(false);
    }
    // A gap names it, more than once.
    expect(lan.of(a, 'gap').filter(({ kind }) => kind === 'not-mutual').length).toBeGreaterThan(1);

    lan.loses = () => false;
    lan.run(1_000);
    expect(isComplete(a, 'bob')).toBe(true);
    expect(lan.of(a, 'receipt').at(-1)).toMatchObject({ delivered: 1 });
  });

  it('never while only what goes to all gets through', () => {
    const [a, b] = [lan.add('a'), lan.add('b')];
    lan.loses = isForOne;
    lan.run(TIMING.settleMaxMs);
    for (let elapsed = 0; elapsed < 2 * TIMING.heardForgetMs; elapsed += TIMING.receiptTimeoutMs) {
      expect(isComplete(a)).toBe(false);
    }
    expect(isComplete(b)).toBe(false);
    a.node.ask(lan.now, 'who', Buffer.from('?'), 500, 7);
    lan.run(600);
    expect(lan.of(a, 'answers')).toEqual([
      { type: 'answers', token: 7, answers: [], missing: [b.node.nodeId], complete: false },
    ]);
  });

  it('not while a peer is silent; again when it is taken for dead', () => {
    const a = lan.add('a');
    const b = lan.add('b');
    lan.run(2_000);
    expect(isComplete(a)).toBe(true);
    b.isPaused = true;
    lan.run(TIMING.silentAfterMs + 500);
    expect(isComplete(a)).toBe(false);
    lan.run(TIMING.deadAfterMs);
    expect(isComplete(a)).toBe(true);
  });

  it('nearly always while a node is restarted', () => {
    const a = lan.add('a');
    const b = lan.add('b');
    lan.run(2_000);
    b.node.shutdown(lan.now);
    let incomplete = 0;
    for (let elapsed = 0; elapsed < 4_000; elapsed += 1) {
      token += 1;
      a.node.send(lan.now, { to: 'nobody', from: null, data: Buffer.from('1') }, token);
      lan.run(1);
      if (lan.of(a, 'receipt').find((receipt) => receipt.token === token)?.complete !== true) incomplete += 1;
      if (elapsed === 500) b.isPaused = true;
      if (elapsed === 600) lan.add('b again', { bootId: Buffer.alloc(12, 99), nodeName: 'b' });
    }
    expect(a.node.peers()).toMatchObject([{ name: 'b', state: 'up' }]);
    expect(incomplete).toBeLessThan(50);
  });

  it('not for long because of a recording of a dead node', () => {
    const a = lan.add('a');
    const b = lan.add('b');
    const wire = new OpenWire(lan, nodeCipherSuite);
    // The datagram was held back and never arrived, so it is new.
    let hello: Buffer | undefined;
    lan.loses = (transmit, to, from) => {
      if (from === b && to === a && isForOne(transmit) && wire.carries(transmit, FRAME_HELLO)) {
        hello = transmit.bytes;
      }
      return from === b;
    };
    lan.run(TIMING.settleMaxMs);
    b.isPaused = true;
    lan.run(1_000);
    expect(isComplete(a)).toBe(true);
    a.node.handleDatagram(lan.now, 'own', hello as Buffer, '10.9.9.9:6666');
    expect(isComplete(a)).toBe(false);
    lan.run(TIMING.heardForgetMs + 2 * TIMING.reportIdleMs);
    expect(isComplete(a)).toBe(true);
  });

  it('not while announcements have been missing for longer than connections wait', () => {
    const a = lan.add('a');
    const b = lan.add('b');
    lan.run(2_000);
    const wire = new OpenWire(lan, nodeCipherSuite);
    lan.loses = (transmit, to) => to === a && wire.carries(transmit, FRAME_RECORD_BROADCAST);
    b.node.join(lan.now, userNamed('bob'), 1);
    lan.run(TIMING.barrierMs / 2);
    expect(lan.of(b, 'reachable')).toEqual([]);
    expect(lan.of(a, 'receipt')).toEqual([]);
    lan.run(2 * TIMING.barrierMs);
    expect(lan.of(b, 'reachable')).toHaveLength(1);
    expect(isComplete(a, 'bob')).toBe(false);
    lan.loses = () => false;
    lan.run(1_000);
    expect(isComplete(a, 'bob')).toBe(true);
  });

  it('not while the node does not hear itself', () => {
    const a = lan.add('a');
    lan.alters = (transmit) => ({ ...transmit, to: '10.77.0.99:1' });
    lan.run(2 * TIMING.settleMaxMs);
    expect(a.node.isReady()).toBe(false);
    expect(isComplete(a)).toBe(false);
  });
});

describe('in a mesh, an answer calls itself complete', () => {
  const down = '10.77.0.200:4000';
  const addMesh = (name: string, seeds: string[] = []): Host => lan.add(name, { mode: 'mesh', seeds });

  it('not while a seed has not answered and still has time to, though others have answered', () => {
    addMesh('a');
    const b = addMesh('b', ['10.77.0.1:4000', down]);
    const start = lan.now;
    lan.run(1_000);
    expect(b.node.peers()).toMatchObject([{ name: 'a' }]);
    expect(isComplete(b)).toBe(false);
    lan.run(start + TIMING.settleMaxMs - lan.now);
    expect(isComplete(b)).toBe(true);
  });

  it('never while a peer is configured and none has been met', () => {
    const a = addMesh('a', [down]);
    lan.run(5 * TIMING.settleMaxMs);
    expect(a.node.isReady()).toBe(false);
    expect(isComplete(a)).toBe(false);
  });

  it('not while no address of a configured peer is known; then from the first meeting', () => {
    const a = addMesh('a');
    a.node.setSeeds(lan.now, [], false);
    lan.run(2 * TIMING.settleMaxMs);
    expect(a.node.isReady()).toBe(false);
    expect(a.node.problems()[0]).toContain('UDP_PEERS');
    expect(isComplete(a)).toBe(false);

    const b = addMesh('b');
    b.node.join(lan.now, userNamed('bob'), 1);
    a.node.setSeeds(lan.now, ['10.77.0.2:4000'], true);
    lan.run(2 * TIMING.reportIdleMs);
    expect(a.node.isReady()).toBe(true);
    expect(isComplete(a, 'bob')).toBe(true);
    expect(lan.of(a, 'receipt').at(-1)).toMatchObject({ delivered: 1 });
  });

  it('when the node is the only one configured', () => {
    const a = addMesh('a', ['10.77.0.1:4000']);
    lan.run(2 * TIMING.settleMaxMs);
    expect(a.node.isReady()).toBe(true);
    expect(isComplete(a)).toBe(true);
  });
});
