/** A peer's newest report: which of its parts have come, and whether one of them listed us. */
export class ReportParts {
  #number = 0;
  #parts = 0;
  #members = 0;
  #seen = 0;
  #isListed = false;

  get number(): number {
    return this.#number;
  }

  /** How many nodes the peer counts, itself included. Its pace depends on it. */
  get members(): number {
    return this.#members;
  }

  /** The first part of a newer report has come. */
  begin(number: number, parts: number, members: number): void {
    this.#number = number;
    this.#parts = parts;
    this.#members = members;
    this.#seen = 0;
    this.#isListed = false;
  }

  noteListed(): void {
    this.#isListed = true;
  }

  /** True: all parts have come, and none of them lists us. */
  notePart(part: number): boolean {
    this.#seen |= 1 << part;
    return !this.#isListed && this.#seen === 2 ** this.#parts - 1;
  }
}
