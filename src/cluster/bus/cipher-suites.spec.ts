import { describe, expect, it } from '@jest/globals';
import { loadSodiumCipherSuite, nodeCipherSuite } from './cipher-suites.js';

const key = Buffer.from('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f', 'hex');
const nonce = Buffer.from('070000004041424344454647', 'hex');
const header = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex');
const plain = Buffer.from(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
const tag = '1ae10b594f09e26a7e902ecbd0600691';

const sodium = loadSodiumCipherSuite();
const suites = [
  ['node:crypto', nodeCipherSuite],
  ...(sodium === null ? [] : ([['sodium-native', sodium]] as const)),
] as const;

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};

describe.each(suites)('ChaCha20-Poly1305 over %s', (_name, suite) => {
  it('seals the test vector of RFC 8439', () => {
    const sealed = Buffer.alloc(plain.length + 16);
    suite.aead(key).seal(nonce, header, plain, sealed);
    expect(sealed.subarray(0, 16).toString('hex')).toBe('d31a8d34648e60db7b86afbc53ef7ec2');
    expect(sealed.subarray(plain.length).toString('hex')).toBe(tag);
  });

  it.each(suites)('opens what %s has sealed', (_other, other) => {
    for (const length of [0, 1, 63, 64, 65, 1_162, 8_862]) {
      const text = Buffer.alloc(length, length);
      const sealed = Buffer.alloc(length + 16);
      other.aead(key).seal(nonce, header, text, sealed);
      const opened = Buffer.alloc(length);
      expect(suite.aead(key).open(nonce, header, sealed, opened)).toBe(true);
      expect(opened.equals(text)).toBe(true);
    }
  });

  it('refuses any changed byte of text, tag, header or nonce, and another key', () => {
    const sealed = Buffer.alloc(plain.length + 16);
    suite.aead(key).seal(nonce, header, plain, sealed);
    const out = Buffer.alloc(plain.length);
    for (let at = 0; at < sealed.length; at += 1) {
      expect(suite.aead(key).open(nonce, header, flipped(sealed, at), out)).toBe(false);
    }
    expect(suite.aead(key).open(nonce, flipped(header, 3), sealed, out)).toBe(false);
    expect(suite.aead(key).open(flipped(nonce, 11), header, sealed, out)).toBe(false);
    expect(suite.aead(flipped(key, 0)).open(nonce, header, sealed, out)).toBe(false);
  });

  it('computes HMAC-SHA-256 as RFC 4231 has it', () => {
    const digest = suite.mac(Buffer.alloc(20, 0x0b), Buffer.from('Hi There'));
    expect(digest.toString('hex')).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
  });
});
