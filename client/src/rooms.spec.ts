import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { connect, type Connection, type ConnectOptions } from './index.js';
import { Backlog } from './testing/backlog.js';
import { ScriptedServer, type Peer } from './testing/scripted-server.js';

let server: ScriptedServer;
let lan: Connection;

beforeEach(async () => {
  server = await ScriptedServer.start();
  // waits between attempts are not what is tested here
  jest.spyOn(Math, 'random').mockReturnValue(1e-4);
});

afterEach(async () => {
  lan.close();
  await server.stop();
  jest.restoreAllMocks();
});

describe('a room', () => {
  async function open(options: Partial<ConnectOptions> = {}): Promise<Peer> {
    lan = connect({ url: server.url, WebSocket, ...options });
    const peer = await server.admit();
    await lan.opened;
    return peer;
  }

  it('is joined at once, and the same name gives the same handle', async () => {
    const peer = await open();
    const room = lan.room('chat:42');
    expect(lan.room('chat:42')).toBe(room);
    expect(await peer.admit()).toEqual(['chat:42']);
    expect(await room.joined).toEqual({ complete: true, again: false });
    expect([room.state, peer.frames.size]).toEqual(['joined', 0]);
  });

  it('can be asked for before the connection is open, and its messages come before its ack', async () => {
    lan = connect({ url: server.url, WebSocket });
    const texts: unknown[] = [];
    const room = lan.room('chat:42', { presence: 'both', info: { name: 'Ann' } });
    room.on('message', ({ data }) => texts.push(data));
    const peer = await server.admit();
    const join = await peer.expect('join');
    expect(join.data).toEqual({ rooms: [{ room: 'chat:42', presence: 'both', info: { name: 'Ann' } }] });
    peer.send({ event: 'message', data: { room: 'chat:42', from: 'bob', data: 'early' } });
    peer.ack(join, { rooms: [{ room: 'chat:42', complete: false }] });
    expect(await room.joined).toEqual({ complete: false, again: false });
    expect(texts).toEqual(['early']);
  });

  it('is published to behind its join, and the outcome is told', async () => {
    const peer = await open();
    const room = lan.room('chat:42');
    const published = room.publish({ text: 'hi' }, { echo: false, volatile: true });
    await peer.admit();
    const frame = await peer.expect('publish');
    expect(frame.data).toEqual({ room: 'chat:42', data: { text: 'hi' }, echo: false, volatile: true });
    peer.ack(frame, { delivered: 3, complete: true });
    expect(await published).toEqual({ delivered: 3, complete: true });
  });

  it('that is refused says so, and is not asked for again', async () => {
    const peer = await open();
    const room = lan.room('secret');
    const left = new Promise((resolve) => room.on('left', resolve));
    const join = await peer.expect('join');
    const error = { code: 'forbidden', message: 'no', retryable: false };
    peer.ack(join, { rooms: [{ room: 'secret', error }] });
    await expect(room.joined).rejects.toMatchObject({ code: 'forbidden' });
    expect(await left).toEqual({ reason: 'forbidden' });
    peer.close(1012);
    const next = await server.admit();
    const other = lan.room('other');
    expect(await next.admit()).toEqual(['other']);
    await other.joined;
  });

  it('is joined again on each new connection, and what comes meanwhile arrives', async () => {
    const first = await open();
    const room = lan.room('chat:42');
    const seen = new Backlog<unknown>();
    room.on('joined', (joined) => seen.add(joined));
    room.on('message', ({ data }) => seen.add(data));
    await first.admit();
    expect(await seen.next()).toEqual({ complete: true, again: false });
    const states: string[] = [];
    lan.on('state', ({ name }) => states.push(`${name}, ${room.state}`));
    first.socket.terminate();
    const second = await server.admit();
    second.send({ event: 'message', data: { room: 'chat:42', from: 'bob', data: 'meanwhile' } });
    expect(await second.admit()).toEqual(['chat:42']);
    expect([await seen.next(), await seen.next()]).toEqual(['meanwhile', { complete: true, again: true }]);
    expect(states).toEqual(['waiting, joining', 'connecting, joining', 'open, joining']);
  });

  it('is one of 128 with full info that are joined again in as few frames as fit', async () => {
    const first = await open();
    const info = { text: 'ä'.repeat(507) };
    expect(Buffer.byteLength(JSON.stringify(info))).toBe(1025);
    const names = Array.from({ length: 128 }, (_, index) => `${index}:`.padEnd(255, 'x'));
    for (const name of names) lan.room(name, { presence: 'both', info });
    first.socket.terminate();
    const second = await server.admit({ payload_bytes: 65_536 });
    const joined: string[] = [];
    let frames = 0;
    const whole = Buffer.byteLength(JSON.stringify(names.map((room) => ({ room, presence: 'both', info }))));
    for (; joined.length < 128; frames += 1) {
      const bytes = new Promise<number>((resolve) =>
        second.socket.once('message', (text: Buffer) => resolve(text.length)),
      );
      joined.push(...(await second.admit()));
      if (joined.length < 128) expect(await bytes).toBeLessThanOrEqual(65_536);
    }
    expect(joined).toEqual(names);
    expect(frames).toBe(Math.ceil(whole / 65_536));
  });

  it('calls all handlers of a message, also when one throws: the handlers of error are told', async () => {
    const peer = await open();
    const errors: unknown[] = [];
    lan.on('error', (error) => {
      errors.push(error);
      throw new Error('so does this one');
    });
    const thrown = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const room = lan.room('chat:42');
    room.on('message', () => {
      throw new Error('a handler that fails');
    });
    const heard = new Promise((resolve) => room.on('message', resolve));
    await peer.admit();
    peer.send({ event: 'message', data: { room: 'chat:42', from: 'bob', data: 1 } });
    expect(await heard).toMatchObject({ data: 1 });
    expect(errors).toEqual([new Error('a handler that fails')]);
    expect(thrown.mock.calls).toEqual([[new Error('so does this one')]]);
  });

  it('is quiet once it is left, and can be joined anew', async () => {
    const peer = await open();
    const room = lan.room('chat:42');
    const heard: unknown[] = [];
    room.on('message', ({ data }) => heard.push(data));
    await peer.admit();
    await room.joined;
    const leaving = room.leave();
    const again = lan.room('chat:42');
    expect(again).not.toBe(room);
    const frame = await peer.expect('leave');
    expect(frame.data).toEqual({ room: 'chat:42' });
    peer.ack(frame);
    await leaving;
    await peer.admit();
    await again.joined;
    peer.send({ event: 'message', data: { room: 'chat:42', from: 'bob', data: 1 } });
    expect(await new Promise((resolve) => again.on('message', resolve))).toMatchObject({ data: 1 });
    expect(heard).toEqual([]);
  });

  it('that the server takes us out of is not joined again', async () => {
    const peer = await open();
    const room = lan.room('chat:42');
    await peer.admit();
    await room.joined;
    peer.send({ event: 'left', data: { room: 'chat:42', reason: 'removed' } });
    expect(await new Promise((resolve) => room.on('left', resolve))).toEqual({ reason: 'removed' });
    peer.close(1012);
    const next = await server.admit();
    lan.room('other');
    expect(await next.admit()).toEqual(['other']);
  });

  it('that the server puts us into is told, and not joined by us', async () => {
    const peer = await open();
    peer.send({ event: 'joined', data: { room: 'team:1' } });
    const room = await new Promise<ReturnType<typeof lan.room>>((resolve) => lan.on('room', resolve));
    const heard = new Promise((resolve) => room.on('message', resolve));
    peer.send({ event: 'message', data: { room: 'team:1', from: null, data: 'welcome' } });
    expect(await heard).toMatchObject({ data: 'welcome' });
    peer.close(1012);
    expect(await new Promise((resolve) => room.on('left', resolve))).toEqual({ reason: 'disconnected' });
  });

  it('shows who is in it: pages, changes and counts are folded', async () => {
    const peer = await open();
    const room = lan.room('chat:42', { presence: 'watch' });
    const shown = new Backlog<unknown>();
    room.on('presence', ({ members, count }) => shown.add(count ?? members.map(({ user_id: id }) => id)));
    await peer.admit();
    const tell = (data: object) => peer.send({ event: 'presence', data: { room: 'chat:42', ...data } });
    const one = (user: string, info?: unknown) => ({ user_id: user, devices: 1, info });
    tell({ members: [one('a')], more: true });
    tell({ members: [one('b')] });
    expect(await shown.next()).toEqual(['a', 'b']);
    tell({ joined: [one('c')], left: ['a'] });
    expect(await shown.next()).toEqual(['b', 'c']);
    tell({ updated: [one('b', { away: true })] });
    expect(await shown.next()).toEqual(['b', 'c']);
    expect(room.presence.members[0]).toEqual({ user_id: 'b', devices: 1, info: { away: true } });
    tell({ count: { users: 1001, devices: 1002 } });
    expect(await shown.next()).toEqual({ users: 1001, devices: 1002 });
    tell({ members: [one('z')] });
    expect(await shown.next()).toEqual(['z']);
  });
});

describe('with a queue', () => {
  const start = (queue: { max: number; ttlMs: number }) => {
    lan = connect({ url: server.url, WebSocket, queue });
  };

  it('what is sent before it is open waits, in order, up to its bound', async () => {
    start({ max: 2, ttlMs: 10_000 });
    const sent = [lan.send('bob', 1), lan.room('a').publish(2), lan.send('bob', 3)] as const;
    await expect(sent[2]).rejects.toMatchObject({ code: 'not_connected' });
    const peer = await server.admit();
    await peer.admit();
    peer.ack(await peer.expect('send'), { delivered: 1, complete: true });
    peer.ack(await peer.expect('publish'), { delivered: 2, complete: true });
    expect(await Promise.all(sent.slice(0, 2))).toEqual([
      { delivered: 1, complete: true },
      { delivered: 2, complete: true },
    ]);
  });

  it('what was not answered is sent again, under the same message_id', async () => {
    start({ max: 2, ttlMs: 10_000 });
    const first = await server.admit();
    await lan.opened;
    const sent = lan.send('bob', 1);
    const before = await first.expect('send');
    first.socket.terminate();
    const second = await server.admit();
    const after = await second.expect('send');
    expect(after).toEqual(before);
    expect(after.data).toMatchObject({ message_id: expect.stringMatching(/^.+-1$/) });
    second.ack(after, { delivered: 1, complete: true });
    expect(await sent).toEqual({ delivered: 1, complete: true });
  });

  it('what waits too long is given up, as not sent or as unknown', async () => {
    start({ max: 2, ttlMs: 50 });
    await expect(lan.send('bob', 1)).rejects.toMatchObject({ code: 'not_connected' });
    const peer = await server.admit();
    await lan.opened;
    await expect(lan.send('bob', 2)).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(peer.frames.size).toBe(1);
  });

  it('a rejection that nobody handles is no error', async () => {
    start({ max: 9, ttlMs: 10_000 });
    const peer = await server.admit();
    await lan.opened;
    const room = lan.room('chat:42');
    void room.publish(1);
    void lan.send('bob', 1);
    void lan.request('anything');
    void room.leave();
    lan.room('other');
    await peer.expect('join');
    lan.close();
    void lan.send('bob', 1);
    void lan.room('late').publish(1);
    // jest fails a test during which a rejection was not handled
    await peer.closed;
  });

  it('close() rejects what waits', async () => {
    start({ max: 2, ttlMs: 10_000 });
    const sent = lan.send('bob', 1);
    lan.close();
    await expect(sent).rejects.toMatchObject({ code: 'not_connected' });
    await expect(lan.send('bob', 2)).rejects.toMatchObject({ message: 'not_connected: closed here' });
  });
});
