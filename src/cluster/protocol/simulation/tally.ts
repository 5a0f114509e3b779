/** Datagrams to which the same has happened. A large one holds as many records as would fill several usual ones. */
export class Tally {
  #datagrams = 0;
  #bytes = 0;

  get datagrams(): number {
    return this.#datagrams;
  }

  add(bytes: Buffer): void {
    this.#datagrams += 1;
    this.#bytes += bytes.length;
  }

  /** How many records can have been in them. */
  records(datagramBytes: number): number {
    return Math.max(this.#datagrams, Math.ceil(this.#bytes / datagramBytes));
  }
}
