import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../../src/testing/test-client.js';

/** The answer to a publish. */
interface Answer {
  readonly event: 'ack' | 'error';
  readonly data: { readonly delivered: number; readonly complete: boolean };
}

/** One message that an attendee published. Times are of this process: milliseconds. */
interface Said {
  readonly number: number;
  readonly sentAt: number;
  answer: Answer | null;
  answeredAt: number;
}

/** The time in the room by one connection. */
/** What came to a connection, as `user:number`. */
class Heard {
  /** In order of arrival. */
  readonly all: string[] = [];
  readonly #set = new Set<string>();

  add(message: string): void {
    this.all.push(message);
    this.#set.add(message);
  }

  has(message: string): boolean {
    return this.#set.has(message);
  }
}

interface Stay {
  readonly user: string;
  readonly client: TestClient;
  /** When the `ack` of the join came; Infinity: it has not. */
  joinedAt: number;
  /** The ack said that every node routes to the room. */
  isComplete: boolean;
  /** When the connection was closed; Infinity: it is open. */
  endedAt: number;
  closeCode: number;
  readonly heard: Heard;
}

interface Presence {
  readonly room: string;
  readonly members?: readonly { readonly user_id: string }[];
  readonly more?: boolean;
  readonly joined?: readonly { readonly user_id: string }[];
  readonly left?: readonly string[];
}

interface Frame {
  readonly event: string;
  readonly id?: string | number;
  readonly data: Readonly<Record<string, unknown>>;
}

const JOIN = 'join';
/** From when a node begins to close a connection, and sends nothing more to it, until the client knows. */
const CLOSING_MS = 1_000;

/**
 * A user in a room who publishes numbered messages, is seen, and watches who is there. It notes all that it is told, over all
 * of its connections, so that a test can compare what was promised with what came.
 */
export class Attendee {
  readonly stays: Stay[] = [];
  readonly said: Said[] = [];
  /** Who is shown now. */
  readonly shown = new Set<string>();
  /** Who was shown, and then not any more, and when that was first so. */
  readonly goneAt = new Map<string, number>();
  #list = new Set<string>();

  constructor(
    readonly user: string,
    private readonly room: string,
  ) {}

  get stay(): Stay {
    const stay = this.stays.at(-1);
    if (stay === undefined) throw new Error(`${this.user} was never in the room`);
    return stay;
  }

  get isIn(): boolean {
    return this.stays.length > 0 && this.stay.joinedAt < Infinity && this.stay.endedAt === Infinity;
  }

  /** Joins by this connection, which is after `ready`. Resolves when the join is acked. */
  async join(client: TestClient): Promise<void> {
    const stay: Stay = {
      user: this.user,
      client,
      joinedAt: Infinity,
      isComplete: false,
      endedAt: Infinity,
      closeCode: 0,
      heard: new Heard(),
    };
    this.stays.push(stay);
    const acked = new Promise<void>((resolve) => void this.#listen(stay, resolve));
    const ended = client.closed.then(({ code }) => {
      stay.endedAt = performance.now();
      stay.closeCode = code;
    });
    client.send({ event: 'join', id: JOIN, data: { room: this.room, presence: 'both' } });
    await Promise.race([acked, ended]);
  }

  /** Publishes the next number, if the attendee is in the room. */
  say(): void {
    if (!this.isIn) return;
    const number = this.said.length;
    this.said.push({ number, sentAt: performance.now(), answer: null, answeredAt: Infinity });
    this.stay.client.send({ event: 'publish', id: number, data: { room: this.room, data: number } });
  }

  /** Publishes until `isOver`, and then waits until all is answered, or was lost with its connection. */
  async sayOn(isOver: () => boolean, pauseMs: number): Promise<void> {
    while (!isOver()) {
      this.say();
      await sleep(pauseMs);
    }
    const isOpen = ({ answer, sentAt }: Said): boolean => answer === null && sentAt > this.stay.joinedAt;
    while (this.isIn && this.said.some(isOpen)) await sleep(pauseMs);
  }

  async #listen(stay: Stay, joined: () => void): Promise<void> {
    for (;;) {
      const frame = JSON.parse(await stay.client.next()) as Frame;
      if (frame.id === JOIN) {
        if (frame.event !== 'ack') throw new Error(`${this.user} may not join: ${JSON.stringify(frame)}`);
        stay.joinedAt = performance.now();
        stay.isComplete = frame.data['complete'] === true;
        joined();
      } else if (frame.event === 'message') {
        stay.heard.add(`${String(frame.data['from'])}:${String(frame.data['data'])}`);
      } else if (frame.event === 'presence') {
        this.#see(frame.data as unknown as Presence);
      } else if (typeof frame.id === 'number') {
        const said = this.said[frame.id] as Said;
        said.answer = frame as unknown as Answer;
        said.answeredAt = performance.now();
      }
    }
  }

  #see({ members, more, joined = [], left = [] }: Presence): void {
    if (members !== undefined) {
      for (const { user_id: user } of members) this.#list.add(user);
      if (more === true) return;
      for (const user of this.shown) if (!this.#list.has(user)) this.#miss(user);
      for (const user of this.#list) this.shown.add(user);
      this.#list = new Set();
    }
    for (const { user_id: user } of joined) this.shown.add(user);
    for (const user of left) this.#miss(user);
  }

  #miss(user: string): void {
    this.shown.delete(user);
    if (!this.goneAt.has(user)) this.goneAt.set(user, performance.now());
  }
}

/** Messages whose answer was complete, and that came to another number of connections than it said. */
export function miscounted(attendees: readonly Attendee[]): string[] {
  const stays = attendees.flatMap((attendee) => attendee.stays);
  return completed(attendees).flatMap(({ message, answeredAt, delivered }) => {
    const heard = stays.filter((stay) => stay.heard.has(message)).length;
    const mayBeLost = stays.filter((stay) => wasKilled(stay) && stay.joinedAt < answeredAt).length;
    if (heard <= delivered && heard >= delivered - mayBeLost) return [];
    return [`${message} came to ${heard} connections, and not to ${delivered}`];
  });
}

/** Messages whose answer was complete, and that did not come to somebody who was in the room all that time. */
export function passedOver(attendees: readonly Attendee[]): string[] {
  const stays = attendees.flatMap((attendee) => attendee.stays).filter((stay) => !wasKilled(stay));
  return completed(attendees).flatMap(({ message, sentAt, answeredAt }) =>
    stays
      .filter((stay) => stay.isComplete && stay.joinedAt < sentAt && stay.endedAt > answeredAt + CLOSING_MS)
      .filter(({ heard }) => !heard.has(message))
      .map(({ user }) => `${message} did not come to a connection of ${user}`),
  );
}

/** What came twice to one connection, or before what was published before it. */
export function disordered(attendees: readonly Attendee[]): string[] {
  const wrong: string[] = [];
  for (const { user, stays } of attendees) {
    for (const { heard } of stays) {
      const last = new Map<string, number>();
      for (const message of heard.all) {
        const [from = '', number] = message.split(':');
        if (Number(number) <= (last.get(from) ?? -1)) wrong.push(`${user} got ${message} late or again`);
        last.set(from, Number(number));
      }
    }
  }
  return wrong;
}

/** The share of the messages whose answer was complete. */
export function completeShare(attendees: readonly Attendee[]): number {
  return completed(attendees).length / attendees.reduce((sum, { said }) => sum + said.length, 0);
}

interface Completed {
  /** As `user:number`. */
  readonly message: string;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly delivered: number;
}

/** The messages whose answer was complete. */
function completed(attendees: readonly Attendee[]): Completed[] {
  return attendees.flatMap(({ user, said }) =>
    said.flatMap(({ number, sentAt, answer, answeredAt }) =>
      answer?.event === 'ack' && answer.data.complete
        ? [{ message: `${user}:${number}`, sentAt, answeredAt, delivered: answer.data.delivered }]
        : [],
    ),
  );
}

/** What lay in the queues of a node that was killed is lost with it. */
function wasKilled({ closeCode }: Stay): boolean {
  return closeCode === 1006;
}
