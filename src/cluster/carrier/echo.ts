import { randomBytes } from 'node:crypto';

const SESSION_BYTES = 12;
const NUMBER_BYTES = 4;
/** Unlike the first byte of a datagram. */
const ECHO_BYTE = 0x45;
const ECHO_BYTES = 1 + SESSION_BYTES + NUMBER_BYTES;

export interface EchoTiming {
  /** How often the node sends itself a message. */
  readonly echoMs: number;
  /** The same while it waits for the first one to come back. */
  readonly firstEchoMs: number;
  /** When none has come back for so long, nothing is carried. Twice `echoMs`, so that one of them may be lost. */
  readonly silentMs: number;
}

/**
 * Messages of a node to itself on each of its subjects, during one session with a broker. They are 12 random bytes, new in
 * each session, and a number. Nobody can answer one without having seen it, so they need no seal; they say nothing.
 */
export class Echo {
  readonly #session = randomBytes(SESSION_BYTES);
  readonly #startedAt = performance.now();
  readonly #heard = new Map<string, { number: number; at: number }>();
  #number = 0;
  #isCarried = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    private readonly subjects: readonly string[],
    private readonly timing: EchoTiming,
    private readonly publish: (subject: string, bytes: Buffer) => void,
    private readonly tell: {
      readonly carried: () => void;
      /** What is published to the subject has not come back for so long. Told each time that is found. */
      readonly silent: (subject: string, ms: number) => void;
    },
  ) {}

  /** Whether the bytes are such a message, of this node or of another one. */
  static isOne(bytes: Buffer): boolean {
    return bytes.length === ECHO_BYTES && bytes[0] === ECHO_BYTE;
  }

  start(): void {
    this.#send();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Such a message has come. One that is older than the last counts for nothing. */
  hear(subject: string, bytes: Buffer): void {
    const number = bytes.readUInt32BE(1 + SESSION_BYTES);
    if (!this.#session.equals(bytes.subarray(1, 1 + SESSION_BYTES)) || number > this.#number) return;
    if (number <= (this.#heard.get(subject)?.number ?? 0)) return;
    const at = performance.now();
    this.#heard.set(subject, { number, at });
    const isHeard = (one: string): boolean =>
      this.#heard.has(one) && this.#silenceOf(one, at) < this.timing.silentMs;
    if (this.#isCarried || !this.subjects.every(isHeard)) return;
    this.#isCarried = true;
    this.tell.carried();
  }

  #send(): void {
    this.#number += 1;
    const bytes = Buffer.allocUnsafe(ECHO_BYTES);
    bytes[0] = ECHO_BYTE;
    this.#session.copy(bytes, 1);
    bytes.writeUInt32BE(this.#number, 1 + SESSION_BYTES);
    for (const subject of this.subjects) this.publish(subject, bytes);
    const { echoMs, firstEchoMs } = this.timing;
    // What has arrived is read before it is judged: this node may have slept.
    const judge = (): void => void setImmediate(() => this.#judge());
    this.#timer = setTimeout(judge, this.#isCarried ? echoMs : firstEchoMs);
  }

  #judge(): void {
    if (this.#isStopped) return;
    const now = performance.now();
    const [worst = ''] = [...this.subjects].sort((a, b) => this.#silenceOf(b, now) - this.#silenceOf(a, now));
    const ms = this.#silenceOf(worst, now);
    this.#send();
    if (ms < this.timing.silentMs) return;
    this.#isCarried = false;
    this.tell.silent(worst, ms);
  }

  #silenceOf(subject: string, now: number): number {
    return now - (this.#heard.get(subject)?.at ?? this.#startedAt);
  }
}
