/** All deadlines that concern one peer. */
import { TimerTable } from './timers.js';

export class PeerTimers extends TimerTable {
  /** Our HELLO is due, again. */
  readonly hello = this.timer();
  /** What we took of the peer is to be acked. */
  readonly ack = this.timer();
  /** What is missing of its streams is asked for. */
  readonly broadcastNack = this.timer();
  readonly unicastNack = this.timer();
  /** What is missing is given up. */
  readonly broadcastGap = this.timer();
  readonly unicastGap = this.timer();
  /** The peer owes us acks, and is asked for its position. */
  readonly poll = this.timer();
  /** It has acked nothing for so long that its full queue holds nobody up any more. */
  readonly stall = this.timer();
  /** Messages for a peer without a session of ours have waited long enough. */
  readonly hold = this.timer();
  /** The round trip is measured. */
  readonly ping = this.timer();
}
