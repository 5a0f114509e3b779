import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { WebSocketServer } from 'ws';
import { authenticationVariables } from '../../authentication/authentication.config.js';
import { Authentication } from '../../authentication/authentication.js';
import { Authenticator, type Identity, type Rejection } from '../../authentication/authenticator.js';
import type { Environment } from '../../config/variables.js';
import { moduleFailures } from '../../telemetry/module-failures.js';
import { gatewayVariables } from '../gateway.config.js';
import type { Entrance } from './entrances.js';
import { Handshake } from './handshake.js';

const ANN: Identity = { userId: 'ann', expiresAt: null };
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** Gives the verdict that the test has set, for every client. */
class SayingAuthenticator extends Authenticator {
  verdict: () => Promise<Identity | Rejection> | Identity | Rejection = () => ANN;

  authenticate(): ReturnType<Authenticator['authenticate']> {
    return this.verdict();
  }

  refresh(): Rejection {
    return 'unauthorized';
  }
}

const main: Entrance = {
  path: '/chat',
  server: {} as WebSocketServer,
  isMain: true,
  isAnonymous: false,
  params: {},
};

const good: Environment = {
  'sec-websocket-version': '13',
  'sec-websocket-key': KEY,
  'sec-websocket-protocol': 'lanfare.v1.json',
};

function requestWith(headers: Environment): IncomingMessage {
  const all = { host: 'example.com', ...good, ...headers };
  const headersDistinct = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]]));
  return { url: '/chat', headers: all, headersDistinct } as unknown as IncomingMessage;
}

describe('a handshake', () => {
  let authenticator: SayingAuthenticator;

  beforeEach(() => {
    Logger.overrideLogger(false);
    authenticator = new SayingAuthenticator();
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  const handshakeWith = (env: Environment = {}) =>
    new Handshake(
      new Authentication(authenticationVariables.parse({ AUTH_MODE: 'custom' }), authenticator),
      gatewayVariables.parse(env),
    );
  const introduce = async (headers: Environment = {}, entrance = main, env: Environment = {}) =>
    handshakeWith(env).introduce(requestWith(headers), entrance);

  it('introduces a client', async () => {
    expect(await introduce()).toEqual({ identity: ANN, isEnveloped: true, extensions: undefined });
  });

  it('is refused for the first reason of the contract, whatever else is wrong with it', async () => {
    const wrong: Environment = {
      origin: 'https://evil.example',
      'sec-websocket-key': 'short',
      'sec-websocket-extensions': '=',
      'sec-websocket-protocol': 'other, other',
    };
    const reasons: unknown[] = [];
    const judge = async (mended: Environment) => {
      Object.assign(wrong, mended);
      reasons.push(await introduce(wrong));
    };
    authenticator.verdict = () => 'unauthorized';
    await judge({});
    await judge({ origin: 'https://example.com' });
    authenticator.verdict = () => ({ userId: 'x'.repeat(129), expiresAt: null });
    await judge({});
    authenticator.verdict = () => ANN;
    await judge({});
    await judge({ 'sec-websocket-key': KEY });
    await judge({ 'sec-websocket-extensions': '' });
    await judge({ 'sec-websocket-protocol': 'other' });
    await judge({ 'sec-websocket-protocol': 'other, lanfare.v1.json' });
    expect(reasons).toEqual([
      'origin_not_allowed',
      'unauthorized',
      'bad_user_id',
      'bad_handshake',
      'bad_handshake',
      'bad_handshake',
      'bad_subprotocol',
      { identity: ANN, isEnveloped: true, extensions: undefined },
    ]);
  });

  it('from a page of another origin is refused before the authenticator is asked', async () => {
    const verdict = jest.fn(() => ANN);
    authenticator.verdict = verdict;
    expect(await introduce({ origin: 'https://evil.example' })).toBe('origin_not_allowed');
    expect(verdict).not.toHaveBeenCalled();
  });

  it('needs no subprotocol, unless it is asked for', async () => {
    const bare = { 'sec-websocket-protocol': undefined };
    expect(await introduce(bare)).toMatchObject({ isEnveloped: false });
    expect(await introduce(bare, main, { WS_REQUIRE_SUBPROTOCOL: 'true' })).toBe('subprotocol_required');
  });

  it("may offer any subprotocol where a module's gateway is", async () => {
    const elsewhere = { ...main, isMain: false };
    const offer = { 'sec-websocket-protocol': 'other' };
    expect(await introduce(offer, elsewhere)).toMatchObject({ isEnveloped: false });
  });

  it('does not ask the authenticator where no authentication is asked for', async () => {
    authenticator.verdict = () => {
      throw new Error('asked');
    };
    const anonymous = { ...main, isMain: false, isAnonymous: true };
    expect(await introduce({}, anonymous)).toMatchObject({ identity: { userId: '', expiresAt: null } });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('no database'))],
    ['says nothing', () => undefined],
    ['gives an id that is no text', () => ({ userId: 7, expiresAt: null })],
    ['gives an end that is no time', () => ({ userId: '7', expiresAt: Number.NaN })],
    ['gives claims that are none', () => ({ userId: '7', expiresAt: null, claims: [] })],
  ])('lets nobody in when the authenticator %s', async (_, verdict) => {
    const before = moduleFailures.authenticator;
    authenticator.verdict = verdict as SayingAuthenticator['verdict'];
    expect(await introduce()).toBe('authentication_unavailable');
    expect(moduleFailures.authenticator).toBe(before + 1);
  });

  it('limits the time in which the authenticator may answer', async () => {
    jest.useFakeTimers();
    authenticator.verdict = async () => new Promise(() => undefined);
    const verdict = introduce({}, main, { WS_HANDSHAKE_TIMEOUT_MS: '500' });
    await jest.advanceTimersByTimeAsync(499);
    const waiting = Symbol('waiting');
    expect(await Promise.race([verdict, Promise.resolve(waiting)])).toBe(waiting);
    await jest.advanceTimersByTimeAsync(1);
    expect(await verdict).toBe('authentication_unavailable');
  });

  it('is granted compression only where that is on', async () => {
    const offer = { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' };
    expect(await introduce(offer)).toMatchObject({ extensions: undefined });
    const granted = await introduce(offer, main, { WS_COMPRESSION: 'true' });
    expect(granted).toMatchObject({ extensions: expect.stringMatching(/^permessage-deflate/) });
  });

  it.each(['8', '12', '14', '', undefined])('is of version 13 and no other: not %s', (version) => {
    const handshake = handshakeWith();
    expect(handshake.isOfOurVersion(requestWith({ 'sec-websocket-version': version }))).toBe(false);
    expect(handshake.isOfOurVersion(requestWith({}))).toBe(true);
  });

  it('is refused with a 101 and a close only where the client asks for that, and could accept the 101', () => {
    const acceptanceOf = (headers: Environment) => handshakeWith().acceptanceOf(requestWith(headers));
    const asks = { 'sec-websocket-protocol': 'lanfare.refusals, lanfare.v1.json' };
    expect(acceptanceOf(asks)).toEqual({ key: KEY, subprotocol: 'lanfare.v1.json' });
    expect(acceptanceOf({})).toBeNull();
    expect(acceptanceOf({ ...asks, 'sec-websocket-key': 'short' })).toBeNull();
    expect(acceptanceOf({ 'sec-websocket-protocol': 'lanfare.refusals' })).toBeNull();
    expect(acceptanceOf({ 'sec-websocket-protocol': 'lanfare.refusals, lanfare.bearer.x' })).toBeNull();
    expect(acceptanceOf({ 'sec-websocket-protocol': 'lanfare.refusals, a, a' })).toBeNull();
  });

  it.each([
    ['0.0.0.0', 1],
    ['192.0.2.1', 1],
    ['::', 1],
    ['127.0.0.1', 0],
    ['127.9.9.9', 0],
    ['::1', 0],
    ['localhost', 0],
  ])('in insecure mode on HOST=%s is warned about %d times', (HOST, times) => {
    const error = jest.spyOn(Logger.prototype, 'error');
    const insecure = new Authentication(authenticationVariables.parse({ AUTH_MODE: 'insecure' }));
    new Handshake(insecure, gatewayVariables.parse({ HOST })).onModuleInit();
    expect(error).toHaveBeenCalledTimes(times);
  });
});
