import { Logger, type LoggerService } from '@nestjs/common';
import { LogBudget } from '../../telemetry/log-budget.js';

/**
 * The share of the limit for clients that are not being closed. The rest is for clients that still get their close
 * frame.
 */
const OPEN_SHARE = 3 / 4;
/**
 * How much more than necessary is freed, as a share of the limit. Otherwise the next write would exceed the limit
 * again.
 */
const SPARE_SHARE = 1 / 16;

/** What Backlogs needs of a connection. */
interface Backlogged {
  /** Memory of what the client has not taken yet. */
  readonly backlogBytes: number;
  /** Memory of what the client has sent and the node has not handled yet. */
  readonly unhandledBytes: number;
  readonly isClosing: boolean;
  closeFor(why: BacklogKind['why']): void;
  terminate(): void;
}

/** What waits, which variable limits it, and the reason for which clients are closed. */
export interface BacklogKind {
  readonly bytes: 'backlogBytes' | 'unhandledBytes';
  readonly variable: 'WS_BUFFER_TOTAL_BYTES' | 'WS_UNHANDLED_TOTAL_BYTES';
  readonly why: 'slow_client' | 'unhandled';
  readonly whose: string;
}

export const TO_CLIENTS: BacklogKind = {
  bytes: 'backlogBytes',
  variable: 'WS_BUFFER_TOTAL_BYTES',
  why: 'slow_client',
  whose: 'Clients that read too slowly hold',
};

export const FROM_CLIENTS: BacklogKind = {
  bytes: 'unhandledBytes',
  variable: 'WS_UNHANDLED_TOTAL_BYTES',
  why: 'unhandled',
  whose: 'What clients have sent and was not handled yet takes',
};

/**
 * The backlogs of all clients together: what they have not taken yet, or what they have sent and was not handled yet.
 * When the sum exceeds the limit, the clients that hold most are closed. A client that takes what it gets, and ends
 * what it begins, holds nothing. A client that is being closed keeps its backlog until it has taken the close frame.
 * When the backlogs of such clients exceed the limit, these clients are cut.
 *
 * A connection reports when its backlog has grown. It does not report when the backlog has shrunk, so that taking costs
 * nothing. The sum is therefore never too small, and all backlogs are measured again before a client is closed.
 */
export class Backlogs<Client extends Backlogged> {
  readonly #warnings: LogBudget;
  readonly #open: Holders<Client>;
  readonly #closing: Holders<Client>;
  #isShedding = false;
  #shed = 0;

  constructor(
    private readonly kind: BacklogKind,
    private readonly bytesMax: number,
    logger: Pick<LoggerService, 'warn'> = new Logger('Clients'),
  ) {
    this.#warnings = new LogBudget(logger);
    this.#open = new Holders(kind.bytes);
    this.#closing = new Holders(kind.bytes);
  }

  /** The sum, measured now. */
  get bytes(): number {
    return this.#open.look() + this.#closing.look();
  }

  /** Clients that were closed or cut because the limit was exceeded. Only grows. */
  get shed(): number {
    return this.#shed;
  }

  grown(client: Client): void {
    (client.isClosing ? this.#closing : this.#open).count(client);
    this.#keepWithin();
  }

  /** The client is being closed from now on. */
  closing(client: Client): void {
    if (!this.#open.forget(client)) return;
    this.#closing.count(client);
    this.#keepWithin();
  }

  /** Nothing is queued for the client any more. */
  gone(client: Client): void {
    this.#open.forget(client);
    this.#closing.forget(client);
  }

  #keepWithin(): void {
    if (this.#isShedding || (this.#openExcess <= 0 && this.#excess <= 0)) return;
    this.#isShedding = true; // a client is flushed before it is closed, and its backlog may grow then
    try {
      this.#open.look();
      this.#closing.look();
      this.#shedLargest(this.bytesMax * SPARE_SHARE);
    } finally {
      this.#isShedding = false;
    }
  }

  #shedLargest(spare: number): void {
    if (this.#openExcess > 0) {
      const largest = this.#open.largest(this.#openExcess + spare);
      this.#say(`closing the ${largest.length} that hold most`);
      for (const client of largest) client.closeFor(this.kind.why);
      this.#shed += largest.length;
    }
    if (this.#excess > 0) {
      const largest = this.#closing.largest(this.#excess + spare);
      this.#say(`cutting ${largest.length} that are being closed`);
      for (const client of largest) {
        this.#closing.forget(client);
        client.terminate();
      }
      this.#shed += largest.length;
    }
  }

  get #openExcess(): number {
    return this.#open.bytes - this.bytesMax * OPEN_SHARE;
  }

  get #excess(): number {
    return this.#open.bytes + this.#closing.bytes - this.bytesMax;
  }

  #say(what: string): void {
    const bytes = this.#open.bytes + this.#closing.bytes;
    const { whose, variable } = this.kind;
    this.#warnings.warn('too much', `${whose} ${bytes} of ${variable}=${this.bytesMax}: ${what}`);
  }
}

/** Clients with a backlog, how large it was when it was looked at last, and the sum. */
class Holders<Client extends Backlogged> {
  readonly #bytesOf = new Map<Client, number>();
  #bytes = 0;

  constructor(private readonly what: BacklogKind['bytes']) {}

  get bytes(): number {
    return this.#bytes;
  }

  count(client: Client): void {
    const bytes = client[this.what];
    this.#bytes += bytes - (this.#bytesOf.get(client) ?? 0);
    this.#bytesOf.set(client, bytes);
  }

  /** False: it was not here. */
  forget(client: Client): boolean {
    const bytes = this.#bytesOf.get(client);
    if (bytes === undefined) return false;
    this.#bytes -= bytes;
    return this.#bytesOf.delete(client);
  }

  /** Measures all backlogs again. Returns the sum. */
  look(): number {
    for (const client of this.#bytesOf.keys()) {
      if (client[this.what] === 0) this.forget(client);
      else this.count(client);
    }
    return this.#bytes;
  }

  /** The clients with the largest backlogs, as few as hold so many bytes together. The largest comes first. */
  largest(bytes: number): Client[] {
    const clients = [...this.#bytesOf].sort(([, a], [, b]) => b - a);
    let held = 0;
    const enough = clients.findIndex(([, more]) => (held += more) >= bytes);
    return clients.slice(0, enough < 0 ? clients.length : enough + 1).map(([client]) => client);
  }
}
