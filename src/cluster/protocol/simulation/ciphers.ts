/**
 * The two cipher suites of the simulation, and the ledger of all nonces.
 *
 * `TagCipher` leaves the text readable and appends a keyed 64-bit checksum of everything. It notices any change, and a
 * wrong key or nonce, at a tenth of the cost. `NodeCipher` is real encryption, used in a part of the runs. Both enter
 * every (key, nonce) that they seal with in one ledger for the whole world. No pair may be entered twice.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { FRAME_HEADER_BYTES } from '../wire/byte-writer.js';
import { TAG_BYTES, type Aead, type CipherSuite } from '../wire/cipher.js';
import { FRAME_PAD } from '../wire/frames.js';
import { Violation } from './violation.js';

export class NonceLedger {
  readonly #noncesByKey = new Map<string, Set<string | number>>();

  /** The ledger of one key, as `enter` needs it. */
  page(key: Buffer): Set<string | number> {
    const name = key.toString('latin1');
    let page = this.#noncesByKey.get(name);
    if (page === undefined) {
      page = new Set();
      this.#noncesByKey.set(name, page);
    }
    return page;
  }

  enter(page: Set<string | number>, nonce: Buffer): void {
    const high = nonce.readUInt32BE(0) + nonce.readUInt16BE(4) * 4294967296;
    // All nonces should be small numbers. Those are cheap to note as numbers.
    const entry = high === 0 ? nonce.readUIntBE(6, 6) : nonce.toString('latin1');
    if (page.has(entry))
      throw new Violation('nonces', `nonce ${nonce.toString('hex')} sealed twice with one key`);
    page.add(entry);
  }
}

export class TagCipher implements CipherSuite {
  constructor(readonly ledger: NonceLedger) {}

  mac(key: Buffer, data: Buffer): Buffer {
    return createHmac('sha256', key).update(data).digest();
  }

  aead(key: Buffer): Aead {
    const { ledger } = this;
    const page = ledger.page(key);
    const low = key.readInt32LE(0) ^ key.readInt32LE(8);
    const high = key.readInt32LE(4) ^ key.readInt32LE(12);
    return {
      seal: (nonce, header, plain, out) => {
        ledger.enter(page, nonce);
        plain.copy(out, 0);
        writeTag(low, high, nonce, header, plain, out, plain.length);
      },
      open: (nonce, header, sealed, out) => {
        const length = sealed.length - TAG_BYTES;
        if (length < 0) return false;
        const plain = sealed.subarray(0, length);
        writeTag(low, high, nonce, header, plain, EXPECTED, 0);
        if (sealed.compare(EXPECTED, 0, TAG_BYTES, length) !== 0) return false;
        plain.copy(out, 0);
        return true;
      },
    };
  }
}

const EXPECTED = Buffer.alloc(TAG_BYTES);

function writeTag(
  low: number,
  high: number,
  nonce: Buffer,
  header: Buffer,
  plain: Buffer,
  out: Buffer,
  at: number,
): void {
  let a = low;
  let b = high;
  for (const part of [nonce, header, plain]) {
    const { length } = part;
    const words = length & ~3;
    for (let index = 0; index < words; index += 4) {
      const word = part.readInt32LE(index);
      a = Math.imul(a ^ word, 0x85ebca6b);
      a ^= a >>> 15;
      b = (Math.imul(b, 0xc2b2ae35) + word) | 0;
      b ^= b >>> 13;
    }
    for (let index = words; index < length; index++) {
      a = Math.imul(a ^ (part[index] ?? 0), 0x85ebca6b);
      b = (Math.imul(b, 0xc2b2ae35) + (part[index] ?? 0)) | 0;
    }
    // The checksum covers the lengths, so that bytes cannot move between header and text unnoticed.
    a = Math.imul(a ^ length, 0x27d4eb2f);
    b = (b + length * 31) | 0;
  }
  out.writeInt32LE(a, at);
  out.writeInt32LE(b, at + 4);
  out.writeInt32LE(Math.imul(a ^ (b >>> 7), 0x165667b1), at + 8);
  out.writeInt32LE(Math.imul(b ^ (a >>> 9), 0x1b873593), at + 12);
}

/**
 * Makes a node look like one of the next version: it replaces our padding by a frame that we do not know. It wraps the
 * cipher suite, because that is the place where the text of every datagram can be changed.
 */
export class NewerVersion implements CipherSuite {
  constructor(private readonly suite: CipherSuite) {}

  mac(key: Buffer, data: Buffer): Buffer {
    return this.suite.mac(key, data);
  }

  aead(key: Buffer): Aead {
    const aead = this.suite.aead(key);
    return {
      seal: (nonce, header, plain, out) => {
        aead.seal(nonce, header, withUnknownFrames(plain), out);
      },
      open: (nonce, header, sealed, out) => aead.open(nonce, header, sealed, out),
    };
  }
}

function withUnknownFrames(plain: Buffer): Buffer {
  const changed = Buffer.from(plain);
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= changed.length) {
    if (changed[at] === FRAME_PAD) changed[at] = UNKNOWN_FRAME;
    at += FRAME_HEADER_BYTES + changed.readUInt16BE(at + 1);
  }
  return changed;
}

const UNKNOWN_FRAME = 0x7e;

export class NodeCipher implements CipherSuite {
  constructor(readonly ledger: NonceLedger) {}

  mac(key: Buffer, data: Buffer): Buffer {
    return createHmac('sha256', key).update(data).digest();
  }

  aead(key: Buffer): Aead {
    const { ledger } = this;
    const page = ledger.page(key);
    const kept = Buffer.from(key);
    const options = { authTagLength: TAG_BYTES };
    return {
      seal: (nonce, header, plain, out) => {
        ledger.enter(page, nonce);
        const cipher = createCipheriv('chacha20-poly1305', kept, nonce, options);
        cipher.setAAD(header, { plaintextLength: plain.length });
        cipher.update(plain).copy(out, 0);
        cipher.final();
        cipher.getAuthTag().copy(out, plain.length);
      },
      open: (nonce, header, sealed, out) => {
        const length = sealed.length - TAG_BYTES;
        if (length < 0) return false;
        const decipher = createDecipheriv('chacha20-poly1305', kept, nonce, options);
        decipher.setAAD(header, { plaintextLength: length });
        decipher.setAuthTag(sealed.subarray(length));
        const plain = decipher.update(sealed.subarray(0, length));
        try {
          decipher.final();
        } catch {
          return false;
        }
        plain.copy(out, 0);
        return true;
      },
    };
  }
}
