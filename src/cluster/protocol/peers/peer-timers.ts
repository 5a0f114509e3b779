/** All deadlines that concern one peer. */
import { TimerTable } from '../timers.js';

export class PeerTimers extends TimerTable {
  /** A HELLO is due, the first or a repeated one. */
  readonly hello = this.timer();
  /** An ack is due. */
  readonly ack = this.timer();
  /** A NACK for missing records is due. */
  readonly broadcastNack = this.timer();
  readonly unicastNack = this.timer();
  /** Missing records are given up. */
  readonly broadcastGap = this.timer();
  readonly unicastGap = this.timer();
  /** The peer owes us acks, and is asked for its position. */
  readonly poll = this.timer();
  /** It has acked nothing for so long that senders no longer wait for its full queue. */
  readonly stall = this.timer();
  /** Messages for a peer without a session of ours have waited long enough. */
  readonly hold = this.timer();
  /** The path is probed for a larger datagram. */
  readonly probe = this.timer();
  /** The round trip is measured. */
  readonly ping = this.timer();
}
