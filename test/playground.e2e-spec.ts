import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';

describe.each(browsers)('the page at / in $name', ({ launch, test }) => {
  let nodes: TestNode[];
  let browser: Browser;

  beforeAll(async () => {
    const env = clusterEnvironment();
    [browser, ...nodes] = await Promise.all([launch(), TestNode.start(env), TestNode.start(env)]);
  });

  afterAll(async () => {
    await browser.close();
    await Promise.all(nodes.map(async (node) => node.stop()));
  });

  async function open(node: TestNode, user: string): Promise<Page> {
    const page = await browser.newPage();
    page.on('pageerror', (error) => {
      throw error;
    });
    await page.goto(`http://127.0.0.1:${node.port}/`);
    await page.getByLabel('I am user').fill(user);
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText(`connected as user ${user}`).waitFor();
    return page;
  }

  test('lets two users on two nodes write to each other', async () => {
    const [one, two] = (await Promise.all(
      nodes.map(async (node, index) => open(node, String(index + 1))),
    )) as [Page, Page];
    await one.getByRole('button', { name: 'Send' }).click();
    await two.getByText('user 1: "haha"').waitFor();
    await two.getByLabel('To user').fill('1');
    await two.getByLabel('Message').fill('<b>hoho</b>');
    await two.getByRole('button', { name: 'Send' }).click();
    await one.getByText('user 2: "<b>hoho</b>"').waitFor();
    expect(await one.locator('#log b').count()).toBe(0);
  });

  test('shows an error of the server', async () => {
    const page = await open(nodes[0] as TestNode, 'someone');
    await page.getByLabel('To user').fill('é'.repeat(100));
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('bad_user_id').waitFor();
  });
});

describe('the page at /', () => {
  it('is not there when users have to prove who they are', async () => {
    const node = await TestNode.start({
      CLUSTER_BUS: 'none',
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: 'x'.repeat(32),
    });
    expect((await fetch(`http://127.0.0.1:${node.port}/`)).status).toBe(404);
    await node.stop();
  });
});
