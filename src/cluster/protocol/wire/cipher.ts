/**
 * The port to cryptography. The core decides what is sealed with which key and nonce; what the primitives are made
 * of (node:crypto, libsodium, a simulator's cheap fake) is injected.
 *
 * Contract of the real suite, which other implementations must match byte for byte:
 * - `mac` is HMAC-SHA-256 (RFC 2104): HKDF-Extract is `mac(salt, secret)`, the one-block HKDF-Expand (RFC 5869) is
 *   `mac(prk, info || 0x01)`.
 * - `Aead` is ChaCha20-Poly1305 of RFC 8439: 32-byte key, 12-byte nonce, 16-byte tag after the ciphertext.
 *
 * A fake must keep two properties, or the simulation proves nothing: `mac` of different inputs differs, and `open`
 * fails for any other key, nonce, header or text than the one sealed.
 */

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** One key, ready for use. The caller never passes the same nonce twice to `seal`. */
export interface Aead {
  /** Writes ciphertext and tag into `out`, whose length is `plain.length + TAG_BYTES`. Must not keep the buffers. */
  seal(nonce: Buffer, header: Buffer, plain: Buffer, out: Buffer): void;
  /** Writes the plaintext into `out` (length `sealed.length - TAG_BYTES`). False: forged or not for this key. */
  open(nonce: Buffer, header: Buffer, sealed: Buffer, out: Buffer): boolean;
}

export interface CipherSuite {
  /** 32 bytes of keyed hash. */
  mac(key: Buffer, data: Buffer): Buffer;
  aead(key: Buffer): Aead;
}
