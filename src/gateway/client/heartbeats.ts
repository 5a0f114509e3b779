/** The interval has at most so many parts, over which the pings are spread. */
const PARTS_MAX = 64;
const PART_MS_MIN = 50;
/** Pings without a sign of life after which a client is given up. */
const PINGS_UNANSWERED_MAX = 2;

/** What a heartbeat needs of a client. */
interface Beating {
  /** Pings since the client's last sign of life. */
  readonly unansweredPings: number;
  readonly intake: { readonly isPaused: boolean };
  /** The part of the interval in which it is pinged. */
  readonly heartbeatPart: number;
  beatIn(part: number): void;
  /** A sign of life. */
  heard(): void;
  ping(): void;
  closeFor(why: 'heartbeat'): void;
}

/**
 * Pings each client once in an interval, and closes clients that gave no sign of life for two intervals. All clients
 * share one timer. Each new client gets the next part of the interval, so that the pings are spread.
 */
export class Heartbeats<Client extends Beating> {
  readonly #parts: Set<Client>[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #turn = 0;

  constructor(intervalMs: number) {
    const parts = Math.max(1, Math.min(PARTS_MAX, Math.floor(intervalMs / PART_MS_MIN)));
    this.#parts = Array.from({ length: parts }, () => new Set<Client>());
    this.#timer = setInterval(() => this.#beat(), intervalMs / parts).unref();
  }

  add(client: Client): void {
    this.#turn = (this.#turn + 1) % this.#parts.length;
    (this.#parts[this.#turn] as Set<Client>).add(client);
    client.beatIn(this.#turn);
  }

  remove(client: Client): void {
    this.#parts[client.heartbeatPart]?.delete(client);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    this.#next = (this.#next + 1) % this.#parts.length;
    for (const client of this.#parts[this.#next] as Set<Client>) {
      // what a client sends while it is not read can't be seen
      if (client.intake.isPaused) client.heard();
      if (client.unansweredPings >= PINGS_UNANSWERED_MAX) client.closeFor('heartbeat');
      else client.ping();
    }
  }
}
