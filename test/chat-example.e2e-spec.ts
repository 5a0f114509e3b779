import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ChatModule } from '../examples/chat/chat.module.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { TestNode } from './support/node.js';

// browsers take their time on a busy machine
jest.setTimeout(60_000);

const env = clusterEnvironment({ ROOM_ACCESS: 'open', PRESENCE_GRACE_MS: '0' });
const start = async (more = {}) => TestNode.start({ ...env, ...more }, [ChatModule]);

describe.each(browsers)('the chat in $name', ({ launch, test }) => {
  let nodes: [TestNode, TestNode];
  let browser: Browser;
  const pages: Page[] = [];

  beforeAll(async () => {
    [browser, ...nodes] = await Promise.all([launch(), start(), start()]);
  });

  afterEach(async () => {
    for (const page of pages.splice(0)) {
      expect(await page.evaluate('problems')).toEqual([]);
      await page.close();
    }
  });

  afterAll(async () => {
    await browser.close();
    await Promise.all(nodes.map(async (node) => node.stop()));
  });

  /** Enters by the form. */
  async function enter(name: string, { port }: TestNode): Promise<Page> {
    const page = await browser.newPage();
    pages.push(page);
    await page.addInitScript(`
      window.problems = [];
      for (const event of ['error', 'unhandledrejection', 'securitypolicyviolation'])
        addEventListener(event, ({ message, reason, blockedURI }) => problems.push(message ?? String(reason ?? blockedURI)));
    `);
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('status').getByText(name, { exact: true }).waitFor();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByLabel('Message').fill(text);
    await page.getByRole('button', { name: 'Say' }).click();
  }

  const line = (page: Page, text: string) => page.getByText(text, { exact: true });

  test('shows two users on two nodes what the other says, as text, and that they type', async () => {
    const [ann, bob] = await Promise.all([enter('ann', nodes[0]), enter('bob', nodes[1])]);
    await say(ann, 'hello, <b>bob</b>');
    await line(bob, 'ann: hello, <b>bob</b>').waitFor();
    await line(ann, 'ann: hello, <b>bob</b>').and(ann.locator('.line:not(.pending)')).waitFor();
    await bob.getByLabel('Message').fill('h');
    await ann.getByText('bob is typing').waitFor();
    await say(bob, 'hi');
    await line(ann, 'bob: hi').waitFor();
    await ann.locator('#typing:empty').waitFor({ state: 'attached' });
  });

  test('shows who is online, on any node, as they come and go', async () => {
    const [ann, bob] = await Promise.all([enter('ann', nodes[0]), enter('bob', nodes[1])]);
    await ann.getByText('bob').and(ann.locator('#people')).waitFor();
    await bob.getByText('ann').and(bob.locator('#people')).waitFor();
    await bob.goto('about:blank');
    await ann.getByText('Online: ann', { exact: true }).waitFor();
    // an empty page keeps no problems
    pages.splice(pages.indexOf(bob), 1);
    await bob.close();
  });

  test('counts what is said in other rooms, and shows it there', async () => {
    const [ann, bob] = await Promise.all([enter('ann', nodes[0]), enter('bob', nodes[1])]);
    await bob.getByRole('button', { name: 'games' }).click();
    await say(bob, 'chess?');
    await ann.getByRole('button', { name: 'games (1)' }).click();
    await line(ann, 'bob: chess?').waitFor();
    await ann.getByRole('button', { name: 'games', exact: true }).waitFor();
  });

  test('sends once, later, what was said without a connection', async () => {
    const node = await start();
    const [ann, bob] = await Promise.all([enter('ann', node), enter('bob', nodes[1])]);
    await node.stop();
    await ann.getByRole('status').getByText('connecting again').waitFor();
    await say(ann, 'are you there?');
    await ann.locator('.pending', { hasText: 'are you there?' }).waitFor();
    const again = await start({ PORT: String(node.port) });
    await line(ann, 'You were away. What was said meanwhile is not shown.').waitFor();
    await line(bob, 'ann: are you there?').waitFor();
    await line(ann, 'ann: are you there?').and(ann.locator('.line:not(.pending)')).waitFor();
    expect(await line(bob, 'ann: are you there?').count()).toBe(1);
    await again.stop();
  });

  test('fits into the window of a phone', async () => {
    const page = await enter('W'.repeat(40), nodes[0]);
    await say(page, 'W'.repeat(300));
    for (const width of [320, 375]) {
      await page.setViewportSize({ width, height: 600 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    }
  });
});

describe('the policy of the chat', () => {
  it('lets texts and typing into rooms, and nothing else, and nothing to users', async () => {
    const node = await start();
    const eve = await TestClient.connect(node.url('user_id=eve'), V1);
    await eve.nextJson();
    await eve.ask({ event: 'join', data: { room: 'chat:lobby' } });
    const publish = async (data: unknown) =>
      (await eve.ask({ event: 'publish', data: { room: 'chat:lobby', data, echo: false } }))['data'];
    for (const data of [{ text: 'x' }, { typing: true }])
      expect(await publish(data)).toMatchObject({ complete: true });
    for (const data of ['x', { text: '' }, { text: 'x'.repeat(501) }, { text: 'x', more: 1 }, { typing: 1 }])
      expect(await publish(data)).toMatchObject({ code: 'forbidden' });
    expect(await eve.ask({ user_id: 'eve', data: 1 })).toMatchObject({ data: { code: 'forbidden' } });
    await eve.close();
    await node.stop();
  });
});
