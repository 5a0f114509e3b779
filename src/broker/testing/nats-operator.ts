import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

const PREFIXES = { operator: 14 << 3, account: 0, user: 20 << 3 };
const SEED_PREFIX = 18 << 3;
const BASE_32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A key as NATS has them: Ed25519, written in base 32 with a checksum. */
class Nkey {
  readonly public: string;
  /** What the private key is made of. */
  readonly seed: string;
  readonly #private: KeyObject;

  constructor(private readonly kind: keyof typeof PREFIXES) {
    this.#private = generateKeyPairSync('ed25519').privateKey;
    const { d = '', x = '' } = this.#private.export({ format: 'jwk' });
    const prefix = PREFIXES[kind];
    this.public = spelled([prefix, ...Buffer.from(x, 'base64url')]);
    this.seed = spelled([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3, ...Buffer.from(d, 'base64url')]);
  }

  /** A token about another key, or this one. */
  tokenOf(subject: Nkey, rights: object, claims: object = {}): string {
    const payload = {
      iat: Math.floor(Date.now() / 1000),
      iss: this.public,
      sub: subject.public,
      nats: { version: 2, type: subject.kind, ...rights },
      ...claims,
    };
    const signed = [{ typ: 'JWT', alg: 'ed25519-nkey' }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${signed}.${sign(null, Buffer.from(signed), this.#private).toString('base64url')}`;
  }
}

/** An operator of NATS with one account, as `nsc` makes them: its servers take users by their `.creds` files. */
export class NatsOperator {
  readonly #account = new Nkey('account');
  /** Lines of the configuration of a server. */
  readonly config: readonly string[];

  constructor() {
    const operator = new Nkey('operator');
    const counts = ['subs', 'data', 'payload', 'imports', 'exports', 'conn', 'leaf'];
    const limits = { ...Object.fromEntries(counts.map((name) => [name, -1])), wildcards: true };
    this.config = [
      `operator: ${operator.tokenOf(operator, {})}`,
      'resolver: MEMORY',
      `resolver_preload: { ${this.#account.public}: ${operator.tokenOf(this.#account, { limits })} }`,
    ];
  }

  /** The `.creds` file of a new user, who may do everything, for so many seconds. */
  credsFor(seconds = 3_600): string {
    const user = new Nkey('user');
    const exp = Math.floor(Date.now() / 1000) + seconds;
    const rights = { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 };
    return [
      '-----BEGIN NATS USER JWT-----',
      this.#account.tokenOf(user, rights, { exp }),
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      user.seed,
      '------END USER NKEY SEED------',
      '',
    ].join('\n');
  }
}

function spelled(bytes: readonly number[]): string {
  const sum = checksum(bytes);
  const bits = [...bytes, sum & 0xff, sum >> 8].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = bits.match(/.{1,5}/g) ?? [];
  return letters.map((five) => BASE_32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** CRC-16/XMODEM. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1) & 0xffff;
  }
  return sum;
}
