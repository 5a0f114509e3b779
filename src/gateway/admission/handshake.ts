import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { Authentication } from '../../authentication/authentication.js';
import type { Identity, Rejection } from '../../authentication/authenticator.js';
import { checkVerdict } from '../../authentication/verdict.js';
import { moduleFailed } from '../../telemetry/module-failures.js';
import type { UpgradeRefusalCode } from '../../wire/codes.js';
import { ENVELOPED, offeredSubprotocols, REFUSALS, selectedSubprotocol } from '../../wire/subprotocol.js';
import { userIdFromText } from '../../wire/user-id.js';
import { grantCompression } from '../client/compression.js';
import type { Entrance } from './entrances.js';
import { gatewayConfig } from '../gateway.config.js';
import { isOriginAllowed } from '../origin.js';
import { isPromiseLike } from '../../waiting/promise-like.js';
import { inTime } from '../../waiting/within.js';
import type { Acceptance } from './upgrade-refusal.js';

/** RFC 6455 4.1: 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** The identity of clients of gateways that ask for no authentication. */
const NOBODY: Identity = { userId: '', expiresAt: null };

/** What a valid handshake says of its client. */
export interface Introduction {
  readonly identity: Identity;
  readonly isEnveloped: boolean;
  /** The extensions it gets, as Sec-WebSocket-Extensions has them. */
  readonly extensions: string | undefined;
}

/**
 * Reads what an upgrade request says of its client: where the page comes from, who it is, and which subprotocol it
 * speaks, in the order of the contract.
 */
@Injectable()
export class Handshake implements OnModuleInit {
  constructor(
    private readonly authentication: Authentication,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  onModuleInit(): void {
    const { HOST: host } = this.config;
    if (!this.authentication.isInsecure || isLoopback(host)) return;
    new Logger(Handshake.name).error(
      `INSECURE: AUTH_MODE=insecure on HOST=${host}: anyone who reaches this port can be any user. ` +
        'Set AUTH_MODE=jwt, or HOST=127.0.0.1',
    );
  }

  /** Whether a request that asks for WebSocket means the one of RFC 6455. */
  isOfOurVersion({ headers }: IncomingMessage): boolean {
    return headers['sec-websocket-version'] === '13';
  }

  /**
   * What the 101 needs for a client that wants to be told of its refusal by a close. Null: the client is told by HTTP.
   * That is also so where the handshake allows no valid 101, or none that browsers accept.
   */
  acceptanceOf({ headers }: IncomingMessage): Acceptance | null {
    const offers = offeredSubprotocols(headers['sec-websocket-protocol']) ?? [];
    const subprotocol = selectedSubprotocol(offers);
    const key = headers['sec-websocket-key'] ?? '';
    if (!offers.includes(REFUSALS) || subprotocol === undefined || !KEY.test(key)) return null;
    return { key, subprotocol };
  }

  async introduce(request: IncomingMessage, entrance: Entrance): Promise<Introduction | UpgradeRefusalCode> {
    if (!isOriginAllowed(request, this.config.WS_ALLOWED_ORIGINS)) return 'origin_not_allowed';
    const identity = entrance.isAnonymous ? NOBODY : await this.#authenticate(request);
    if (typeof identity === 'string') {
      return identity === 'unavailable' ? 'authentication_unavailable' : identity;
    }
    if (!entrance.isAnonymous && userIdFromText(identity.userId) === null) return 'bad_user_id';
    if (!KEY.test(request.headers['sec-websocket-key'] ?? '')) return 'bad_handshake';
    const extensions = this.#grantExtensions(request.headers['sec-websocket-extensions']);
    if (extensions === null) return 'bad_handshake';
    const offers = offeredSubprotocols(request.headers['sec-websocket-protocol']);
    if (offers === null) return 'bad_handshake';
    const isEnveloped = offers.includes(ENVELOPED);
    if (entrance.isMain && !isEnveloped) {
      if (offers.length > 0) return 'bad_subprotocol';
      if (this.config.WS_REQUIRE_SUBPROTOCOL) return 'subprotocol_required';
    }
    return { identity, isEnveloped, extensions };
  }

  /** Null: the header is malformed. Some proxies leave the header empty: then the client offers nothing. */
  #grantExtensions(header: string | undefined): string | undefined | null {
    if (header === undefined || header === '') return undefined;
    try {
      const granted = grantCompression(header);
      return this.config.WS_COMPRESSION ? granted : undefined;
    } catch {
      return null;
    }
  }

  async #authenticate(request: IncomingMessage): Promise<Identity | Rejection> {
    const { authenticator } = this.authentication;
    try {
      const work: unknown = authenticator.authenticate(request);
      // a verdict that is no promise needs no timer
      return checkVerdict(
        isPromiseLike(work) ? await inTime(this.config.WS_HANDSHAKE_TIMEOUT_MS, work) : work,
      );
    } catch (error) {
      moduleFailed('authenticator', `${authenticator.constructor.name}.authenticate`, error);
      return 'unavailable';
    }
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  return isIPv6(host) ? loopback.check(host, 'ipv6') : host === 'localhost';
}
