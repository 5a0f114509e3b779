/**
 * What every adapter of the port `Bus` must do, as tests that any of them can run:
 *
 *   describeBus('MemoryBus', async () => new MemoryWorld());
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, lastValueFrom, take, toArray, type Observable } from 'rxjs';
import type { Address, Bus, InboundMessage, InboundRoomMessage, Receipt } from './bus.js';

/** Makes and ends the nodes of one test. */
export interface BusWorld {
  /** Starts `count` nodes of one cluster. They are ready and know each other. */
  start(count: number): Promise<readonly Bus[]>;
  /** Cuts the node off. It does not leave the cluster properly. */
  cut(node: Bus): void;
  /** Stops the nodes that still run. */
  end(): Promise<void>;
}

/** Large enough for queues to fill within one turn, and small enough for every adapter. */
const LARGE_BYTES = 60_000;
const TOO_LARGE_BYTES = 2 * 1_048_576;
/** More such messages than any adapter queues. */
const FLOOD = 1_000;

const text = (value: string): Buffer => Buffer.from(JSON.stringify(value));

/** Resolves to the first `count` messages. Each is acknowledged as one delivery if the sender wants a receipt. */
async function receive(node: Bus, count: number): Promise<InboundMessage[]> {
  return lastValueFrom(node.messages$.pipe(acknowledged, take(count), toArray()));
}

function acknowledged(messages$: Observable<InboundMessage>): Observable<InboundMessage> {
  return messages$.pipe(
    filter((message) => {
      message.acknowledge?.(1);
      return true;
    }),
  );
}

const user = (name: string): Address => ({ kind: 'user', name });
const room = (name: string): Address => ({ kind: 'room', name });

/** Resolves when the address can be reached, to whether that is complete. */
async function joined(node: Bus, address: Address | string): Promise<boolean> {
  return new Promise((reachable) =>
    node.join(typeof address === 'string' ? user(address) : address, reachable),
  );
}

/** Joins until every node is known to route to the address. On a busy machine one join may be too late for that. */
async function joinedEverywhere(node: Bus, address: Address): Promise<void> {
  while (!(await joined(node, address))) node.leave(address);
}

/** Counts each message to a room as so many deliveries. Returns those that have come. */
function members(node: Bus, count: number): InboundRoomMessage[] {
  const came: InboundRoomMessage[] = [];
  node.roomMessages$.subscribe((message) => {
    came.push(message);
    message.acknowledge?.(count);
  });
  return came;
}

async function sendToRoom(node: Bus, name: string, data: Buffer): Promise<Receipt> {
  return new Promise((resolve, reject) => {
    const refusal = node.sendToRoom({ room: name, from: '1', data }, resolve);
    if (refusal !== null) reject(new Error(refusal));
  });
}

async function send(node: Bus, to: string, data: Buffer): Promise<Receipt> {
  return new Promise((resolve, reject) => {
    const refusal = node.send({ to, from: '1', data }, resolve);
    if (refusal !== null) reject(new Error(refusal));
  });
}

export function describeBus(name: string, create: () => Promise<BusWorld>): void {
  describe(`${name} as a bus`, () => {
    let world: BusWorld;

    beforeEach(async () => {
      world = await create();
    });
    afterEach(async () => world.end());

    it('carries a message whole to the node that holds its user, and to no other', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      await joined(b, 'two');
      const strays: InboundMessage[] = [];
      a.messages$.subscribe((message) => strays.push(message));
      c.messages$.subscribe((message) => strays.push(message));
      const received = receive(b, 1);
      const trace = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 };
      const message = { to: 'two', from: 'one', data: text('haha'), messageId: 'm-1', trace };
      const receipt = await new Promise<Receipt>((resolve, reject) => {
        const refusal = a.send(message, resolve);
        if (refusal !== null) reject(new Error(refusal));
      });
      expect(await received).toMatchObject([message]);
      expect(receipt).toEqual({ delivered: 1, complete: true });
      expect(strays).toEqual([]);
    });

    it('says that nobody holds a user who never came, or has left', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      expect(await send(a, 'nobody', text('x'))).toEqual({ delivered: 0, complete: true });
      await joined(b, 'two');
      await joined(b, 'two');
      b.messages$.subscribe(({ acknowledge }) => acknowledge?.(1));
      b.leave(user('two'));
      expect(await send(a, 'two', text('one device is left'))).toEqual({ delivered: 1, complete: true });
    });

    it('looks up which other nodes hold a user', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      expect(a.holders(user('two'))).toEqual({ nodeIds: [], complete: true });
      await Promise.all([a, b, c].map(async (node) => joined(node, 'two')));
      const { nodeIds, complete } = a.holders(user('two'));
      expect([[...nodeIds].sort(), complete]).toEqual([[b.nodeId, c.nodeId].sort(), true]);
      // a publication comes after the leave before it
      const told = firstValueFrom(a.publications$);
      b.leave(user('two'));
      b.publish('channel', text('left'));
      await told;
      expect(a.holders(user('two'))).toEqual({ nodeIds: [c.nodeId], complete: true });
      const left = firstValueFrom(a.peerChanges$);
      await c.stop();
      await left;
      expect(a.holders(user('two'))).toEqual({ nodeIds: [], complete: true });
    });

    it('tells when the first other node holds a watched user, and when the last one has left', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      const held = firstValueFrom(a.holdersChanges$);
      a.watch(user('1'));
      a.watch(user('1'));
      a.unwatch(user('1'));
      await joinedEverywhere(a, user('1'));
      await joinedEverywhere(b, user('1'));
      await joinedEverywhere(c, user('1'));
      await joinedEverywhere(c, room('1'));
      expect(await held).toEqual({ address: user('1'), isHeld: true });
      const left = firstValueFrom(a.holdersChanges$);
      b.leave(user('1'));
      c.leave(user('1'));
      expect(await left).toEqual({ address: user('1'), isHeld: false });
      expect(a.holders(user('1')).nodeIds).toEqual([]);
      a.unwatch(user('1'));
    });

    it('adds up the deliveries of all nodes that hold the user', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      await Promise.all([joined(b, 'two'), joined(c, 'two')]);
      b.messages$.subscribe(({ acknowledge }) => acknowledge?.(2));
      c.messages$.subscribe(({ acknowledge }) => acknowledge?.(3));
      expect(await send(a, 'two', text('x'))).toEqual({ delivered: 5, complete: true });
    });

    it('carries a message whole to the nodes that hold its room, and to no other', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      await joinedEverywhere(b, room('chat:42'));
      await joinedEverywhere(c, user('chat:42'));
      const [atA, atB, atC] = [members(a, 10), members(b, 3), members(c, 5)];
      const strays: InboundMessage[] = [];
      for (const node of [a, b, c]) node.messages$.subscribe((message) => strays.push(message));
      const trace = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 };
      const named = { messageId: 'm-1', event: 'typing', trace };
      const message = { room: 'chat:42', from: 'one', data: text('haha'), ...named };
      const receipt = await new Promise<Receipt>((resolve) => a.sendToRoom(message, resolve));
      expect(receipt).toEqual({ delivered: 3, complete: true });
      expect(atB).toMatchObject([message]);
      await joined(c, room('chat:42'));
      expect(await sendToRoom(a, 'chat:42', text('again'))).toEqual({ delivered: 8, complete: true });
      expect(atB[1]).not.toHaveProperty('event');
      expect([atA.length, atB.length, atC.length, strays.length]).toEqual([0, 2, 1, 0]);
    });

    it('carries volatile messages to users and rooms, marked', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joinedEverywhere(b, user('two'));
      await joinedEverywhere(b, room('hall'));
      const came = firstValueFrom(b.messages$);
      const cameToRoom = firstValueFrom(b.roomMessages$);
      const message = { from: 'one', data: text('x'), isVolatile: true };
      expect(a.send({ to: 'two', ...message }, null)).toBeNull();
      expect(a.sendToRoom({ room: 'hall', ...message }, null)).toBeNull();
      expect(await came).toMatchObject({ to: 'two', acknowledge: null, ...message });
      expect(await cameToRoom).toMatchObject({ room: 'hall', acknowledge: null, ...message });
    });

    it('carries a message to every node, and adds up what they count', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      const own: unknown[] = [];
      a.broadcasts$.subscribe((message) => own.push(message));
      const came = Promise.all([b, c].map(async (node) => firstValueFrom(node.broadcasts$)));
      b.broadcasts$.subscribe(({ acknowledge }) => acknowledge?.(2));
      c.broadcasts$.subscribe(({ acknowledge }) => setImmediate(() => acknowledge?.(3)));
      const message = { from: null, data: text('x') };
      const receipt = await new Promise<Receipt>((resolve) => a.sendToAll(message, resolve));
      expect(receipt).toEqual({ delivered: 5, complete: true });
      expect(await came).toMatchObject([message, message]);
      expect(own).toEqual([]);
    });

    it('waits for what a node counts in a later turn', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, room('hall'));
      b.roomMessages$.subscribe(({ acknowledge }) => setTimeout(() => acknowledge?.(7), 20));
      expect(await sendToRoom(a, 'hall', text('x'))).toEqual({ delivered: 7, complete: true });
    });

    it('says that nobody is in a room that nobody joined, or all have left', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      expect(await sendToRoom(a, 'nowhere', text('x'))).toEqual({ delivered: 0, complete: true });
      members(b, 0);
      await Promise.all([joined(b, room('hall')), joined(b, room('hall'))]);
      b.leave(room('hall'));
      expect(await sendToRoom(a, 'hall', text('x'))).toEqual({ delivered: 0, complete: true });
      b.leave(room('hall'));
      expect(await sendToRoom(a, 'hall', text('x'))).toEqual({ delivered: 0, complete: true });
      await joinedEverywhere(b, room('hall'));
    });

    it('keeps the order of what one node sends to one room', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, room('hall'));
      const received = lastValueFrom(b.roomMessages$.pipe(take(500), toArray()));
      const sent = Array.from({ length: 500 }, (_, index) => `message ${index}`);
      for (const body of sent) a.sendToRoom({ room: 'hall', from: null, data: text(body) }, null);
      expect((await received).map(({ data }) => JSON.parse(data.toString()) as string)).toEqual(sent);
    });

    it('keeps the order of what one node sends to one user', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, 'two');
      const received = receive(b, 500);
      const sent = Array.from({ length: 500 }, (_, index) => `message ${index}`);
      for (const body of sent) a.send({ to: 'two', from: null, data: text(body) }, null);
      expect((await received).map(({ data }) => JSON.parse(data.toString()) as string)).toEqual(sent);
    });

    it('refuses a message that is too large, and delivers nothing of it', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, 'two');
      const received = receive(b, 1);
      const never = (): void => {
        throw new Error('a refused message has no receipt');
      };
      const tooLarge = Buffer.alloc(TOO_LARGE_BYTES, 'x');
      expect(a.send({ to: 'two', from: null, data: tooLarge }, never)).toBe('too_large');
      expect(a.sendToRoom({ room: 'two', from: null, data: tooLarge }, never)).toBe('too_large');
      expect(a.publish('channel', tooLarge)).toBe(false);
      a.send({ to: 'two', from: null, data: text('small') }, null);
      expect((await received)[0]?.data).toEqual(text('small'));
    });

    it('refuses when its queues are full, says when they have room, and delivers all it accepted', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, 'two');
      const relieved = lastValueFrom(a.congested$.pipe(take(3), toArray()));
      const taken: number[] = [];
      const arrived = new Promise<number[]>((resolve) => {
        const numbers: number[] = [];
        b.messages$.subscribe(({ data }) => {
          numbers.push(data.readUInt32BE(0));
          if (numbers.at(-1) === FLOOD) resolve(numbers);
        });
      });
      const numbered = (number: number): Buffer => {
        const body = Buffer.alloc(LARGE_BYTES);
        body.writeUInt32BE(number);
        return body;
      };
      const refusals = new Set<string>();
      for (let number = 0; number < FLOOD; number += 1) {
        const refusal = a.send({ to: 'two', from: null, data: numbered(number) }, null);
        if (refusal === null) taken.push(number);
        else refusals.add(refusal);
      }
      expect([...refusals]).toEqual(['congested']);
      expect(await relieved).toEqual([false, true, false]);
      // What carries datagrams can be away at this moment. Then nothing is taken, and nobody is congested.
      while (a.send({ to: 'two', from: null, data: numbered(FLOOD) }, null) !== null)
        await new Promise(setImmediate);
      expect(await arrived).toEqual([...taken, FLOOD]);
    });

    it('publishes to all other nodes, in order', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      const own: unknown[] = [];
      a.publications$.subscribe((publication) => own.push(publication));
      const heard = Promise.all(
        [b, c].map(async (node) => lastValueFrom(node.publications$.pipe(take(3), toArray()))),
      );
      const bodies = ['first', '', 'third'].map((body) => Buffer.from(body));
      for (const body of bodies) expect(a.publish('audit', body)).toBe(true);
      const expected = bodies.map((body) => ({ channel: 'audit', body, nodeId: a.nodeId }));
      expect(await heard).toEqual([expected, expected]);
      expect(own).toEqual([]);
    });

    it('publishes to one node, or to those that hold an address, in order', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      const came: Record<string, string[]> = { b: [], c: [] };
      const last = [b, c].map(async (node) =>
        firstValueFrom(
          node.publications$.pipe(
            filter(({ channel, body, nodeId }) => {
              came[node === b ? 'b' : 'c']?.push(`${channel} ${body.toString()} ${nodeId === a.nodeId}`);
              return body.toString() === 'last';
            }),
          ),
        ),
      );
      await joinedEverywhere(b, { kind: 'watch', name: '1' });
      await joinedEverywhere(c, room('1'));
      // a session towards each of them may still be on its way
      while (!a.publishTo(c.nodeId, 'x', Buffer.from('first'))) await new Promise(setImmediate);
      while (a.publishToHolders({ kind: 'watch', name: '1' }, 'x', Buffer.from('first')).length > 0) {
        await new Promise(setImmediate);
      }
      expect(a.publishTo(b.nodeId, 'x', Buffer.from('last'))).toBe(true);
      expect(a.publishToHolders(room('1'), 'x', Buffer.from('last'))).toEqual([]);
      await Promise.all(last);
      expect(came).toEqual({ b: ['x first true', 'x last true'], c: ['x first true', 'x last true'] });
      expect(a.publishTo('nobody', 'x', Buffer.from('1'))).toBe(false);
      expect(a.publishTo(b.nodeId, 'x', Buffer.alloc(TOO_LARGE_BYTES))).toBe(false);
      expect(a.publishToHolders(room('1'), 'x', Buffer.alloc(TOO_LARGE_BYTES))).toEqual([c.nodeId]);
    });

    it('collects the answers of all other nodes, and names those that gave none', async () => {
      const [a, b, c] = (await world.start(3)) as [Bus, Bus, Bus];
      b.questions$.subscribe(({ topic, body, nodeId, answer }) =>
        answer(Buffer.from(`${topic}/${body.toString()}/${nodeId}`)),
      );
      const first = await a.ask('who', Buffer.from('?'), 200);
      expect(first.answers).toEqual([{ nodeId: b.nodeId, body: Buffer.from(`who/?/${a.nodeId}`) }]);
      expect(first.missing).toEqual([c.nodeId]);
      expect(first.complete).toBe(false);
      c.questions$.subscribe(({ answer }) => setImmediate(() => answer(Buffer.from('later'))));
      const second = await a.ask('who', Buffer.from('?'), 5_000);
      expect(second.answers.map(({ nodeId }) => nodeId).sort()).toEqual([b.nodeId, c.nodeId].sort());
      expect(second).toMatchObject({ missing: [], complete: true });
    });

    it('knows its peers, and says who left', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      expect(a.peers()).toMatchObject([{ nodeId: b.nodeId, state: 'up' }]);
      const left = firstValueFrom(a.peerChanges$);
      const gaps: unknown[] = [];
      a.gaps$.subscribe((gap) => gaps.push(gap));
      await b.stop();
      expect(await left).toMatchObject({ change: 'left', peer: { nodeId: b.nodeId } });
      expect(gaps).toEqual([]);
      expect(a.peers()).toEqual([]);
    });

    it('emits a gap for a lost node: messages to it are not certain', async () => {
      const [a, b] = (await world.start(2)) as [Bus, Bus];
      await joined(b, 'two');
      const gap = firstValueFrom(a.gaps$.pipe(filter(({ kind }) => kind === 'lost')));
      const lost = firstValueFrom(a.peerChanges$);
      const receipt = send(a, 'two', text('on its way'));
      world.cut(b);
      expect(await receipt).toEqual({ delivered: 0, complete: false });
      expect(await gap).toMatchObject({ nodeId: b.nodeId });
      expect(await lost).toMatchObject({ change: 'lost', peer: { nodeId: b.nodeId } });
    });

    it('completes its streams when it stops', async () => {
      const [a] = (await world.start(2)) as [Bus, Bus];
      const streams = [
        a.messages$,
        a.roomMessages$,
        a.publications$,
        a.questions$,
        a.peerChanges$,
        a.gaps$,
        a.holdersChanges$,
        a.congested$,
      ];
      const completed = Promise.all(
        streams.map(
          async (stream$: Observable<unknown>) =>
            new Promise<void>((resolve) => stream$.subscribe({ complete: resolve })),
        ),
      );
      await a.stop();
      await completed;
      expect(a.health().ready).toBe(false);
    });
  });
}
