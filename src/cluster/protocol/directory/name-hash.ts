/**
 * What nodes call an address in the directory: 53 bits of keyed hash of its name's UTF-16 code units, as two integers,
 * `low` (32 bits) and `high` (21 bits), so that they also fit one number exactly.
 *
 * It is keyed per cluster secret and kind of address, so that a client cannot choose names that collide; it need not be
 * cryptographic, as no client ever sees a hash. A collision costs one datagram to a node that does not hold the address;
 * connections are counted per hash, so that it never erases anybody. With 10,000,000 addresses a look-up of one that
 * nobody holds collides once in 9e8. Two cross-mixed 32-bit lanes with murmur3's multipliers and finish.
 *
 * The result is in `low` and `high` after `hash()`: returning a pair would allocate one for every message.
 */
export const HASH_BYTES = 7;
const HIGH_BITS = 21;
const HIGH_SCALE = 2 ** 32;

export class NameHasher {
  low = 0;
  high = 0;
  readonly #k0: number;
  readonly #k1: number;
  readonly #k2: number;
  readonly #k3: number;

  constructor(key: Buffer) {
    this.#k0 = key.readInt32BE(0);
    this.#k1 = key.readInt32BE(4);
    this.#k2 = key.readInt32BE(8);
    this.#k3 = key.readInt32BE(12);
  }

  hash(name: string): void {
    let a = this.#k0;
    let b = this.#k1;
    const { length } = name;
    for (let at = 0; at < length; at += 1) {
      const unit = name.charCodeAt(at);
      a = Math.imul(a ^ unit, 0xcc9e2d51);
      a = ((a << 15) | (a >>> 17)) + b;
      b = Math.imul(b ^ unit, 0x1b873593);
      b = ((b << 13) | (b >>> 19)) ^ a;
    }
    a = finish(a ^ length ^ this.#k2);
    b = finish(b ^ a ^ this.#k3);
    a = finish(a + b);
    this.low = a;
    this.high = b >>> (32 - HIGH_BITS);
  }

  /** The hash as one number: a key for Maps. */
  key(name: string): number {
    this.hash(name);
    return this.high * HIGH_SCALE + (this.low >>> 0);
  }
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export const lowOf = (key: number): number => key | 0;
export const highOf = (key: number): number => Math.floor(key / HIGH_SCALE);

/** 7 bytes: high (3), low (4). */
export function writeHash(out: Buffer, offset: number, key: number): void {
  out.writeUIntBE(Math.floor(key / HIGH_SCALE), offset, 3);
  out.writeUInt32BE(key % HIGH_SCALE, offset + 3);
}
