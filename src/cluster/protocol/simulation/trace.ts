/**
 * A hash over everything that happened, in order. Two runs of one seed must end with the same hash. It shows when a
 * node depends on anything but its inputs, for instance on a real clock or on real randomness.
 */
export class Trace {
  #hash = 0x811c9dc5;
  #listener: ((line: string) => void) | null = null;

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** For reading a failing seed: each line as it happens. */
  listen(listener: (line: string) => void): void {
    this.#listener = listener;
  }

  number(value: number): void {
    let hash = this.#hash;
    hash = Math.imul(hash ^ (value & 0xffff), 0x01000193);
    hash = Math.imul(hash ^ ((value * 1024) & 0x7fffffff), 0x01000193);
    this.#hash = hash ^ (hash >>> 13);
  }

  /** The end of a sealed datagram is its tag: four bytes of it stand for all of it. */
  datagram(bytes: Buffer): void {
    this.number(bytes.length);
    if (bytes.length >= 4) this.number(bytes.readUInt32LE(bytes.length - 4));
  }

  text(text: string): void {
    for (let index = 0; index < text.length; index++) {
      this.#hash = Math.imul(this.#hash ^ text.charCodeAt(index), 0x01000193);
    }
  }

  note(time: number, line: () => string): void {
    this.#listener?.(`${time.toFixed(2).padStart(10)} ${line()}`);
  }
}
