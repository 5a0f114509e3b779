import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { SharedFrame } from '../../wire/shared-frame.js';
import { attachSharedDeflation, deflateOnce } from './shared-deflation.js';

type Done = (error: Error | null, deflated?: Buffer) => void;

/** Clients whose compression ends when the test says so. */
class Clients {
  readonly begun: { readonly window: number; readonly done: Done }[] = [];
  readonly written: string[] = [];

  send(data: Buffer, window: number): void {
    const extension = {
      compress: (_data: Buffer, _fin: boolean, done: Done) => void this.begun.push({ window, done }),
      params: { server_max_window_bits: window },
    };
    attachSharedDeflation({ _extensions: { 'permessage-deflate': extension } } as unknown as WebSocket);
    extension.compress(data, true, (error, deflated) =>
      this.written.push(error?.message ?? String(deflated)),
    );
  }
}

describe('a frame for many clients', () => {
  const frame = (): SharedFrame => {
    const made = new SharedFrame([Buffer.from('x')]);
    deflateOnce(made);
    return made;
  };

  it('is deflated once for each window, whoever comes before or after the end', () => {
    const clients = new Clients();
    const { payload } = frame();
    for (let count = 0; count < 1_000; count++) clients.send(payload, count % 2 === 0 ? 11 : 9);
    expect(clients.begun.map(({ window }) => window)).toEqual([11, 9]);
    for (const { window, done } of clients.begun) done(null, Buffer.from(String(window)));
    for (let count = 0; count < 10; count++) clients.send(payload, 11);
    expect(clients.begun).toHaveLength(2);
    expect(clients.written.filter((text) => text === '11')).toHaveLength(510);
    expect(clients.written.filter((text) => text === '9')).toHaveLength(500);
  });

  it('is deflated by the next client when the one that did it has gone', () => {
    const clients = new Clients();
    const { payload } = frame();
    for (let count = 0; count < 3; count++) clients.send(payload, 11);
    clients.begun[0]?.done(new Error('gone'));
    expect(clients.begun).toHaveLength(2);
    clients.begun[1]?.done(null, Buffer.from('deflated'));
    expect(clients.written).toEqual(['gone', 'deflated', 'deflated']);
  });

  it('is told apart from others', () => {
    const clients = new Clients();
    for (const { payload } of [frame(), frame()]) clients.send(payload, 11);
    for (let count = 0; count < 2; count++) clients.send(Buffer.from('not shared'), 11);
    expect(clients.begun).toHaveLength(4);
  });
});
