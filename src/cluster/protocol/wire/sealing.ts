/**
 * Which key seals what.
 *
 *   PRK          = mac("lanfare/v1" || cluster name, secret)                         (HKDF-Extract, per secret)
 *   key tag      = first 2 bytes of mac(PRK, "tag" || 1)
 *   hash key     = first 16 bytes of mac(PRK, label || 1)                             (directory, name-hash.ts)
 *                  label: "hash" for users, "hash room" for rooms
 *   broadcast    = mac(PRK, "b" || sender boot id || epoch u32 || 1)
 *   pair         = mac(PRK, "u" || sender boot id || receiver boot id || epoch u32 || 1)
 *   nonce        = 6 zero bytes || packet number u48;  epoch = packet number >> 24
 *
 * Rules.
 * - No nonce repeats: a boot id is random per process start, packet numbers of a key only grow, each direction and
 *   channel has its own key. A key seals at most 2^24 datagrams; the next epoch's key follows without coordination.
 * - A datagram that opens under a pair key was made after the receiver booted: nobody knew its boot id before. The
 *   handshake stands on this.
 * - Rotation: the first secret seals, all open; the header's tag says which one. There is no trial decryption.
 * - A packet number that is not authenticated yet must not cause key derivations without limit. Once a channel is in
 *   use, only its newest epoch and those next to it are tried.
 */
import { assert } from '../errors.js';
import type { AddressKind } from '../contract.js';
import { NONCE_BYTES, TAG_BYTES, type Aead, type CipherSuite } from './cipher.js';
import { DATAGRAM_OVERHEAD_BYTES, FLAG_PAIR_KEY, HEADER_BYTES, writeHeader } from './datagram.js';
import { ReplayWindow } from './replay-window.js';

const PACKETS_PER_EPOCH = 1 << 24;
const PACKET_NUMBER_MAX = 2 ** 48 - 1;
const SECRET_BYTES_MIN = 32;
const SECRETS_MAX = 3;
const HASH_KEY_BYTES = 16;
const NONCE_NUMBER_OFFSET = NONCE_BYTES - 6;

const epochOf = (packetNumber: number): number => Math.floor(packetNumber / PACKETS_PER_EPOCH);

/** Of each kind of address: a user and a room of one name have nothing in common. */
export type HashKeys = Readonly<Record<AddressKind, Buffer>>;

interface Secret {
  readonly tag: number;
  readonly prk: Buffer;
  readonly hashKeys: HashKeys;
}

export class Keyring {
  readonly #cipher: CipherSuite;
  readonly #secrets: readonly Secret[];

  constructor(cipher: CipherSuite, clusterName: string, secrets: readonly Buffer[]) {
    if (secrets.length < 1 || secrets.length > SECRETS_MAX) {
      throw new RangeError(`1 to ${SECRETS_MAX} secrets are needed, ${secrets.length} were given`);
    }
    this.#cipher = cipher;
    const salt = Buffer.from(`lanfare/v1${clusterName}`);
    this.#secrets = secrets.map((secret) => {
      if (secret.length < SECRET_BYTES_MIN)
        throw new RangeError(`A secret needs ${SECRET_BYTES_MIN} bytes or more`);
      const prk = cipher.mac(salt, secret);
      return {
        tag: this.#expand(prk, Buffer.from('tag')).readUInt16BE(0),
        prk,
        hashKeys: {
          user: this.#hashKey(prk, 'hash'),
          room: this.#hashKey(prk, 'hash room'),
          watch: this.#hashKey(prk, 'hash watch'),
        },
      };
    });
    if (new Set(this.#secrets.map(({ tag }) => tag)).size !== secrets.length) {
      throw new RangeError('Two secrets are equal, or have the same 16-bit key tag: replace one of them');
    }
  }

  get hashKeys(): readonly HashKeys[] {
    return this.#secrets.map(({ hashKeys }) => hashKeys);
  }

  tagOf(secret: number): number {
    return (this.#secrets[secret] as Secret).tag;
  }

  /** Which of our secrets has this tag; -1: none, it is another cluster's. */
  secretWithTag(tag: number): number {
    return this.#secrets.findIndex((secret) => secret.tag === tag);
  }

  /** `receiver` null: the sender's broadcast key. */
  key(secret: number, sender: Buffer, receiver: Buffer | null, epoch: number): Aead {
    const { prk } = this.#secrets[secret] as Secret;
    const epochBytes = Buffer.alloc(4);
    epochBytes.writeUInt32BE(epoch);
    const label = receiver === null ? Buffer.from('b') : Buffer.from('u');
    const info = Buffer.concat([label, sender, receiver ?? Buffer.alloc(0), epochBytes]);
    return this.#cipher.aead(this.#expand(prk, info));
  }

  #hashKey(prk: Buffer, label: string): Buffer {
    return this.#expand(prk, Buffer.from(label)).subarray(0, HASH_KEY_BYTES);
  }

  #expand(prk: Buffer, info: Buffer): Buffer {
    return this.#cipher.mac(prk, Buffer.concat([info, Buffer.from([1])]));
  }
}

/** One key's sealing side: numbers the datagrams and moves from epoch to epoch. */
export class SealingChannel {
  readonly #nonce = Buffer.alloc(NONCE_BYTES);
  #packetNumber: number;
  #epoch = -1;
  #aead: Aead | undefined;

  /** `numbersUsed`: all numbers up to this one may be used already. A peer that is met again has the same key as before. */
  constructor(
    private readonly keyring: Keyring,
    private readonly self: Buffer,
    private readonly receiver: Buffer | null,
    numbersUsed: number,
  ) {
    this.#packetNumber = numbersUsed;
  }

  /** The last packet number used. */
  get packetNumber(): number {
    return this.#packetNumber;
  }

  seal(plain: Buffer): Buffer {
    const number = this.#packetNumber + 1;
    assert(number <= PACKET_NUMBER_MAX, 'packet numbers never wrap');
    this.#packetNumber = number;
    const epoch = epochOf(number);
    let aead = this.#aead;
    if (aead === undefined || epoch !== this.#epoch) {
      aead = this.keyring.key(0, this.self, this.receiver, epoch);
      this.#aead = aead;
      this.#epoch = epoch;
    }
    const datagram = Buffer.allocUnsafe(plain.length + DATAGRAM_OVERHEAD_BYTES);
    const flags = this.receiver === null ? 0 : FLAG_PAIR_KEY;
    writeHeader(datagram, flags, this.keyring.tagOf(0), this.self, number);
    this.#nonce.writeUIntBE(number, NONCE_NUMBER_OFFSET, 6);
    aead.seal(this.#nonce, datagram.subarray(0, HEADER_BYTES), plain, datagram.subarray(HEADER_BYTES));
    return datagram;
  }
}

/** One key's opening side: the replay window, and the keys of the epochs in use. */
export class OpeningChannel {
  readonly window: ReplayWindow;
  readonly #nonce = Buffer.alloc(NONCE_BYTES);
  readonly #aeads = new Map<number, Aead>();
  #isUsed = false;

  constructor(
    private readonly keyring: Keyring,
    private readonly secret: number,
    private readonly sender: Buffer,
    private readonly receiver: Buffer | null,
    floor: number,
  ) {
    this.window = new ReplayWindow(floor);
  }

  /** The plaintext, in a buffer of its own, or null: forged, or not from this sender. Commits nothing. */
  open(number: number, datagram: Buffer): Buffer | null {
    const aead = this.#aeadOf(epochOf(number));
    if (aead === null) return null;
    const plain = Buffer.allocUnsafe(datagram.length - HEADER_BYTES - TAG_BYTES);
    this.#nonce.writeUIntBE(number, NONCE_NUMBER_OFFSET, 6);
    const isGenuine = aead.open(
      this.#nonce,
      datagram.subarray(0, HEADER_BYTES),
      datagram.subarray(HEADER_BYTES),
      plain,
    );
    if (!isGenuine) return null;
    this.#isUsed = true;
    return plain;
  }

  #aeadOf(epoch: number): Aead | null {
    const known = this.#aeads.get(epoch);
    if (known !== undefined) return known;
    const newest = epochOf(this.window.newest);
    if (this.#isUsed && Math.abs(epoch - newest) > 1) return null;
    const aead = this.keyring.key(this.secret, this.sender, this.receiver, epoch);
    this.#aeads.set(epoch, aead);
    for (const old of this.#aeads.keys()) {
      if (this.#aeads.size > 3 && Math.abs(old - newest) > 1) this.#aeads.delete(old);
    }
    return aead;
  }
}
