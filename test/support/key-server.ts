import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Publishes keys as an identity provider does, and counts who asks. */
export class KeyServer {
  #keys: JWK[] = [];
  #isBroken = false;
  requests = 0;

  private constructor(private readonly server: Server) {
    server.on('request', (_, response) => {
      this.requests++;
      response.writeHead(this.#isBroken ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys: this.#keys }));
    });
  }

  static async start(): Promise<KeyServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new KeyServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  async addKey(alg: string, kid: string): Promise<SigningKey> {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    const jwk = await exportJWK(publicKey);
    this.publish({ ...jwk, alg, kid, use: 'sig' });
    return { alg, kid, privateKey, publicJwk: jwk };
  }

  publish(jwk: JWK): void {
    this.#keys.push(jwk);
  }

  /** Removes a key, as after it was stolen. */
  withdraw(kid: string): void {
    this.#keys = this.#keys.filter((key) => key.kid !== kid);
  }

  break(): void {
    this.#isBroken = true;
  }

  repair(): void {
    this.#isBroken = false;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export interface SigningKey {
  readonly alg: string;
  /** If it is undefined, the tokens name no key. */
  readonly kid: string | undefined;
  readonly privateKey: CryptoKey | Uint8Array;
  readonly publicJwk?: JWK;
}

/** The key of HS256 tokens. */
export function secretKey(secret: string): SigningKey {
  return { alg: 'HS256', kid: 'secret', privateKey: Buffer.from(secret) };
}

/** Seconds since the epoch, as tokens have them. */
export function seconds(fromNow = 0): number {
  return Math.floor(Date.now() / 1000) + fromNow;
}

/** A token of user 1 that lives for an hour, unless the claims say otherwise. */
export async function sign(
  { alg, kid, privateKey }: SigningKey,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new SignJWT({ sub: '1', exp: seconds(3600), ...claims })
    .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
    .sign(privateKey);
}
