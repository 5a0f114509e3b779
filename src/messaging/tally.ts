import { moduleFailed } from '../telemetry/module-failures.js';
import type { Outcome } from '../wire/outgoing-frame.js';

/** Adds up the counts of this node and of the others. Either may come first. */
export class Tally {
  #delivered = 0;
  #complete = true;
  #missing = 2;

  constructor(private readonly outcome: (outcome: Outcome) => void) {}

  addLocal(delivered: number): void {
    this.#add(delivered, true);
  }

  addRemote({ delivered, complete }: Outcome): void {
    this.#add(delivered, complete);
  }

  #add(delivered: number, complete: boolean): void {
    this.#delivered += delivered;
    this.#complete &&= complete;
    if (--this.#missing > 0) return;
    try {
      this.outcome({ delivered: this.#delivered, complete: this.#complete });
    } catch (error) {
      // this runs while the bus raises its events: the other events must not be lost if the callback throws
      moduleFailed('outcome', 'What a module does with the outcome of a message', error);
    }
  }
}
