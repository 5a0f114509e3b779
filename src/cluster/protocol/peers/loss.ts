/** The share of a peer's records that had to be asked for again lately. */
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

  /** Halves the weight of what was counted so far. */
  age(): void {
    this.#came >>= 1;
    this.#asked >>= 1;
  }
}
