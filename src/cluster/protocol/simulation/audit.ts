/** Whether a node keeps the limits of its memory. */
import type { ProtocolNode } from '../contract.js';
import type { Expectations } from './oracles.js';
import { Violation } from './violation.js';

/** Reading the statistics costs more than a turn, so they are read once in so many turns. */
const TURNS_PER_AUDIT = 64;

export class Audit {
  #turns = 0;

  constructor(
    private readonly node: ProtocolNode,
    private readonly expectations: Expectations,
  ) {}

  turnEnded(): void {
    this.#turns += 1;
    if (this.#turns % TURNS_PER_AUDIT === 0) this.#judge();
  }

  #judge(): void {
    const { queuedBytes, queuedRecords } = this.node.statistics();
    const { queuedBytesMax, queuedRecordsMax, peersMax } = this.expectations;
    if (queuedBytes < 0 || queuedBytes > queuedBytesMax)
      throw new Violation('memory', `${queuedBytes} bytes queued`);
    if (queuedRecords < 0 || queuedRecords > queuedRecordsMax) {
      throw new Violation('memory', `${queuedRecords} records queued`);
    }
    const peers = this.node.peers().length;
    if (peers > peersMax) throw new Violation('memory', `${peers} peers`);
  }
}
