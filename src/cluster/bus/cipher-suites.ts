/**
 * Two implementations of ChaCha20-Poly1305 and HMAC-SHA-256. One uses node:crypto, which is always there. The other
 * uses libsodium (sodium-native, an optional dependency), whose calls cost a third. Both give identical bytes, so nodes
 * with and without it form one cluster. The cost is per call, not per byte: see scripts/measure-sealing.ts.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { TAG_BYTES, type Aead, type CipherSuite } from '../protocol/wire/cipher.js';

const ALGORITHM = 'chacha20-poly1305';
const TAG = { authTagLength: TAG_BYTES } as const;

const mac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();

export const nodeCipherSuite: CipherSuite = {
  mac,
  aead: (key): Aead => ({
    seal(nonce, header, plain, out) {
      const cipher = createCipheriv(ALGORITHM, key, nonce, TAG);
      cipher.setAAD(header, { plaintextLength: plain.length });
      out.set(cipher.update(plain), 0);
      cipher.final();
      out.set(cipher.getAuthTag(), plain.length);
    },
    open(nonce, header, sealed, out) {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, TAG);
      decipher.setAAD(header, { plaintextLength: out.length });
      decipher.setAuthTag(sealed.subarray(out.length));
      out.set(decipher.update(sealed.subarray(0, out.length)), 0);
      try {
        decipher.final();
        return true;
      } catch {
        return false;
      }
    },
  }),
};

/** What we use of sodium-native, which has no types of its own. */
interface Sodium {
  crypto_aead_chacha20poly1305_ietf_encrypt(
    out: Buffer,
    plain: Buffer,
    header: Buffer,
    secretNonce: null,
    nonce: Buffer,
    key: Buffer,
  ): number;
  crypto_aead_chacha20poly1305_ietf_decrypt(
    out: Buffer,
    secretNonce: null,
    sealed: Buffer,
    header: Buffer,
    nonce: Buffer,
    key: Buffer,
  ): number;
}

const sodiumCipherSuite = (sodium: Sodium): CipherSuite => ({
  mac,
  aead: (key): Aead => ({
    seal(nonce, header, plain, out) {
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(out, plain, header, null, nonce, key);
    },
    open(nonce, header, sealed, out) {
      try {
        sodium.crypto_aead_chacha20poly1305_ietf_decrypt(out, null, sealed, header, nonce, key);
        return true;
      } catch {
        return false;
      }
    },
  }),
});

/** Null where there is no native build for this platform, or it was not installed. */
export function loadSodiumCipherSuite(): CipherSuite | null {
  try {
    return sodiumCipherSuite(createRequire(import.meta.url)('sodium-native') as Sodium);
  } catch {
    return null;
  }
}
