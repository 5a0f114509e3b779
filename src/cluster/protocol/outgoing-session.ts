/**
 * What we send to a peer: our unicast stream to it, and its place in our broadcast stream, as agreed by its HELLO and our
 * WELCOME. Also what its acks say of it: what it applied, whether it lags, stalls, or lists us as we list it.
 *
 * Without a session (`id` 0) messages wait in the stream, bounded in time and size (R9). A new session renumbers what
 * is left (R3).
 */
import { OutgoingStream } from './outgoing-stream.js';

export class OutgoingSession {
  /** Of the peer's HELLO last answered; 0: none. */
  nonce = 0;
  /** 0: closed. Session numbers grow over all peers of this boot and are never used again. */
  id = 0;
  /** Last broadcast record before the session: the snapshot covers everything up to it. */
  base = 0;
  /** Of the WELCOME, which is repeated as it was. */
  welcomeReport = 0;
  welcomePacketNumber = 0;

  readonly stream: OutgoingStream;

  /** R6: what the peer said it applied of our broadcast stream: a running maximum. */
  ackBroadcast = 0;
  /** Records it can take, as it last said. */
  window: number;

  /** Since when acks of the unicast stream have made no progress, with records in flight; Infinity: nothing is in flight. */
  stuckSince = Infinity;
  /** When the peer is asked for its position; Infinity: it owes us no ack. */
  pollAt = Infinity;
  pollIntervalMs = 0;

  /** Since when this peer alone or with others has held the broadcast window shut; Infinity: it does not. */
  blockingSince = Infinity;
  /** It kept a record waiting for too long, or does not ack: it no longer counts in the window, and will have to rejoin. */
  isLaggard = false;

  /** R11: announcements up to here were declared reachable without this peer's ack. */
  lateTo = 0;
  lateToldAt = -Infinity;
  /** When it last said what it has of this session, be it nothing new. */
  answeredAt = -Infinity;
  /** When it last acked more of the broadcast stream than before. */
  ackedAt = -Infinity;
  /** Late, and has acked nothing for as long: connections do not wait for it until it is heard from again. */
  isAbsent = false;

  /** R8. */
  isMutual = false;
  /** When this node last woke from a sleep, in which no ack could come. */
  awakeSince = -Infinity;
  wasToldNotMutual = false;

  /** Users' messages given up since that was last told: the peer does not answer, the queue is full or too old. */
  dropped = 0;
  droppedToldAt = -Infinity;
  /** Its queue is above the high-water mark. */
  isCongested = false;

  /** R5: what is left to walk of the snapshot. */
  snapshot: Generator<number, void> | null = null;

  constructor(recordBytes: number, window: number) {
    this.stream = new OutgoingStream(recordBytes);
    this.window = window;
  }

  /** The broadcast stream must keep what comes after this for the peer. */
  get broadcastNeededAfter(): number {
    return Math.max(this.ackBroadcast, this.base);
  }

  /** Since when the oldest record that the peer has not acked has waited for it; Infinity: none does. */
  get unackedSince(): number {
    return Math.max(this.stream.oldestClosedAt, this.awakeSince);
  }

  get isLate(): boolean {
    return this.ackBroadcast < this.lateTo;
  }
}
