import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { NodeProcess } from './support/node-process.js';

// browsers take their time on a busy machine
jest.setTimeout(60_000);

const PAGE = `
  import { connect } from '/lanfare-client.js';
  window.problems = [];
  window.states = [];
  for (const event of ['error', 'unhandledrejection', 'securitypolicyviolation'])
    addEventListener(event, ({ message, reason, blockedURI }) => problems.push(message ?? String(reason ?? blockedURI)));
  window.pings = 0;
  window.start = async (url) => {
    window.lan = connect({ url, debug: (line) => pings += line.includes('"ping"') });
    lan.on('state', (state) => states.push(state));
    await lan.opened;
  };
  window.home = () => lan.session.node_id;
  window.become = (visibility) => {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  /** The first state of this name since the states were forgotten. */
  window.until = (name) => new Promise((resolve) => {
    const found = states.find((state) => state.name === name);
    if (found) resolve(found);
    else lan.on('state', (state) => state.name === name && resolve(state));
  });
`;

const FILES: Record<string, [type: string, content: string]> = {
  '/': ['text/html', '<!doctype html><title>client</title><script type="module" src="/page.js"></script>'],
  '/page.js': ['text/javascript', PAGE],
  '/lanfare-client.js': ['text/javascript', readFileSync('client/dist/browser.js', 'utf8')],
};

describe.each(browsers)('lanfare-client in $name', ({ launch, test }) => {
  let site: Server;
  let browser: Browser;
  let a: NodeProcess;
  let b: NodeProcess;
  let page: Page;

  beforeAll(async () => {
    site = createServer(({ url = '' }, response) => {
      const [type, content] = FILES[url] ?? ['text/plain', ''];
      response.setHeader('content-type', type);
      response.setHeader('content-security-policy', "default-src 'none'; script-src 'self'; connect-src ws:");
      response.end(content);
    }).listen(0, '127.0.0.1');
    const env = clusterEnvironment({ SHUTDOWN_GRACE_MS: '1000' });
    [browser, a, b] = await Promise.all([
      launch(),
      NodeProcess.start(env),
      NodeProcess.start(env),
      once(site, 'listening'),
    ]);
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    await page.evaluate(`start(${JSON.stringify([a.url('user_id=ann'), b.url('user_id=ann')])})`);
  });

  afterAll(async () => {
    await browser.close();
    await Promise.all([a.kill(), b.kill()]);
    site.close();
  });

  test('sends, and gets what it sends to itself', async () => {
    await page.evaluate(`window.heard = new Promise((resolve) => lan.on('message', resolve)); 0`);
    expect(await page.evaluate(`lan.send('ann', 'haha')`)).toEqual({ delivered: 1, complete: true });
    expect(await page.evaluate('heard')).toEqual({ from: 'ann', data: 'haha' });
  });

  test('asks for a sign of life when its page becomes visible, and not when it is hidden', async () => {
    expect(await page.evaluate(`become('hidden'), pings`)).toBe(0);
    expect(await page.evaluate(`become('visible'), pings`)).toBe(1);
  });

  test('notices, when its page becomes visible, that its node is silent, and goes to the other one', async () => {
    const before = await page.evaluate('states.length = 0, home()');
    a.signal('SIGSTOP');
    await page.evaluate(`become('visible')`);
    expect(await page.evaluate(`until('waiting')`)).toMatchObject({ reason: 'no answer to a ping' });
    await page.evaluate(`until('open')`);
    expect(await page.evaluate('home()')).not.toBe(before);
    a.signal('SIGCONT');
  });

  test('returns when its node drains, and not before', async () => {
    const before = await page.evaluate('states.length = 0, home()');
    b.signal('SIGTERM');
    expect(await page.evaluate(`until('waiting')`)).toMatchObject({ code: 1012 });
    await page.evaluate(`until('open')`);
    expect(await page.evaluate('home()')).not.toBe(before);
    expect(await page.evaluate(`lan.send('ann', 'again')`)).toMatchObject({ delivered: 1 });
  });

  test('had no problem with a strict policy of its page, nor a rejection that nobody handled', async () => {
    expect(await page.evaluate('problems')).toEqual([]);
    await page.evaluate('lan.close()');
    expect(await page.evaluate('lan.state.name')).toBe('closed');
  });
});
