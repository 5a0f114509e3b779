import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { Rooms } from 'lanfare';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { ClosingServer } from './support/closing-server.js';
import { clusterEnvironment } from './support/environment.js';
import { secretKey, sign } from './support/key-server.js';
import { NodeProcess } from './support/node-process.js';
import { TestNode } from './support/node.js';

// browsers take their time on a busy machine
jest.setTimeout(60_000);

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Keeps the errors of a page's code, and of what the page loads. */
const PROBLEMS = `
  window.problems = [];
  addEventListener('error', ({ message }) => problems.push(message));
  addEventListener('unhandledrejection', ({ reason }) => problems.push(String(reason)));
  addEventListener('securitypolicyviolation', ({ blockedURI }) => problems.push(blockedURI));
`;

@Controller()
class HomeController {
  @Get()
  home(): string {
    return 'home';
  }
}

@Module({ controllers: [HomeController] })
class HomeModule {}

describe.each(browsers)('the page at / in $name', ({ launch, test }) => {
  const env = clusterEnvironment({ ROOM_ACCESS: 'open', PRESENCE_GRACE_MS: '0' });
  const pages: Page[] = [];
  let nodes: [TestNode, TestNode];
  let browser: Browser;

  beforeAll(async () => {
    [browser, ...nodes] = await Promise.all([launch(), TestNode.start(env), TestNode.start(env)]);
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

  async function open(query = '', { port } = nodes[0]): Promise<Page> {
    const page = await browser.newPage();
    pages.push(page);
    await page.addInitScript(PROBLEMS);
    await page.goto(`http://127.0.0.1:${port}/${query}`);
    return page;
  }

  async function connect(page: Page): Promise<void> {
    await tryToConnect(page);
    await page.getByText('connected as user').waitFor();
  }

  /** Connects, and joins the room that the page's form names. */
  async function join(page: Page): Promise<void> {
    await connect(page);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.locator('#log li', { hasText: /^joined/ }).waitFor();
  }

  /** What the page connects to closes it at once. The page's clock stands still. */
  async function connectToClosing(codes: readonly number[], reason: string) {
    const server = await ClosingServer.start(codes, reason);
    const page = await open();
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(3_600_000);
    await page.getByLabel('Node').fill(server.address);
    await tryToConnect(page);
    await showsAfterClose(page, codes[0] as number);
    return { server, page };
  }

  async function tryToConnect(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
  }

  async function showsAfterClose(page: Page, code: number): Promise<string> {
    await page.locator('#log li', { hasText: `${code}, ` }).waitFor();
    return (await page.getByRole('status').textContent()) ?? '';
  }

  test('lets two users on two nodes write to each other', async () => {
    const [one, two] = await Promise.all([
      open('?user_id=1&to=2', nodes[0]),
      open('?user_id=2&to=1', nodes[1]),
    ]);
    await Promise.all([connect(one), connect(two)]);
    await one.getByRole('button', { name: 'Send' }).click();
    await two.getByText('user 1: "haha"').waitFor();
    await two.getByLabel('Message').fill('<b>hoho</b>');
    await two.getByRole('button', { name: 'Send' }).click();
    await one.getByText('user 2: "<b>hoho</b>"').waitFor();
    expect(await one.locator('#log b').count()).toBe(0);
  });

  test('lets users on two nodes be in a room together, until they leave it', async () => {
    const [one, two] = await Promise.all([
      open('?user_id=1&room=chat:42', nodes[0]),
      open('?user_id=2&room=chat:42', nodes[1]),
    ]);
    await Promise.all([join(one), join(two)]);
    await Promise.all([one, two].map(async (page) => page.getByText(/^here: .*[12], [12]/).waitFor()));
    await one.getByLabel('To chat:42').fill('<i>haha</i>');
    await one.getByRole('button', { name: 'Publish' }).click();
    await Promise.all([
      one.getByText('delivered to 2 devices').waitFor(),
      ...[one, two].map(async (page) => page.getByText('chat:42, user 1: "<i>haha</i>"').waitFor()),
    ]);
    await two.getByRole('button', { name: 'Leave' }).click();
    await two.getByText('left chat:42').waitFor();
    await one.getByText('here: 1', { exact: true }).waitFor();
    expect(await two.getByRole('button', { name: 'Publish' }).count()).toBe(0);
    await one.getByRole('button', { name: 'Publish' }).click();
    await one.getByText('delivered to 1 device').waitFor();
  });

  test('shows what modules do: put it into a room, take it out, and write to it', async () => {
    const page = await open('?user_id=guest');
    await connect(page);
    const rooms = nodes[1].app.get(Rooms);
    await rooms.join('news', 'guest');
    await page.getByText('the server put you into news').waitFor();
    await rooms.publish('news', 'extra');
    await page.getByText('news, the application: "extra"').waitFor();
    await rooms.remove('news', 'guest');
    await page.getByText('left news: removed').waitFor();
    expect(await page.getByRole('button', { name: 'Publish' }).count()).toBe(0);
  });

  test('is another user in each tab, and has a link to a tab of the one it writes to', async () => {
    const [first, second] = await Promise.all([open(), open()]);
    const user = await first.getByLabel('I am user').inputValue();
    expect(await second.getByLabel('I am user').inputValue()).not.toBe(user);
    await first.getByLabel('To user').fill('the & other');
    await first.getByLabel('Room').fill('chat:42');
    const link = await first.getByRole('link', { name: 'second tab' }).getAttribute('href');
    const other = await open(link ?? '');
    expect(await other.getByLabel('I am user').inputValue()).toBe('the & other');
    expect(await other.getByLabel('To user').inputValue()).toBe(user);
    expect(await other.getByLabel('Room').inputValue()).toBe('chat:42');
  });

  test('shows an error of the server', async () => {
    const page = await open();
    await connect(page);
    await page.getByLabel('To user').fill('é'.repeat(100));
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('bad_user_id').waitFor();
    await page.getByLabel('Room').fill('no spaces');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('no spaces: bad_room').waitFor();
    expect(await page.getByRole('button', { name: 'Publish' }).count()).toBe(0);
  });

  test('says what is wrong with the address of a node', async () => {
    const page = await open();
    await page.getByLabel('Node').fill('127.0.0.1:99999');
    await tryToConnect(page);
    await page
      .getByText(/^not connected: ./)
      .first()
      .waitFor();
  });

  test('connects again by itself when its node was restarted', async () => {
    const node = await TestNode.start(env);
    const page = await open('?user_id=again&to=again', node);
    await join(page);
    await node.stop();
    await page.getByText('1012, node is shutting down').first().waitFor();
    await page.locator('.room', { hasText: 'joining' }).waitFor();
    const restarted = await TestNode.start({ ...env, PORT: String(node.port) });
    await page.getByText('connected as user').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('user again: "haha"', { exact: true }).waitFor();
    await page.getByText('joined lobby again').waitFor();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('lobby, user again: "haha"').waitFor();
    await restarted.stop();
  });

  test('says when it tries again after a refusal that passes, and does so', async () => {
    const codes = [1012, 4000, 4010, 4499, 1011];
    const { server, page } = await connectToClosing(codes, 'a reason');
    for (const code of codes) {
      const [, wait] = /again in ([\d.]+) s/.exec(await showsAfterClose(page, code)) ?? [];
      await page.clock.fastForward(Number(wait) * 1000 + 100);
    }
    await server.stop();
  });

  test('stays away after a refusal that does not pass', async () => {
    const codes = [4500, 4510];
    const { server, page } = await connectToClosing(codes, 'a reason');
    for (const code of codes) {
      expect(await showsAfterClose(page, code)).toBe(`not connected: ${code}, a reason`);
      await page.clock.fastForward('10:00');
      expect(await page.getByRole('status').textContent()).toBe(`not connected: ${code}, a reason`);
      await tryToConnect(page);
    }
    await server.stop();
  });

  test('offers to be told of refusals, and a token where there is one', async () => {
    const { server, page } = await connectToClosing([4510, 4500], 'a reason');
    await page.getByLabel('Token').fill(' aaa.bbb.ccc ');
    await tryToConnect(page);
    await showsAfterClose(page, 4500);
    expect(server.offers).toEqual([
      ['lanfare.v1.json', 'lanfare.refusals'],
      ['lanfare.v1.json', 'lanfare.refusals', 'lanfare.bearer.aaa.bbb.ccc'],
    ]);
    await server.stop();
  });

  test('is told why a node that asks for tokens does not let it in, and is let in with one', async () => {
    const secret = 'a secret of more than thirty-two bytes';
    const node = await TestNode.start({ CLUSTER_BUS: 'none', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: secret });
    const page = await open();
    await page.getByLabel('Node').fill(`127.0.0.1:${node.port}`);
    await tryToConnect(page);
    await page
      .getByText(/^not connected: 4510, unauthorized$/)
      .first()
      .waitFor();
    await page.getByLabel('Token').fill(await sign(secretKey(secret), { sub: 'proven' }));
    await connect(page);
    expect(await page.getByRole('status').textContent()).toBe('connected as user proven');
    await node.stop();
  });

  test('can be left, connected or waiting to be', async () => {
    const { server, page } = await connectToClosing([1012], 'node is shutting down');
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.clock.fastForward('10:00');
    expect(await page.getByRole('status').textContent()).toBe('not connected');
    await page.getByLabel('Node').fill(`127.0.0.1:${nodes[0].port}`);
    await connect(page);
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText(/^not connected$/).waitFor();
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await server.stop();
  });

  test('can be used without a mouse', async () => {
    const page = await open('?user_id=keys&to=keys');
    await page.getByLabel('I am user').focus();
    await page.keyboard.press('Enter');
    await page.getByText('connected as user').waitFor();
    const reached: (string | null)[] = [];
    for (let at: string | null = null; at !== 'Message'; reached.push(at)) {
      await page.keyboard.press('Tab');
      at = (await page.evaluate(
        'document.activeElement.closest("label, button")?.textContent.trim()',
      )) as string;
    }
    expect(reached).toEqual(['Node', 'Token', 'Connect', 'Disconnect', 'To user', 'Message']);
    await page.keyboard.type('by keys');
    await page.keyboard.press('Enter');
    await page.getByText('user keys: "by keys"', { exact: true }).waitFor();
  });

  test('fits into narrow and wide windows, and nothing covers anything else', async () => {
    const page = await open(`?room=${'R'.repeat(200)}`);
    await join(page);
    await page.getByLabel('Message').fill('W'.repeat(300));
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('delivered to').waitFor();
    for (const width of [320, 375, 768, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      // less than the width where there is a scroll bar
      const room = (await page.evaluate('document.documentElement.clientWidth')) as number;
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(room);
      // what lies in another must not reach beyond it either: labels and what they label are looked at apart
      for (const kinds of ['h1, p, label, button, #status, #log li', 'input, button']) {
        const shown = await page.locator(kinds).all();
        const boxes = await Promise.all(shown.map(async (element) => (await element.boundingBox()) as Box));
        const outside = boxes.filter(({ x, width: own }) => x < 0 || x + own > room + 1);
        const upon = boxes.filter((box, index) =>
          boxes.slice(index + 1).some((other) => overlap(box, other)),
        );
        expect({ width, outside, upon }).toEqual({ width, outside: [], upon: [] });
      }
    }
  });
});

/** By a pixel at least: positions are rounded. */
function overlap(one: Box, other: Box): boolean {
  const [left, right] = one.x < other.x ? [one, other] : [other, one];
  const [upper, lower] = one.y < other.y ? [one, other] : [other, one];
  return left.x + left.width > right.x + 1 && upper.y + upper.height > lower.y + 1;
}

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

  it('is there where nothing was copied but dist/ and what it depends on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lanfare-dist-'));
    for (const name of ['dist', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    const node = NodeProcess.launch({ CLUSTER_BUS: 'none', OPS_PORT: '0' }, [], { cwd: folder });
    await node.waitForOutput(/Serving on/);
    const script = await fetch(`http://127.0.0.1:${node.port}/playground/lanfare-client.js`);
    expect(script.status).toBe(200);
    await node.stop();
    rmSync(folder, { recursive: true });
  });

  it("gives way to a module's own", async () => {
    const node = await TestNode.start({ CLUSTER_BUS: 'none' }, [HomeModule]);
    expect(await (await fetch(`http://127.0.0.1:${node.port}/`)).text()).toBe('home');
    await node.stop();
  });
});
