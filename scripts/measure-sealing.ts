/** Measures what it costs to seal and to open one datagram, for several sizes, with node:crypto and with libsodium. */
import { loadSodiumCipherSuite, nodeCipherSuite } from '../src/cluster/bus/cipher-suites.js';
import { measure } from './measuring.js';

const ROUNDS = 100_000;
const key = Buffer.alloc(32, 1);
const header = Buffer.alloc(22, 2);
const nonce = Buffer.alloc(12);
const sodium = loadSodiumCipherSuite();

for (const bytes of [100, 1_162, 8_862]) {
  const plain = Buffer.alloc(bytes, 3);
  const sealed = Buffer.alloc(bytes + 16);
  for (const [name, suite] of [
    ['node:crypto', nodeCipherSuite] as const,
    ['sodium-native', sodium] as const,
  ]) {
    if (suite === null) continue;
    const aead = suite.aead(key);
    const repeat = (work: () => void): string => {
      for (let round = 0; round < ROUNDS / 10; round += 1) work();
      const ms = measure(() => {
        for (let round = 0; round < ROUNDS; round += 1) work();
      });
      return ((ms * 1_000) / ROUNDS).toFixed(2);
    };
    const seal = repeat(() => aead.seal(nonce, header, plain, sealed));
    const open = repeat(() => aead.open(nonce, header, sealed, plain));
    process.stdout.write(`${bytes} bytes, ${name}: seal ${seal} us, open ${open} us\n`);
  }
}
