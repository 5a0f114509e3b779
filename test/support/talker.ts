import { setTimeout as delay } from 'node:timers/promises';
import { TestClient, V1 } from '../../src/testing/test-client.js';

/** Messages under way at a time, and the pause before the next one: some 1000 a second. */
const IN_FLIGHT = 4;
const PAUSE_MS = 4;
const MESSAGE_BYTES = 1024;

/** A user who sends messages of 1 KiB to another one without end, and comes back at once when it is sent away. */
export class Talker {
  /** Of what it sent: what a device was said to have got. */
  readonly accepted = new Set<string>();
  /** What it got. */
  readonly heard: string[] = [];
  /** The codes with which its connections were closed. */
  readonly closes: number[] = [];
  #sent = 0;
  #unanswered = 0;
  #quiet: () => void = () => undefined;

  constructor(
    readonly name: string,
    private readonly friend: string,
    private readonly url: (user: string) => string,
  ) {}

  /**
   * Resolves with the last connection, when it is over and all is answered.
   *
   * @param client its first connection, after `ready`
   */
  async talk(client: TestClient, isOver: () => boolean): Promise<TestClient> {
    const quiet = new Promise<null>((resolve) => (this.#quiet = () => resolve(null)));
    for (;;) {
      this.#unanswered = 0;
      void this.#listen(client, isOver);
      for (let place = 0; place < IN_FLIGHT; place++) this.#say(client);
      const closed = await Promise.race([client.closed, quiet]);
      if (closed === null) return client;
      this.closes.push(closed.code);
      client = await TestClient.ready(this.url(this.name), [V1]);
    }
  }

  #say(client: TestClient): void {
    const id = ++this.#sent;
    this.#unanswered++;
    client.send({ user_id: this.friend, data: `${this.name} ${id} `.padEnd(MESSAGE_BYTES, '.'), id });
  }

  /** Reads frames, also those that came together with `ready`. */
  async #listen(client: TestClient, isOver: () => boolean): Promise<void> {
    for (;;) this.#hear(await client.next(), client, isOver);
  }

  #hear(text: string, client: TestClient, isOver: () => boolean): void {
    const frame = JSON.parse(text) as {
      event: string;
      id?: number;
      data: Record<string, unknown>;
    };
    if (frame.event === 'message') this.heard.push(textOf(String(frame.data['data'])));
    if (frame.event !== 'ack') return;
    this.#unanswered--;
    if (frame.data['delivered'] === 1) this.accepted.add(`${this.name} ${frame.id}`);
    void delay(PAUSE_MS).then(() => {
      if (client.socket.readyState !== client.socket.OPEN) return;
      if (!isOver()) this.#say(client);
      else if (this.#unanswered === 0) this.#quiet();
    });
  }
}

function textOf(data: string): string {
  return data.split(' ').slice(0, 2).join(' ');
}
