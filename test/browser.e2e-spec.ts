import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { NodeProcess } from './support/node-process.js';

// browsers take their time on a busy machine
jest.setTimeout(60_000);

const SECRET = 'a secret of more than thirty-two bytes';

/** Runs in the page: a client as the protocol's document asks for, which keeps what it sees in `window.log`. */
const CLIENT = `
  window.log = [];
  window.connect = (urls, ...offers) => {
    offers = ['lanfare.v1.json', 'lanfare.bearer.' + window.token, ...offers];
    const socket = window.socket = new WebSocket(urls[0], offers);
    socket.onmessage = ({ data }) => window.log.push(JSON.parse(data));
    socket.onopen = () => window.log.push({ open: socket.protocol, extensions: socket.extensions });
    socket.onclose = ({ code, reason }) => {
      window.log.push({ closed: code, reason });
      const isWelcome = code < 4500;
      if (isWelcome) setTimeout(() => window.connect([...urls.slice(1), urls[0]]), 50 + 100 * Math.random());
    };
  };
  window.when = (test) => new Promise((resolve) => {
    const look = () => {
      const found = window.log.find(test);
      if (found) resolve(found);
      else requestAnimationFrame(look);
    };
    look();
  });
`;

describe.each(browsers)('a client in $name', ({ launch, test }) => {
  let site: Server;
  let browser: Browser;

  const origin = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

  beforeAll(async () => {
    site = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>client</title><script>${CLIENT}</script>`);
    }).listen(0, '127.0.0.1');
    [browser] = await Promise.all([launch(), once(site, 'listening')]);
  });

  afterAll(async () => {
    await browser.close();
    site.close();
  });

  describe.each([
    ['true', expect.stringContaining('permessage-deflate')],
    ['false', ''],
  ])('with WS_COMPRESSION=%s', (compression, extensions) => {
    let a: NodeProcess;
    let b: NodeProcess;
    let ann: Page;
    let bob: Page;

    beforeAll(async () => {
      const env = clusterEnvironment({
        AUTH_MODE: 'jwt',
        AUTH_JWT_SECRET: SECRET,
        WS_ALLOWED_ORIGINS: origin(),
        WS_COMPRESSION: compression,
        ROOM_ACCESS: 'open',
      });
      [a, b] = await Promise.all([NodeProcess.start(env), NodeProcess.start(env)]);
      const urls = [a.url(''), b.url('')];
      [ann, bob] = await Promise.all([open('ann', urls, 600), open('bob', urls.toReversed(), 3600)]);
    });

    afterAll(async () => {
      await Promise.all([ann.close(), bob.close(), a.stop(), b.stop()]);
    });

    async function open(user: string, urls: string[], expiresIn: number): Promise<Page> {
      const page = await browser.newPage();
      await page.goto(origin());
      const token = await sign(secretKey(SECRET), { sub: user, exp: seconds(expiresIn) });
      await page.evaluate(`token = ${JSON.stringify(token)}; connect(${JSON.stringify(urls)})`);
      await page.evaluate(`when(({ event }) => event === 'ready')`);
      return page;
    }

    /** What the page sees, up to the close. */
    async function refusalOf(page: Page, token: string, ...offers: string[]): Promise<unknown> {
      const told = [[b.url('')], ...offers].map((argument) => JSON.stringify(argument));
      await page.evaluate(`log = []; token = ${JSON.stringify(token)}; connect(${told.join()})`);
      await page.evaluate(`when(({ closed }) => closed)`);
      return page.evaluate(`log.slice(0, 1 + log.findIndex(({ closed }) => closed))`);
    }

    async function send(page: Page, frame: object): Promise<void> {
      await page.evaluate(`socket.send(${JSON.stringify(JSON.stringify(frame))})`);
    }

    /** The node the page is connected to. */
    async function homeOf(page: Page): Promise<unknown> {
      return page.evaluate(`log.findLast(({ event }) => event === 'ready').data.node_id`);
    }

    test('brings its token as a subprotocol, and compresses if the operator wants it', async () => {
      expect(await ann.evaluate('log[0]')).toEqual({ open: 'lanfare.v1.json', extensions });
    });

    test('writes to a client on another node', async () => {
      await send(bob, { user_id: 'ann', data: 'haha 😀' });
      expect(await ann.evaluate(`when(({ event }) => event === 'message')`)).toEqual({
        event: 'message',
        data: { from: 'bob', data: 'haha 😀' },
      });
    });

    test.each([
      ['short ones', 'x'.repeat(1000)],
      ['long ones that repeat themselves', 'grüße 😀 '.repeat(4000)],
      ['long ones that are random', randomBytes(30_000).toString('base64')],
    ])('gets messages as they were sent, %s in both directions', async (id, data) => {
      for (const [from, to, user] of [
        [ann, bob, 'bob'],
        [bob, ann, 'ann'],
      ] as const) {
        await send(from, { user_id: user, data: [id, data] });
        const found = await to.evaluate(`when(({ data }) => data?.data?.[0] === ${JSON.stringify(id)})`);
        expect(found).toMatchObject({ data: { data: [id, data] } });
      }
    });

    test('is in a room with a client on another node, and sees who is there', async () => {
      for (const [page, user] of [
        [ann, 'ann'],
        [bob, 'bob'],
      ] as const) {
        const join = { room: 'hall', presence: 'both', info: { name: `${user} 😀` } };
        await send(page, { event: 'join', id: 'join', data: join });
        expect(await page.evaluate(`when(({ id }) => id === 'join')`)).toMatchObject({
          data: { room: 'hall', complete: true },
        });
      }
      const both = [
        { user_id: 'ann', devices: 1, info: { name: 'ann 😀' } },
        { user_id: 'bob', devices: 1, info: { name: 'bob 😀' } },
      ];
      const listed = `when(({ event, data }) => event === 'presence' && data.members?.length === 2)`;
      const list = (await bob.evaluate(listed)) as { data: { members: object[] } };
      expect(list.data.members).toHaveLength(2);
      expect(list.data.members).toEqual(expect.arrayContaining(both));
      expect(await ann.evaluate(`when(({ data }) => data?.joined)`)).toMatchObject({
        data: { room: 'hall', joined: [both[1]] },
      });
      const publish = { room: 'hall', data: { text: 'grüße 😀' }, echo: false };
      await send(ann, { event: 'publish', id: 'publish', data: publish });
      expect(await ann.evaluate(`when(({ id }) => id === 'publish')`)).toMatchObject({
        data: { delivered: 1, complete: true },
      });
      expect(await bob.evaluate(`when(({ data }) => data?.data?.text)`)).toEqual({
        event: 'message',
        data: { room: 'hall', from: 'ann', data: { text: 'grüße 😀' } },
      });
      await send(bob, { event: 'leave', id: 'leave', data: { room: 'hall' } });
      expect(await ann.evaluate(`when(({ data }) => data?.left)`)).toMatchObject({
        data: { room: 'hall', left: ['bob'] },
      });
    });

    test('that is refused is told why, where it offers lanfare.refusals', async () => {
      const page = await browser.newPage();
      await page.goto(origin());
      const late = await sign(secretKey(SECRET), { sub: 'late', exp: seconds(-60) });
      expect(await refusalOf(page, late, 'lanfare.refusals')).toEqual([
        { open: 'lanfare.v1.json', extensions: '' },
        { closed: 4510, reason: 'unauthorized' },
      ]);
      expect(await refusalOf(page, late)).toEqual([{ closed: 1006, reason: '' }]);
      await page.close();
    });

    test('of another origin is not let in, and learns that alone', async () => {
      const page = await browser.newPage();
      await page.goto(origin().replace('127.0.0.1', 'localhost'));
      const good = await sign(secretKey(SECRET), { sub: 'eve' });
      expect(await refusalOf(page, good, 'lanfare.refusals')).toEqual([
        { open: 'lanfare.v1.json', extensions: '' },
        { closed: 4510, reason: 'origin_not_allowed' },
      ]);
      expect(await refusalOf(page, good)).toEqual([{ closed: 1006, reason: '' }]);
      await page.close();
    });

    test('refreshes its token, and moves to the other node when its own drains', async () => {
      const later = seconds(3600);
      const token = await sign(secretKey(SECRET), { sub: 'ann', exp: later });
      await send(ann, { event: 'refresh', id: 'r', data: { token } });
      expect(await ann.evaluate(`when(({ id }) => id === 'r')`)).toEqual({
        event: 'ack',
        id: 'r',
        data: { expires_at: later },
      });

      const [first, other] = [await homeOf(ann), await homeOf(bob)];
      expect(first).not.toBe(other);
      a.signal('SIGTERM');
      expect(await ann.evaluate(`when(({ closed }) => closed)`)).toMatchObject({ closed: 1012 });
      // the client keeps the token it connected with, which is still valid
      await ann.evaluate(`when(({ data }) => data?.node_id === ${JSON.stringify(other)})`);
      await send(bob, { user_id: 'ann', data: 'again' });
      expect(await ann.evaluate(`when(({ data }) => data?.data === 'again')`)).toMatchObject({
        data: { from: 'bob' },
      });
    });
  });
});
