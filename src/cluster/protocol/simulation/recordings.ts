import type { Arrival, Endpoint } from '../contract.js';
import type { Random } from './random.js';

interface Recording {
  readonly bytes: Buffer;
  readonly arrival: Arrival;
  readonly receiver: number;
  readonly source: Endpoint;
}

const RECORDINGS = 512;

/** What an attacker has recorded of a network. */
export class Recordings {
  readonly #recordings: Recording[] = [];

  constructor(private readonly random: Random) {}

  /** Old recordings are kept for long, so that not all replays are of recent datagrams. */
  add(recording: Recording): void {
    if (this.#recordings.length < RECORDINGS) this.#recordings.push(recording);
    else if (this.random.chance(0.2)) this.#recordings[this.random.below(RECORDINGS)] = recording;
  }

  /** Undefined: there are none. */
  pick(): Recording | undefined {
    return this.#recordings.length === 0 ? undefined : this.random.pick(this.#recordings);
  }
}
