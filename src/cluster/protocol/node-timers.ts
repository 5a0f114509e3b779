/** All deadlines of a node that concern no single peer. */
import { TimerTable } from './timers.js';

/** Deadlines for what others owe us. After a sleep they wait until the sockets were read: the answer may lie there. */
class OwedTimers extends TimerTable {
  /** The oldest connection that waits is let through, whoever is missing. */
  readonly barrier = this.timer();
  /** The oldest receipt ends. */
  readonly receipts = this.timer();
  /** The next question ends. */
  readonly questions = this.timer();
}

/** Deadlines for what this node tells its peers, and hears from them. They stand still while nothing is carried (R15). */
class CarriedTimers extends TimerTable {
  /** A report is due. */
  readonly report = this.timer();
  /** Peers are judged though no report is due. */
  readonly judge = this.timer();
  /** Mesh: seeds that are no peers yet are knocked at. */
  readonly knock = this.timer();
  /** Peers are told of each other. */
  readonly gossip = this.timer();
  /** Announcements that wait for others leave. */
  readonly gathered = this.timer();
  /** A peer has shut the broadcast window for too long. The next flush makes it a laggard. */
  readonly giveUp = this.timer();
}

export class NodeTimers extends TimerTable {
  readonly owed = new OwedTimers();
  readonly carried = new CarriedTimers();

  /** The next segments of the directory are swept. */
  readonly sweep = this.timer();
  /** The next watches of addresses are looked at again. */
  readonly recheck = this.timer();
  /** The next address that nobody here holds any more is withdrawn. */
  readonly linger = this.timer();
  /** Nothing has been carried for so long that this node calls itself not ready. */
  readonly away = this.timer();
  /** The next step of a departure. */
  readonly departure = this.timer();
}
