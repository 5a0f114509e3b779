import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../bus/cipher-suites.js';
import type { Transmit } from './contract.js';
import { FRAME_NACK, FRAME_STATUS, FRAME_WELCOME } from './frames.js';
import { TIMING } from './options.js';
import { OpenWire } from './testing/open-wire.js';
import { VirtualLan, type Host } from './testing/virtual-lan.js';

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

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
  const refusals = ({ node }: Host): number =>
    Object.values(node.statistics().datagramsRejected).reduce((sum, count) => sum + count, 0);
  const welcomesTo = (host: Host): Buffer[] =>
    lan.recorded
      .filter(({ from, transmit }) => from === a.endpoint && transmit.to === host.endpoint)
      .filter(({ transmit }) => wire.carries(transmit, FRAME_WELCOME))
      .map(({ transmit }) => transmit.bytes);

  it('not by a late one, which answers a HELLO that has been given up since', () => {
    b.node.join(lan.now, 'bob', 1);
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

    // Nor does anything else of b now, least of all a request for the record that it misses: it gives the session up.
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

    // Were b to believe the late WELCOME, it would count the old session from 1 again, and ask a for what it has had.
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

  it('and once: the same answer given again, as repeated HELLOs get it, leaves the session as it is', () => {
    b.node.join(lan.now, 'bob', 1);
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
