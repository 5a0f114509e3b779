import { Logger } from '@nestjs/common';
import { BehaviorSubject, Subject, type Observable } from 'rxjs';
import { ConfigurationError } from '../config/variables.js';
import { printable } from '../telemetry/excerpt.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { BrokerRefusal, type BrokerClient, type BrokerSession } from './broker-client.js';

export interface BrokerMessage {
  readonly subject: string;
  readonly bytes: Buffer;
}

export interface LinkTiming {
  /** How long an attempt to connect may take. */
  readonly connectMs: number;
  /**
   * Between two attempts: doubling from the first to the second, and a random part of it, because all nodes lose a broker
   * at the same time. Together with an attempt the longest is less than half of the time after which a silent peer is dead.
   */
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

export const LINK_TIMING: LinkTiming = { connectMs: 2_000, waitMs: 50, waitMaxMs: 2_000 };

export const NOT_YET = 'it has not been connected to yet';

/** Why there is no session, for people; null: there is one. */
export type LinkState = { readonly why: string | null };

/** What may be unconfirmed by the broker. It is dropped beyond that: the nodes repair it, and a late datagram is of no use. */
const BACKLOG_BYTES_MAX = 4 << 20;

/**
 * Keeps a session with a broker: when one ends, another is begun, for ever. Nothing is kept for later: what is published
 * while there is no session is dropped, and so is what a broker that does not read has no room for.
 */
export class BrokerLink {
  readonly #warnings: LogBudget;
  readonly #messages = new Subject<BrokerMessage>();
  readonly #state = new BehaviorSubject<LinkState>({ why: NOT_YET });

  /** Hot. */
  readonly messages$: Observable<BrokerMessage> = this.#messages.asObservable();
  /** Replays the current state. */
  readonly state$: Observable<LinkState> = this.#state.asObservable();

  #session: BrokerSession | undefined;
  #complaint: string | null = null;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #dropped = 0;

  constructor(
    private readonly client: BrokerClient,
    private readonly subjects: readonly string[],
    private readonly timing: LinkTiming,
  ) {
    this.#warnings = new LogBudget(new Logger(client.broker));
  }

  /** The "host:port" of the server that the session is with; undefined: there is none. */
  get server(): string | undefined {
    return this.#session?.server;
  }

  /** What the broker refused last in this session, for people; null: nothing. */
  get complaint(): string | null {
    return this.#complaint;
  }

  /** What was dropped because the broker did not read it. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Makes the first attempt. A broker that is not there yet is waited for later; nothing is waited for here.
   *
   * @throws {ConfigurationError} when the library is missing, or a server refuses us
   */
  async open(): Promise<void> {
    await this.client.load();
    try {
      await this.#connect();
    } catch (error) {
      if (error instanceof BrokerRefusal) {
        throw new ConfigurationError([{ variable: error.variable, message: printable(error.message) }]);
      }
      this.#wait(messageOf(error));
    }
  }

  publish(subject: string, bytes: Buffer): void {
    const session = this.#session;
    if (session === undefined) return;
    if (session.unconfirmedBytes + bytes.length > BACKLOG_BYTES_MAX) this.#dropped += 1;
    else session.publish(subject, bytes);
  }

  /** The session is of no use. Another one takes its place. */
  renew(why: string): void {
    const session = this.#session;
    if (session === undefined) return;
    // It may take long to end, if nobody answers at the other end.
    void session.close();
    this.#lose(session, why);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#session?.close();
    this.#messages.complete();
    this.#state.complete();
  }

  async #connect(): Promise<void> {
    let isCurrent = true;
    this.#complaint = null;
    const session = await this.client.connect(
      {
        subjects: this.subjects,
        receive: (subject, bytes) => {
          if (isCurrent) this.#messages.next({ subject, bytes });
        },
        complain: (what) => {
          this.#complaint = printable(what);
          this.#warnings.warn('complaint', this.#complaint);
        },
      },
      this.timing.connectMs,
    );
    if (this.#isClosed) {
      await session.close();
      return;
    }
    this.#session = session;
    this.#failures = 0;
    void session.ended.then((why) => {
      isCurrent = false;
      this.#lose(session, why);
    });
    this.#state.next({ why: null });
  }

  #lose(session: BrokerSession, why: string): void {
    if (session !== this.#session) return;
    this.#session = undefined;
    this.#wait(why);
  }

  /** There is no session. The next attempt comes after a while. */
  #wait(why: string): void {
    if (this.#isClosed) return;
    const { waitMs, waitMaxMs } = this.timing;
    const longestMs = Math.min(waitMaxMs, waitMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#state.next({ why: printable(why) });
    this.#retry = setTimeout(() => void this.#tryAgain(), longestMs * (0.5 + 0.5 * Math.random()));
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#wait(messageOf(error));
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
