import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { clusterEnvironment } from './support/environment.js';
import { seconds, secretKey, sign } from './support/key-server.js';
import { NodeProcess } from './support/node-process.js';

const CHROMIUM = '/usr/bin/chromium';
const SECRET = 'a secret of more than thirty-two bytes';
const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) process.stderr.write(`Skipping the browser tests: there is no ${CHROMIUM}\n`);
const test = hasBrowser ? it : it.skip;

/** Runs in the page: a client as the protocol's document asks for, which keeps what it sees in `window.log`. */
const CLIENT = `
  window.log = [];
  window.connect = (urls) => {
    const socket = window.socket = new WebSocket(urls[0], ['lanfare.v1.json', 'lanfare.bearer.' + window.token]);
    socket.onmessage = ({ data }) => window.log.push(JSON.parse(data));
    socket.onopen = () => window.log.push({ open: socket.protocol });
    socket.onclose = ({ code }) => {
      window.log.push({ closed: code });
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

let site: Server;
let browser: Browser;
let a: NodeProcess;
let b: NodeProcess;

const origin = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

beforeAll(async () => {
  if (!hasBrowser) return;
  site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>client</title><script>${CLIENT}</script>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const env = clusterEnvironment({
    AUTH_MODE: 'jwt',
    AUTH_JWT_SECRET: SECRET,
    WS_ALLOWED_ORIGINS: origin(),
  });
  [a, b, browser] = await Promise.all([
    NodeProcess.start(env),
    NodeProcess.start(env),
    chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }),
  ]);
}, 60_000);

afterAll(async () => {
  if (!hasBrowser) return;
  await Promise.all([browser.close(), b.stop(), a.exited().then(() => undefined)]);
  site.close();
});

async function open(user: string, urls: string[], expiresIn: number): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin());
  const token = await sign(secretKey(SECRET), { sub: user, exp: seconds(expiresIn) });
  await page.evaluate(`token = ${JSON.stringify(token)}; connect(${JSON.stringify(urls)})`);
  await page.evaluate(`when(({ event }) => event === 'ready')`);
  return page;
}

/** The node the page is connected to. */
async function homeOf(page: Page): Promise<unknown> {
  return page.evaluate(`log.findLast(({ event }) => event === 'ready').data.node_id`);
}

test('a browser brings its token as a subprotocol, refreshes it, and moves to the other node when its own drains', async () => {
  const urls = [a.url(''), b.url('')];
  const ann = await open('ann', urls, 20);
  const bob = await open('bob', urls.toReversed(), 3600);
  expect(await ann.evaluate('log[0]')).toEqual({ open: 'lanfare.v1.json' });

  const later = seconds(3600);
  const token = await sign(secretKey(SECRET), { sub: 'ann', exp: later });
  await ann.evaluate(
    `socket.send(${JSON.stringify(JSON.stringify({ event: 'refresh', id: 'r', data: { token } }))})`,
  );
  expect(await ann.evaluate(`when(({ id }) => id === 'r')`)).toEqual({
    event: 'ack',
    id: 'r',
    data: { expires_at: later },
  });

  await bob.evaluate(`socket.send('{"user_id":"ann","data":"haha \\\\ud83d\\\\ude00"}')`);
  expect(await ann.evaluate(`when(({ event }) => event === 'message')`)).toEqual({
    event: 'message',
    data: { from: 'bob', data: 'haha 😀' },
  });

  const [first, other] = [await homeOf(ann), await homeOf(bob)];
  expect(first).not.toBe(other);
  a.signal('SIGTERM');
  expect(await ann.evaluate(`when(({ closed }) => closed)`)).toEqual({ closed: 1012 });
  // the first token has long been replaced; the client keeps the one it connected with, which is still valid
  await ann.evaluate(`when(({ data }) => data?.node_id === ${JSON.stringify(other)})`);
  await bob.evaluate(`socket.send('{"user_id":"ann","data":"again"}')`);
  expect(await ann.evaluate(`when(({ data }) => data?.data === 'again')`)).toMatchObject({
    data: { from: 'bob' },
  });
}, 60_000);

test('a page of another origin is not let in', async () => {
  const page = await browser.newPage();
  await page.goto(origin().replace('127.0.0.1', 'localhost')).catch(() => undefined);
  const token = await sign(secretKey(SECRET), { sub: 'eve' });
  await page.evaluate(`token = ${JSON.stringify(token)}; connect([${JSON.stringify(b.url(''))}])`);
  expect(await page.evaluate(`when(({ closed }) => closed)`)).toEqual({ closed: 1006 });
  await page.close();
});
