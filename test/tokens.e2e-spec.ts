import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { errors, UnsecuredJWT } from 'jose';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Authentication } from '../src/authentication/authentication.js';
import { JwtAuthenticator } from '../src/authentication/jwt-authenticator.js';
import { KeysUnavailableError, PublishedKeys } from '../src/authentication/published-keys.js';
import { TokenRefusals, type TokenRefusal } from '../src/authentication/token-refusals.js';
import { CLOSES } from '../src/wire/codes.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { KeyServer, seconds, secretKey, sign, type SigningKey } from './support/key-server.js';
import { TestNode } from './support/node.js';
import { handshake, RawClient } from './support/raw-client.js';

const SECRET = 'a secret of more than thirty-two bytes';
const JWT = {
  CLUSTER_BUS: 'none',
  AUTH_MODE: 'jwt',
  AUTH_JWT_ISSUER: 'https://id.example',
  AUTH_JWT_AUDIENCE: 'chat',
} as const;
const CLAIMS = { iss: 'https://id.example', aud: ['web', 'chat'] };

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** What the node counted since it was last asked for: reasons that are 0 are left out. */
function refusalsOf(node: TestNode): Partial<Record<TokenRefusal, number>> {
  const { counts } = node.app.get(Authentication).refusals;
  const counted = Object.entries(counts).filter(([, count]) => count > 0);
  for (const reason of Object.keys(counts) as TokenRefusal[]) counts[reason] = 0;
  return Object.fromEntries(counted);
}

describe('with AUTH_JWT_SECRET and AUTH_JWKS_URL', () => {
  const secret = secretKey(SECRET);
  let keys: KeyServer;
  let rsa: SigningKey;
  let node: TestNode;

  beforeAll(async () => {
    keys = await KeyServer.start();
    rsa = await keys.addKey('RS256', 'rsa');
    node = await TestNode.start({ ...JWT, AUTH_JWT_SECRET: SECRET, AUTH_JWKS_URL: keys.url });
  });

  afterAll(async () => {
    await node.stop();
    await keys.stop();
  });

  const refusalOf = async (token: string) => {
    const { status, body, headers } = await TestClient.refusal(node.url(''), [V1], bearer(token));
    return [status, body['code'], headers['www-authenticate']];
  };

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    'a token signed by a published %s key opens',
    async (alg) => {
      const published = await KeyServer.start();
      const key = await published.addKey(alg, alg);
      const own = await TestNode.start({ ...JWT, AUTH_JWKS_URL: published.url });
      const client = await TestClient.connect(
        own.url(''),
        [V1],
        bearer(await sign(key, { ...CLAIMS, sub: 'jo' })),
      );
      expect(await client.nextJson()).toMatchObject({ event: 'ready', data: { user_id: 'jo' } });
      await client.close();
      await own.stop();
      await published.stop();
    },
  );

  it.each([
    ['Authorization', async (token: string) => TestClient.connect(node.url(''), [], bearer(token))],
    ['?token=', async (token: string) => TestClient.connect(node.url(`token=${token}`))],
    [
      'a subprotocol',
      async (token: string) => TestClient.connect(node.url(''), [V1, `lanfare.bearer.${token}`]),
    ],
  ])('a token in %s opens, and is never echoed', async (_, connect) => {
    const client = await connect(await sign(secret, CLAIMS));
    expect(['', V1]).toContain(client.socket.protocol);
    await client.close();
  });

  it('a token in two places names no user', async () => {
    const token = await sign(secret, CLAIMS);
    const answers = await Promise.all([
      TestClient.refusal(node.url(`token=${token}`), [], bearer(token)),
      TestClient.refusal(node.url(`token=${token}&token=${token}`)),
      TestClient.refusal(node.url(''), [V1, `lanfare.bearer.${token}`], bearer(token)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(refusalsOf(node)).toEqual({ several_tokens: 3 });
  });

  it('two Authorization headers name no user', async () => {
    const token = await sign(secret, CLAIMS);
    for (const second of [`Bearer ${token}`, 'Basic Z3Vlc3Q6aW52ZW50ZWQ=']) {
      const client = await RawClient.connect(node.port);
      client.write(handshake('/chat', [`Authorization: Bearer ${token}\r\nAuthorization: ${second}`]));
      expect((await client.response()).status).toBe(401);
      await client.ended();
    }
    expect(refusalsOf(node)).toEqual({ several_tokens: 2 });
  });

  it("a token beside another scheme's Authorization opens", async () => {
    const token = await sign(secret, CLAIMS);
    const headers = { authorization: 'Basic Z3Vlc3Q6aW52ZW50ZWQ=' };
    await (await TestClient.connect(node.url(`token=${token}`), [], { headers })).close();
    await (await TestClient.connect(node.url(''), [V1, `lanfare.bearer.${token}`], { headers })).close();
    expect((await TestClient.refusal(node.url(''), [V1], { headers })).status).toBe(401);
    expect(refusalsOf(node)).toEqual({ no_token: 1 });
  });

  it('a client without a token has no user, whatever user_id says', async () => {
    const { status, body } = await TestClient.refusal(node.url('user_id=1'), [V1]);
    expect([status, body['code']]).toEqual([401, 'unauthorized']);
    expect(refusalsOf(node)).toEqual({ no_token: 1 });
  });

  const bad: [what: string, reason: TokenRefusal, token: () => Promise<string>][] = [
    ['has expired', 'expired', async () => sign(secret, { ...CLAIMS, exp: seconds(-60) })],
    ['is not yet valid', 'not_yet_valid', async () => sign(secret, { ...CLAIMS, nbf: seconds(60) })],
    ['never expires', 'no_expiry', async () => sign(secret, { ...CLAIMS, exp: undefined })],
    ['has another secret', 'bad_signature', async () => sign(secretKey(SECRET.replace('a', 'b')), CLAIMS)],
    ['says by a text when it ends', 'no_expiry', async () => signAny({ exp: 'tomorrow' })],
    ['says by a text from when on it is valid', 'malformed', async () => signAny({ nbf: 'today' })],
    ['is signed, and holds no JSON', 'malformed', async () => mac(jsonPart({ alg: 'HS256' }), part('haha'))],
    ['has a header that is no JSON', 'malformed', async () => mac(part('haha'), jsonPart(CLAIMS))],
    [
      'has a critical extension',
      'wrong_algorithm',
      async () => mac(jsonPart({ alg: 'HS256', crit: ['x'], x: 1 }), jsonPart(CLAIMS)),
    ],
    [
      'has the wrong issuer',
      'wrong_issuer',
      async () => sign(secret, { ...CLAIMS, iss: 'https://evil.example' }),
    ],
    ['has no issuer', 'wrong_issuer', async () => sign(secret, { aud: 'chat' })],
    ['has the wrong audience', 'wrong_audience', async () => sign(secret, { ...CLAIMS, aud: 'mail' })],
    ['has no user', 'bad_subject', async () => sign(secret, { ...CLAIMS, sub: undefined })],
    [
      'is signed with alg none',
      'wrong_algorithm',
      async () => new UnsecuredJWT({ ...CLAIMS, sub: '1', exp: seconds(60) }).encode(),
    ],
    [
      'is signed with another length of hash',
      'wrong_algorithm',
      async () => sign({ ...secret, alg: 'HS512' }, CLAIMS),
    ],
    [
      'takes the public RSA key for a secret',
      'bad_signature',
      async () => {
        const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'rsa' })).toString('base64url');
        const body = Buffer.from(JSON.stringify({ ...CLAIMS, sub: '1', exp: seconds(60) })).toString(
          'base64url',
        );
        const mac = createHmac('sha256', JSON.stringify(rsa.publicJwk)).update(`${head}.${body}`);
        return `${head}.${body}.${mac.digest('base64url')}`;
      },
    ],
    [
      'names a key that is not published',
      'unknown_key',
      async () => sign({ ...rsa, kid: 'unknown' }, CLAIMS),
    ],
    [
      'names a published key of 1024 bits',
      'unknown_key',
      async () => {
        const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
        keys.publish({ ...publicKey.export({ format: 'jwk' }), alg: 'RS256', kid: 'short' });
        return sign({ ...rsa, kid: 'short' }, CLAIMS);
      },
    ],
    [
      'names a published key that is broken',
      'unknown_key',
      async () => {
        const whole = await keys.addKey('ES256', 'whole');
        keys.publish({ ...whole.publicJwk, kty: 'EC', y: 'AAAA', alg: 'ES256', kid: 'broken' });
        return sign({ ...whole, kid: 'broken' }, CLAIMS);
      },
    ],
    [
      'is signed by the secret and claims RS256',
      'bad_signature',
      async () => forgedAlg(await sign(secret, CLAIMS)),
    ],
    ['was tampered with', 'bad_signature', async () => tampered(await sign(rsa, CLAIMS))],
    ['is no token', 'malformed', async () => 'haha'],
    ['has two dots and nothing else', 'malformed', async () => '..'],
    [
      'is almost as large as the headers may be',
      'bad_signature',
      async () => sign(secret, { ...CLAIMS, fat: 'x'.repeat(5400) + '!' }).then((token) => `${token}x`),
    ],
  ];

  it.each(bad)('a token that %s names no user, and is counted as %s', async (_, reason, token) => {
    expect(await refusalOf(await token())).toEqual([401, 'unauthorized', 'Bearer']);
    expect(refusalsOf(node)).toEqual({ [reason]: 1 });
  });

  it('a token of 10 kB is more than the headers may have', async () => {
    const { status } = await TestClient.refusal(node.url(''), [V1], bearer('x'.repeat(10_000)));
    expect(status).toBe(431);
  });

  it.each([{ sub: '' }, { sub: 'x'.repeat(129) }, { sub: 7 as unknown as string }])(
    'a token of an unusable user (%o) gets 400',
    async (claims) => {
      expect(await refusalOf(await sign(secret, { ...CLAIMS, ...claims }))).toEqual([
        400,
        'bad_user_id',
        undefined,
      ]);
      expect(refusalsOf(node)).toEqual({ bad_subject: 1 });
    },
  );

  it('a token that the clock tolerance saves opens', async () => {
    const client = await TestClient.connect(
      node.url(''),
      [V1],
      bearer(await sign(secret, { ...CLAIMS, nbf: seconds(3) })),
    );
    await client.close();
    expect(refusalsOf(node)).toEqual({});
  });
});

describe('with several secrets in AUTH_JWT_SECRET', () => {
  const OTHER = 'another secret of more than thirty-two bytes';

  it('a token of any of them opens, and none of a part or the whole', async () => {
    const node = await TestNode.start({ ...JWT, AUTH_JWT_SECRET: `${SECRET}, ${OTHER}` });
    for (const secret of [SECRET, OTHER]) {
      const token = await sign(secretKey(secret), CLAIMS);
      await (await TestClient.connect(node.url(''), [V1], bearer(token))).close();
    }
    for (const secret of [`${SECRET}, ${OTHER}`, `${SECRET},${OTHER}`, ` ${OTHER}`, SECRET.slice(1)]) {
      const token = await sign(secretKey(secret), CLAIMS);
      expect((await TestClient.refusal(node.url(''), [V1], bearer(token))).status).toBe(401);
    }
    await node.stop();
  });
});

describe('published keys', () => {
  it('that change are followed, and work on while their server does not', async () => {
    const keys = await KeyServer.start();
    const first = await keys.addKey('ES256', 'first');
    const node = await TestNode.start({ ...JWT, AUTH_JWKS_URL: keys.url });
    const connect = async (key: SigningKey) =>
      (await TestClient.connect(node.url(''), [V1], bearer(await sign(key, CLAIMS)))).close();

    keys.break();
    const early = await TestClient.refusal(node.url(''), [V1], bearer(await sign(first, CLAIMS)));
    expect([early.status, early.body['code'], early.headers['retry-after']]).toEqual([
      503,
      'authentication_unavailable',
      '1',
    ]);
    expect(refusalsOf(node)).toEqual({ keys_unavailable: 1 });
    keys.repair();
    await expect(
      (async () => {
        // a failed look-up is not repeated at once
        for (;;) {
          const isOpen = await connect(first).then(
            () => true,
            () => false,
          );
          if (isOpen) return keys.requests;
        }
      })(),
    ).resolves.toBe(2);

    keys.break();
    await connect(first);
    expect(keys.requests).toBe(2);
    await node.stop();
    await keys.stop();
  });
});

describe('a key', () => {
  it('that is new is found after a cool-down, one that was withdrawn is not for ever', async () => {
    const server = await KeyServer.start();
    let now = 0;
    const keys = new PublishedKeys(server.url, () => now);
    await server.addKey('ES256', 'old');
    const find = async (kid: string) => keys.use({ alg: 'ES256', kid }, async (key) => key);
    await find('old');

    await server.addKey('ES256', 'new');
    await expect(find('new')).rejects.toThrow(errors.JWKSNoMatchingKey);
    expect(server.requests).toBe(1);
    now += 30_000;
    await Promise.all([1, 2, 3].map(async () => find('new')));
    expect(server.requests).toBe(2);

    server.break();
    now += 30_000;
    await expect(find('newer')).rejects.toThrow(KeysUnavailableError);
    await find('old');

    server.repair();
    server.withdraw('old');
    now += 600_001;
    await expect(
      (async () => {
        // it looks again beside answering
        for (;;) {
          await find('old');
          await setImmediate();
        }
      })(),
    ).rejects.toThrow(errors.JWKSNoMatchingKey);
    expect(server.requests).toBe(4);
    await server.stop();
  });
});

describe('a token that names no key', () => {
  let server: KeyServer;
  let signers: SigningKey[];
  let now: number;
  let authenticator: JwtAuthenticator;
  let refusals: TokenRefusals;

  beforeEach(async () => {
    server = await KeyServer.start();
    signers = [];
    for (let i = 0; i < 6; i++) signers.push(await server.addKey('ES256', `key-${i}`));
    now = 0;
    authenticator = new JwtAuthenticator(
      { secrets: [], issuer: undefined, audience: undefined, clockToleranceS: 5 },
      new PublishedKeys(server.url, () => now),
      (refusals = new TokenRefusals()),
    );
  });

  afterEach(async () => server.stop());

  const unnamed = async (key: SigningKey | undefined, claims = {}) =>
    authenticator.refresh(await sign({ ...(key as SigningKey), kid: undefined }, claims));

  it('is tried with the keys of its algorithm, four at most', async () => {
    await server.addKey('RS256', 'other');
    for (const signer of signers.slice(0, 4)) expect(await unnamed(signer)).toMatchObject({ userId: '1' });
    expect(await unnamed(signers[4])).toBe('unauthorized');
    expect(refusals.counts.bad_signature).toBe(1);
    server.withdraw('key-0');
    now += 30_000;
    expect(await unnamed(signers[4])).toMatchObject({ userId: '1' });
  });

  it('and has expired is not saved by another key', async () => {
    expect(await unnamed(signers[1], { exp: seconds(-60) })).toBe('unauthorized');
    expect(refusals.counts.expired).toBe(1);
    expect(server.requests).toBe(1);
  });

  it('is found when its key is new, after the cool-down', async () => {
    for (const { kid } of signers.slice(1)) server.withdraw(kid as string);
    expect(await unnamed(signers[0])).toMatchObject({ userId: '1' });
    server.withdraw('key-0');
    const replacement = await server.addKey('ES256', 'replacement');
    expect(await unnamed(replacement)).toBe('unauthorized');
    expect(server.requests).toBe(1);
    now += 30_000;
    expect(await unnamed(replacement)).toMatchObject({ userId: '1' });
    expect(await unnamed(signers[0])).toBe('unauthorized');
    expect(server.requests).toBe(2);
  });
});

describe('a key server that publishes no keys', () => {
  it('is asked again soon, and the keys it had are believed no longer', async () => {
    const server = await KeyServer.start();
    let now = 0;
    const keys = new PublishedKeys(server.url, () => now);
    const find = async () => keys.use({ alg: 'ES256', kid: 'late' }, async () => 'found');
    await expect(find()).rejects.toThrow(KeysUnavailableError);
    await server.addKey('ES256', 'late');
    await expect(find()).rejects.toThrow(KeysUnavailableError);
    expect(server.requests).toBe(1);
    now += 1000;
    expect(await find()).toBe('found');

    server.withdraw('late');
    now += 600_001;
    await expect(
      (async () => {
        // it looks again beside answering
        for (;;) {
          await find();
          await setImmediate();
        }
      })(),
    ).rejects.toThrow(KeysUnavailableError);
    await server.stop();
  });
});

describe('a key server that answers without end', () => {
  it('is read up to 1 MiB, and counts as one that can not be read', async () => {
    const server = await KeyServer.start();
    await server.addKey('ES256', 'good');
    for (let count = 0; count < 17; count++) server.publish({ kty: 'oct', k: 'x'.repeat(65_536) });
    const keys = new PublishedKeys(server.url, () => 0);
    const found = await keys.use({ alg: 'ES256', kid: 'good' }, async () => 'found').catch(String);
    await server.stop();
    expect([found, server.requests]).toEqual(['KeysUnavailableError: no keys yet', 1]);
  });
});

describe("a connection's token", () => {
  const secret = secretKey(SECRET);
  let node: TestNode;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET });
  });

  afterAll(async () => {
    await node.stop();
  });

  const connect = async (expiresIn: number, protocols = [V1]) =>
    TestClient.connect(node.url(''), protocols, bearer(await sign(secret, { exp: seconds(expiresIn) })));

  it('ends it at exp, after a warning', async () => {
    const exp = seconds(3);
    const client = await connect(3);
    expect((await client.nextJson())['event']).toBe('ready');
    const bare = await connect(3, []);
    expect(await client.nextJson()).toEqual({ event: 'token_expiring', data: { expires_at: exp } });
    expect(Date.now()).toBeLessThan(exp * 1000);
    expect(await client.closed).toEqual(CLOSES.token_expired);
    expect(await bare.closed).toEqual(CLOSES.token_expired);
    expect(bare.pending).toEqual([]);
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
  });

  it('can be refreshed, by the same user only', async () => {
    const exp = seconds(2);
    const client = await connect(2);
    await client.nextJson();
    const refresh = async (token: unknown) => client.ask({ event: 'refresh', data: { token } });
    const rejected = { event: 'error', id: 'q', data: { code: 'token_rejected' } };
    expect(await refresh(await sign(secret, { sub: '2' }))).toMatchObject(rejected);
    expect(await refresh(await sign(secret, { exp: seconds(-60) }))).toMatchObject(rejected);
    expect(await refresh('x'.repeat(10_000))).toMatchObject(rejected);
    expect(await refresh(7)).toMatchObject(rejected);
    expect(refusalsOf(node)).toEqual({ other_user: 1, expired: 1, malformed: 1, no_token: 1 });
    const later = seconds(4);
    expect(await refresh(await sign(secret, { exp: later }))).toEqual({
      event: 'ack',
      id: 'q',
      data: { expires_at: later },
    });
    expect(await client.closed).toEqual(CLOSES.token_expired);
    expect(Date.now()).toBeGreaterThanOrEqual(later * 1000);
    expect(Date.now()).toBeGreaterThan(exp * 1000);
  });

  it('is read before what the client sends next', async () => {
    const client = await connect(3600);
    await client.nextJson();
    client.send({ event: 'refresh', id: 1, data: { token: await sign(secret) } });
    client.send({ event: 'ping', id: 2 });
    expect([(await client.nextJson())['id'], (await client.nextJson())['id']]).toEqual([1, 2]);
    await client.close();
  });
});

function part(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function jsonPart(value: object): string {
  return part(JSON.stringify(value));
}

/** A token whose secret is right, whatever it holds. */
function mac(header: string, payload: string): string {
  const signature = createHmac('sha256', SECRET).update(`${header}.${payload}`).digest('base64url');
  return `${header}.${payload}.${signature}`;
}

/** With claims that libraries refuse to sign. */
function signAny(claims: object): string {
  return mac(jsonPart({ alg: 'HS256' }), jsonPart({ ...CLAIMS, sub: '1', exp: seconds(60), ...claims }));
}

/** The same payload and signature under another header. */
function forgedAlg(token: string): string {
  const [, body, signature] = token.split('.');
  return [Buffer.from('{"alg":"RS256","kid":"rsa"}').toString('base64url'), body, signature].join('.');
}

function tampered(token: string): string {
  const [head, , signature] = token.split('.');
  const body = JSON.stringify({ ...CLAIMS, sub: '2', exp: seconds(60) });
  return [head, Buffer.from(body).toString('base64url'), signature].join('.');
}
