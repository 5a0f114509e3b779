import { ENDED, type Closing } from './closing.js';

/**
 * Theory of operation.
 *
 *   held ──> open ──> finishing ──> closing ──> closed
 *
 * - held: the upgrade is not answered yet. Messages may come already; they wait.
 * - cancelled: it was closed while it was held. Its client gets the close frame as soon as its socket is open.
 * - open: frames come and go.
 * - finishing: it is closed once the requests under way are answered.
 * - closing: nothing more is sent but the close frame, behind what was queued.
 * - closed: the socket has closed, or the upgrade came to nothing.
 *
 * The table has every event that may come in a state. An event that is not in it is a bug of ours, and throws. The
 * first close counts: whatever closes the connection later changes nothing.
 */
const NEXT = {
  held: { open: 'open', close: 'cancelled', gone: 'closed' },
  cancelled: { open: 'closing', close: 'cancelled', gone: 'closed' },
  open: { finish: 'finishing', close: 'closing', gone: 'closed' },
  finishing: { finish: 'finishing', close: 'closing', gone: 'closed' },
  closing: { finish: 'closing', close: 'closing', gone: 'closed' },
  closed: { finish: 'closed', close: 'closed' },
} as const satisfies Record<string, Partial<Record<LifeEvent, string>>>;

type LifeEvent = 'open' | 'finish' | 'close' | 'gone';

export type LifeState = keyof typeof NEXT;

/** In which state a connection is. Only the methods here change it. */
export class ConnectionLife {
  #state: LifeState = 'held';
  /** How the connection is closed. While nothing has closed it: ENDED. */
  #closing: Closing = ENDED;

  get state(): LifeState {
    return this.#state;
  }

  /** Frames come and go. */
  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'finishing';
  }

  /** No more frames are queued. */
  get isClosing(): boolean {
    return this.#state !== 'open' && this.#state !== 'finishing' && this.#state !== 'held';
  }

  /** How the connection is closed. While nothing has closed it: ENDED. */
  get closing(): Closing {
    return this.#closing;
  }

  /** The upgrade has been answered. */
  open(): void {
    this.#move('open');
  }

  /** It will be closed in this way when the requests under way are answered. */
  finish(closing: Closing): void {
    if (!this.isClosing) this.#closing = closing;
    this.#move('finish');
  }

  /** Returns false when it was closed before. */
  close(closing: Closing): boolean {
    const isFirst = !this.isClosing;
    if (isFirst) this.#closing = closing;
    this.#move('close');
    return isFirst;
  }

  /** The socket has closed, or the upgrade came to nothing. */
  gone(): void {
    if (!this.isClosing) this.#closing = ENDED;
    this.#move('gone');
  }

  #move(event: LifeEvent): void {
    const next = (NEXT[this.#state] as Partial<Record<LifeEvent, LifeState>>)[event];
    if (next === undefined) throw new Error(`a connection that is ${this.#state} can't ${event}`);
    this.#state = next;
  }
}
