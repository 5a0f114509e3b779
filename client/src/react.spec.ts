/** @jest-environment jsdom */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { act, createElement, StrictMode, type FunctionComponent } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { connect, type Connection } from './index.js';
import { ConnectionProvider, useConnection, useOnline, usePresence, useRoom } from './react.js';
import { FakeSockets } from './testing/fake-sockets.js';

interface Told {
  readonly event: string;
  readonly id: number;
  readonly data: { readonly rooms: readonly unknown[] };
}

describe('React hooks, under StrictMode,', () => {
  let sockets: FakeSockets;
  let lan: Connection<{ chat: string }, string>;
  let root: Root;
  let page: { textContent: string | null };

  beforeEach(async () => {
    (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
    sockets = new FakeSockets();
    lan = connect({ url: 'ws://a', WebSocket: sockets.WebSocket });
    const { document } = globalThis as unknown as { document: { createElement(name: string): never } };
    page = document.createElement('div');
    root = createRoot(page);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  });

  afterEach(async () => {
    await act(async () => root.unmount());
    lan.close();
  });

  async function show(...components: FunctionComponent[]): Promise<void> {
    const children = components.map((component, key) => createElement(component, { key }));
    const provider = createElement(ConnectionProvider, { connection: lan, children });
    await act(async () => root.render(createElement(StrictMode, null, provider)));
  }

  const told = (event: string): Told[] =>
    sockets.last.sent.map((text) => JSON.parse(text) as Told).filter((frame) => frame.event === event);

  async function receive(event: string, data: object, id?: number): Promise<void> {
    await act(async () => sockets.last.receive({ event, id, data }));
  }

  const Status = () => useConnection().state.name;
  const Chat = () => {
    const { state, messages } = useRoom<string>('chat', {
      presence: 'enter',
      info: { name: 'Ann' },
      keep: 2,
    });
    return `${state}: ${messages.map(({ data }) => data).join()}`;
  };
  const People = () =>
    usePresence('chat')
      .members.map((member) => member.user_id)
      .join('+');

  const Friends = () => useOnline(['bob', 'eve']).online.join('+');

  it('show the state of the connection', async () => {
    await show(Status);
    expect(page.textContent).toBe('connecting');
    await act(async () => sockets.last.ready());
    expect(page.textContent).toBe('open');
    await act(async () => sockets.last.end(1012));
    expect(page.textContent).toBe('waiting');
  });

  it('enter a room once, and keep the last messages', async () => {
    sockets.last.ready();
    await show(Chat);
    expect(told('join').map(({ data }) => data.rooms)).toEqual([
      [{ room: 'chat', presence: 'enter', info: { name: 'Ann' } }],
    ]);
    expect(told('leave')).toEqual([]);
    await receive('ack', { rooms: [{ room: 'chat', complete: true }] }, told('join')[0]?.id);
    for (const data of ['one', 'two', 'three']) await receive('message', { room: 'chat', from: 'bob', data });
    expect(page.textContent).toBe('joined: two,three');
  });

  it('share a room: what all want is asked for together, and the last one leaves it', async () => {
    sockets.last.ready();
    await show(Chat, People);
    expect(told('join').map(({ data }) => data.rooms)).toEqual([
      [{ room: 'chat', presence: 'both', info: { name: 'Ann' } }],
    ]);
    await receive('presence', { room: 'chat', members: [{ user_id: 'ann', devices: 1 }] });
    await receive('presence', { room: 'chat', joined: [{ user_id: 'bob', devices: 1 }] });
    expect(page.textContent).toBe('joining: ann+bob');
    await show(Chat);
    expect(told('leave')).toEqual([]);
    await show();
    expect(told('leave')).toHaveLength(1);
  });

  it('ask for a room anew after the server took it away, and leave that one too', async () => {
    sockets.last.ready();
    await show(Chat);
    await receive('left', { room: 'chat', reason: 'removed' });
    expect(page.textContent).toBe('left: ');
    await show(Chat, People);
    expect(told('join')).toHaveLength(2);
    await show();
    expect(told('leave')).toHaveLength(1);
  });

  it('watch users, who are asked for once', async () => {
    sockets.last.ready();
    await show(Friends, Friends);
    const watches = told('watch');
    expect(watches.map(({ data }) => data)).toEqual([{ user_ids: ['bob', 'eve'] }]);
    await receive('ack', { online: ['eve'], complete: true }, watches[0]?.id);
    expect(page.textContent).toBe('eveeve');
    await show();
    expect(told('unwatch')).toHaveLength(1);
  });
});
