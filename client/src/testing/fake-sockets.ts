import { setImmediate } from 'node:timers/promises';
import type { Socket } from '../options.js';

/** A socket without a network: the test says what comes. */
export class FakeSocket implements Socket {
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly #listeners = new Map<string, (event: unknown) => void>();

  constructor(
    readonly url: string,
    readonly offers: readonly string[],
  ) {}

  addEventListener(type: string, handler: (event: unknown) => void): void {
    this.#listeners.set(type, handler);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  /** The server's frame. */
  receive(frame: object): void {
    this.#listeners.get('message')?.({ data: JSON.stringify(frame) });
  }

  ready(): void {
    this.readyState = 1;
    this.receive({ event: 'ready', data: { user_id: 'ann', connection_id: 'c', node_id: 'n' } });
  }

  /** The server's, or the network's. */
  end(code: number, reason = ''): void {
    this.readyState = 3;
    this.#listeners.get('close')?.({ code, reason });
  }
}

/** All sockets that were made, in order. */
export class FakeSockets {
  readonly all: FakeSocket[] = [];

  readonly WebSocket = ((sockets: FakeSocket[]) =>
    class extends FakeSocket {
      constructor(url: string, offers: string[]) {
        super(url, offers);
        sockets.push(this);
      }
    })(this.all);

  get last(): FakeSocket {
    return this.all.at(-1) as FakeSocket;
  }
}

/** Waits until all promises that can settle have settled. */
export async function settled(): Promise<void> {
  await setImmediate();
}
