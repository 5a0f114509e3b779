import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import { moduleFailures } from '../telemetry/module-failures.js';
import type { Gap } from './bus/bus.js';
import { MemoryNetwork, type MemoryBus } from './bus/memory-bus.js';
import { Cluster } from './cluster.js';

const circular: { self?: unknown } = {};
circular.self = circular;
/** What was sent arrives in a later turn of the event loop. */
const arrived = async () => new Promise(setImmediate);
const NOT_JSON = [undefined, () => 1, 1n, circular, { toJSON: () => undefined }];

describe('what modules say to each other between nodes', () => {
  let buses: [MemoryBus, MemoryBus];
  let a: Cluster;
  let b: Cluster;
  let warnings: jest.SpiedFunction<Logger['warn']>;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    warnings = jest.spyOn(Logger.prototype, 'warn');
    const network = new MemoryNetwork();
    buses = [network.node('a'), network.node('b')];
    [a, b] = [new Cluster(buses[0]), new Cluster(buses[1])];
    await Promise.all([a.onApplicationBootstrap(), b.onApplicationBootstrap()]);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  const warned = () => warnings.mock.calls.map(([line]) => String(line)).join('\n');

  describe('on a channel', () => {
    it('arrives for all who listen, whatever arrived before that is not JSON', async () => {
      const heard: unknown[][] = [[], []];
      for (const list of heard) a.channel('audit').messages$.subscribe(({ data }) => list.push(data));
      b.channel('audit').publish(1);
      buses[1].publish('audit', Buffer.from('{"half":'));
      buses[1].publish('audit', Buffer.alloc(0));
      buses[1].publish('another', Buffer.from('nonsense too'));
      b.channel('audit').publish(null);
      await arrived();
      expect(heard).toEqual([
        [1, null],
        [1, null],
      ]);
      expect(a.rejectedBodies.publication).toBe(2);
      expect(warned()).toContain('Node b sent something that is not JSON as publication of "audit"');
    });

    it.each(NOT_JSON)(
      'is refused to the module that publishes it when it is not JSON (%#)',
      async (value) => {
        const heard: unknown[] = [];
        a.channel('audit').messages$.subscribe(({ data }) => heard.push(data));
        expect(() => b.channel('audit').publish(value)).toThrow(TypeError);
        await arrived();
        expect(heard).toEqual([]);
      },
    );
  });

  describe('as questions and answers', () => {
    it('is decoded on both sides, and may take its time', async () => {
      b.respond('double', async (body) => {
        await Promise.resolve();
        return { twice: (body as { n: number }).n * 2 };
      });
      expect(await a.ask('double', { n: 21 }, 100)).toEqual({
        answers: [{ nodeId: 'b', data: { twice: 42 } }],
        missing: [],
        complete: true,
      });
    });

    it('may be nothing: that is an answer too', async () => {
      b.respond('nothing', () => undefined);
      expect((await a.ask('nothing', null, 100)).answers).toEqual([{ nodeId: 'b', data: null }]);
    });

    const nobody = { answers: [], missing: ['b'], complete: false };
    const failures: [string, () => unknown][] = [
      [
        'throws',
        () => {
          throw new Error('no database');
        },
      ],
      ['rejects', async () => Promise.reject(new Error('no database'))],
      ['gives what is not JSON', () => 1n],
      ['gives a function', () => () => 1],
      ['never ends', async () => new Promise(() => undefined)],
    ];

    it.each(failures)('costs the answer alone when the responder %s', async (_, responder) => {
      const before = moduleFailures.responder;
      b.respond('topic', responder);
      b.respond('other', () => 'works');
      expect(await a.ask('topic', null, 100)).toEqual(nobody);
      expect((await a.ask('other', null, 100)).answers).toEqual([{ nodeId: 'b', data: 'works' }]);
      if (_ === 'never ends') return;
      expect(moduleFailures.responder).toBe(before + 1);
    });

    it('is missing when it is not JSON', async () => {
      buses[1].questions$.subscribe(({ topic, answer }) => topic === 'odd' && answer(Buffer.from('<html>')));
      expect(await a.ask('odd', null, 100)).toEqual(nobody);
      expect(a.rejectedBodies.answer).toBe(1);
      expect(warned()).toContain('Node b sent something that is not JSON as answer of "odd"');
    });

    it('is not answered when the question is not JSON', async () => {
      b.respond('topic', () => 1);
      expect((await buses[0].ask('topic', Buffer.from('?'), 100)).missing).toEqual(['b']);
      expect(b.rejectedBodies.question).toBe(1);
    });

    it.each(NOT_JSON)('is refused to the module that asks when it is not JSON (%#)', async (value) => {
      await expect(a.ask('topic', value, 100)).rejects.toThrow(TypeError);
    });

    it.each([Number.NaN, 0, -1, Number.POSITIVE_INFINITY, 60_001])('has no %d ms', async (timeoutMs) => {
      await expect(a.ask('topic', null, timeoutMs)).rejects.toThrow('1 to 60000 ms');
    });

    it.each(['', 'x'.repeat(256)])('has a topic of 1 to 255 bytes', async (topic) => {
      await expect(a.ask(topic, null, 100)).rejects.toThrow(RangeError);
      expect(() => a.respond(topic, () => 1)).toThrow(RangeError);
    });
  });
});

describe('what the log says of other nodes', () => {
  const lines: string[] = [];

  beforeEach(() => {
    lines.length = 0;
    for (const level of ['log', 'warn'] as const) {
      jest
        .spyOn(Logger.prototype, level)
        .mockImplementation((line: unknown) => void lines.push(String(line)));
    }
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** A node, and the gaps that its bus reports. */
  async function start(): Promise<[MemoryNetwork, Subject<Gap>]> {
    const network = new MemoryNetwork();
    const gaps = new Subject<Gap>();
    await new Cluster(Object.assign(network.node('a'), { gaps$: gaps })).onApplicationBootstrap();
    return [network, gaps];
  }

  it('is one line, whatever names they give themselves', async () => {
    const [network] = await start();
    const node = network.node('b\n[a] LOG forged\u001b[2J');
    await node.start();
    await node.stop();
    expect(lines.map((line) => line.slice(0, 38))).toEqual([
      'Node b\\u000a[a] LOG forged\\u001b[2J (b',
      'Node b\\u000a[a] LOG forged\\u001b[2J (b',
    ]);
    expect(lines.filter((line) => line.includes('\n') || line.includes('\u001b'))).toEqual([]);
  });

  it('is each loss; of nodes that may be recordings no more lines than the budget allows', async () => {
    const [, gaps] = await start();
    for (let index = 0; index < 100; index++) {
      gaps.next({ nodeId: `node-${index}`, kind: 'lost', count: index, reason: 'no report' });
      gaps.next({ nodeId: `node-${index}`, kind: 'not-mutual', count: null, reason: 'heard, but silent' });
    }
    expect(lines.filter((line) => line.includes('(lost)'))).toHaveLength(100);
    expect(lines.filter((line) => line.includes('(not-mutual)'))).toHaveLength(5);
  });
});
