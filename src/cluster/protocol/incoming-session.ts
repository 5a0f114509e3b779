/**
 * What a peer sends to us: its broadcast stream and its unicast stream to us, as agreed by our HELLO and its WELCOME, and
 * what we hold of its users. The directions of a pair are separate: this is one of them.
 *
 * R2: our HELLO carries a fresh nonce and what we had of the last session (`lastSession`, `lastDelivered`); the WELCOME with
 * that very nonce admits. Until then nothing is applied. R4: on admission the replica is empty and loading; the
 * snapshot's end makes it complete.
 */
import type { Timing } from './options.js';
import { Fragments } from './fragments.js';
import { IncomingStream } from './incoming-stream.js';

export class IncomingSession {
  /** Of our HELLO; 0: none sent yet. */
  nonce = 0;
  isAdmitted = false;
  /** Was admitted once: later admissions are rejoins. */
  wasAdmitted = false;
  /** The peer's session number of the last admission; 0: never. */
  id = 0;
  /** The peer's reports up to this one were made before the session. */
  welcomeReport = 0;

  helloAt = Infinity;
  helloIntervalMs = 0;

  readonly broadcast: IncomingStream;
  readonly unicast: IncomingStream;
  readonly broadcastFragments = new Fragments();
  readonly unicastFragments = new Fragments();

  /** The directory's slot of this replica; 0: none. */
  slot = 0;
  isLoading = true;
  /** Hashes withdrawn while the snapshot is on its way: it must not bring them back. */
  readonly removals = new Set<number>();

  /** When a STATUS is due; Infinity: nothing new to ack. */
  ackAt = Infinity;
  ackRecords = 0;

  constructor(timing: Timing, random: () => number) {
    const retry = { retryMs: timing.nackRetryMs, retryMaxMs: timing.nackRetryMaxMs };
    this.broadcast = new IncomingStream(
      { firstDelayMs: timing.nackBroadcastMs, firstJitterMs: timing.nackBroadcastMs, ...retry },
      random,
    );
    this.unicast = new IncomingStream(
      { firstDelayMs: timing.nackUnicastMs, firstJitterMs: 0, ...retry },
      random,
    );
  }

  get isComplete(): boolean {
    return this.isAdmitted && !this.isLoading;
  }

  /** What has been taken of the unicast stream of session `id`. */
  get delivered(): number {
    return this.id === 0 ? 0 : this.unicast.next - 1;
  }

  /** What we applied of its broadcast stream; 0 unless admitted. */
  get broadcastApplied(): number {
    return this.isAdmitted ? this.broadcast.next - 1 : 0;
  }

  /** R6: listed in reports and STATUS; 0 unless admitted. */
  get listedId(): number {
    return this.isAdmitted ? this.id : 0;
  }
}
