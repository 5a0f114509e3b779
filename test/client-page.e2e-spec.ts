import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { NodeProcess } from './support/node-process.js';

// browsers take their time on a busy machine
jest.setTimeout(90_000);

const [, PAGE = ''] = /```html\n(.*?)```/s.exec(readFileSync('client/README.md', 'utf8')) ?? [];
const CLIENT = readFileSync('client/dist/browser.js');
const PORTS = [8866, 8867, 8868];

// one user has Chromium, the other Firefox
const test = browsers.every((browser) => browser.test === it) ? it : it.skip;

describe("the page of the client's README", () => {
  // as a newcomer has it: the settings of .env
  const env = clusterEnvironment({ ENV_FILE: '.env', SHUTDOWN_GRACE_MS: '1000' });
  let site: Server;
  let open: Browser[];
  let nodes: NodeProcess[];

  beforeAll(async () => {
    [open, nodes] = await Promise.all([
      Promise.all(browsers.map(async ({ launch }) => launch())),
      Promise.all(PORTS.map(async () => NodeProcess.start(env))),
    ]);
    const here = PORTS.reduce(
      (page, port, index) => page.replace(`:${port}`, `:${nodes[index]?.port}`),
      PAGE,
    );
    site = createServer(({ url }, response) => {
      const isClient = url === '/node_modules/lanfare-client/dist/browser.js';
      response.setHeader('content-type', isClient ? 'text/javascript' : 'text/html');
      response.end(isClient ? CLIENT : here);
    }).listen(0, '127.0.0.1');
    await once(site, 'listening');
  });

  afterAll(async () => {
    await Promise.all(open.map(async (browser) => browser.close()));
    await Promise.all(nodes.map(async (node) => node.kill()));
    site.close();
  });

  async function enter(browser: Browser | undefined, user: string): Promise<Page> {
    const page = (await browser?.newPage()) as Page;
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/?user=${user}`);
    await page.getByText('(open)').waitFor();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.locator('input').fill(text);
    await page.getByRole('button').click();
  }

  it('has about twenty lines', () => {
    expect(PAGE.trim().split('\n').length).toBeLessThanOrEqual(21);
  });

  test('is in its room still after all three nodes were restarted, one after the other', async () => {
    const [ann, bob] = await Promise.all([enter(open[0], 'ann'), enter(open[1], 'bob')]);
    for (const [index, node] of nodes.entries()) {
      await node.stop();
      // what is said while a page may be without a connection
      await say(ann, `stopped ${index}`);
      await ann.getByText(`ann: stopped ${index}`).waitFor();
      const again = await NodeProcess.start({ ...env, PORT: String(node.port) });
      await again.waitForOutput(/ joined: .* joined: /s);
      nodes[index] = again;
      await say(bob, `restarted ${index}`);
      await Promise.all([ann, bob].map(async (page) => page.getByText(`bob: restarted ${index}`).waitFor()));
    }
    // it went from the first to the second, and on to the third
    expect(await ann.getByText('(waiting: node is shutting down)').count()).toBeGreaterThanOrEqual(2);
    expect(await ann.getByText('ann: stopped').count()).toBe(3);
  });
});
