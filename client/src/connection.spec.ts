import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { connect, LanfareError, NotConnected, OutcomeUnknown } from './index.js';
import type { Connection, ConnectOptions, State } from './index.js';
import { Backlog } from './testing/backlog.js';
import { stopClock } from './testing/clock.js';
import { ScriptedServer, type Peer } from './testing/scripted-server.js';

describe('a connection', () => {
  let server: ScriptedServer;
  let lan: Connection;
  let states: Backlog<State>;

  beforeEach(async () => {
    stopClock();
    server = await ScriptedServer.start();
  });

  afterEach(async () => {
    lan.close();
    await server.stop();
    jest.useRealTimers();
  });

  function start(options: Partial<ConnectOptions> = {}): void {
    lan = connect({ url: server.url, WebSocket, ...options });
    states = new Backlog();
    lan.on('state', (state) => states.add(state));
  }

  /** The next state of this name. */
  async function until(name: State['name']): Promise<State> {
    for (;;) {
      const state = await states.next();
      if (state.name === name) return state;
    }
  }

  async function open(options?: Partial<ConnectOptions>): Promise<Peer> {
    start(options);
    const peer = await server.admit();
    await until('open');
    return peer;
  }

  it('offers the protocol, its token, and to be told of refusals', async () => {
    start({ token: 'a.b.c' });
    expect((await server.accept()).offers).toEqual([
      'lanfare.v1.json',
      'lanfare.refusals',
      'lanfare.bearer.a.b.c',
    ]);
  });

  it('is open when the server says ready, and no sooner', async () => {
    start();
    const peer = await server.accept();
    expect(lan.state.name).toBe('connecting');
    peer.ready();
    expect(await until('open')).toEqual({ name: 'open', reason: '', code: 0 });
    expect(await lan.opened).toEqual({ user_id: 'ann', connection_id: 'c1', node_id: 'n1' });
  });

  it('sends, and tells what became of it', async () => {
    const peer = await open();
    const sent = lan.send('bob', { text: 'haha' });
    const frame = await peer.expect('send');
    expect(frame.data).toEqual({ user_id: 'bob', data: { text: 'haha' } });
    peer.ack(frame, { delivered: 2, complete: true });
    expect(await sent).toEqual({ delivered: 2, complete: true });
  });

  it("rejects with the server's code, and says whether a retry makes sense", async () => {
    const peer = await open();
    const sent = lan.send('bob', 1);
    peer.refuse(await peer.expect('send'), 'congested', true);
    const error: unknown = await sent.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LanfareError);
    expect(error).toMatchObject({
      code: 'congested',
      retryable: true,
      message: 'congested: it is congested',
    });
  });

  it('refuses at once to send while it is not open', async () => {
    start();
    await expect(lan.send('bob', 1)).rejects.toBeInstanceOf(NotConnected);
    const peer = await server.admit();
    await until('open');
    peer.close(1012, 'node is shutting down');
    await until('waiting');
    await expect(lan.send('bob', 1)).rejects.toMatchObject({ code: 'not_connected' });
  });

  it('does not know what became of what was not answered when the connection ended', async () => {
    const peer = await open();
    const sent = lan.send('bob', 1);
    await peer.expect('send');
    peer.close(1001);
    await expect(sent).rejects.toBeInstanceOf(OutcomeUnknown);
  });
});
