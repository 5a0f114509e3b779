/** Of the records that a peer sent us lately: which share had to be asked for again. */
export class Loss {
  #came = 0;
  #asked = 0;

  /** 0 to 1. */
  get share(): number {
    const all = this.#came + this.#asked;
    return all === 0 ? 0 : Math.min(1, this.#asked / all);
  }

  noteCame(): void {
    this.#came += 1;
  }

  noteAsked(records: number): void {
    this.#asked += records;
  }

  /** What was counted so far weighs half as much from now on. */
  age(): void {
    this.#came >>= 1;
    this.#asked >>= 1;
  }
}
