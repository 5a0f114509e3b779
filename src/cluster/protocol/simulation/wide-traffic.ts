/**
 * Checks, at the network, what a sender does with datagrams that are larger than the size that every path takes.
 *
 * A datagram larger than any that has passed is a guess, and only a PROBE may be a guess. A sender that watches its
 * losses loses few large datagrams, and not for long.
 */
import type { Timing } from '../options.js';
import { HEADER_BYTES } from '../wire/datagram.js';
import { FRAME_PROBE } from '../wire/frames.js';
import { Violation } from './violation.js';

/** For each search: the probes of one size, and what is lost before that is noticed. */
const LOST_PER_SEARCH = 6;
/** In flight when a path closes. */
const LOST_FREE = 10;
/** Of what leaves in one turn no more is counted: nobody can know yet that its first datagram is lost. */
const LOST_PER_TURN = 5;
const LOST_SHARE = 0.1;

/** One end of a path, and the boot that is there now. */
interface End {
  readonly index: number;
  readonly speaker: { readonly index: number } | null;
}

/** What one boot sent to one host. The path stays the same when another boot runs on that host. */
interface Traffic {
  readonly since: number;
  largestPassed: number;
  sent: number;
  lost: number;
  lostAt: number;
  lostThen: number;
}

export class WideTraffic {
  readonly #byPath = new Map<string, Traffic>();
  #usualBytes = Infinity;
  #areGuessesTold = false;

  /**
   * @param usualBytes datagrams up to this size are not wide
   * @param areGuessesTold whether a guess that is no PROBE can be recognised
   */
  watch(usualBytes: number, areGuessesTold: boolean): void {
    this.#usualBytes = usualBytes;
    this.#areGuessesTold = areGuessesTold;
  }

  note(from: End, to: End, bytes: Buffer, isLost: boolean, now: number): void {
    const { length } = bytes;
    if (length <= this.#usualBytes || from.speaker === null || to.speaker === null) return;
    const path = `#${from.speaker.index} to host ${to.index}`;
    let traffic = this.#byPath.get(path);
    if (traffic === undefined) {
      traffic = { since: now, largestPassed: this.#usualBytes, sent: 0, lost: 0, lostAt: now, lostThen: 0 };
      this.#byPath.set(path, traffic);
    }
    const isGuess = length > traffic.largestPassed;
    if (isGuess && this.#areGuessesTold && bytes[HEADER_BYTES] !== FRAME_PROBE) {
      throw new Violation('path', `${length} bytes from ${path}, where no probe of that size has passed`);
    }
    traffic.sent += 1;
    if (isLost) noteLost(traffic, now);
    else traffic.largestPassed = Math.max(traffic.largestPassed, length);
  }

  judge(now: number, timing: Timing): void {
    for (const [path, { since, sent, lost }] of this.#byPath) {
      const searches = 1 + Math.log2(1 + (now - since) / timing.pathRetryMs);
      if (lost > LOST_FREE + LOST_PER_SEARCH * searches + LOST_SHARE * sent) {
        throw new Violation('path', `${lost} of ${sent} large datagrams from ${path} were lost`);
      }
    }
  }
}

function noteLost(traffic: Traffic, now: number): void {
  if (traffic.lostAt !== now) {
    traffic.lostAt = now;
    traffic.lostThen = 0;
  }
  traffic.lostThen += 1;
  if (traffic.lostThen <= LOST_PER_TURN) traffic.lost += 1;
}
