import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';
import { NodeProcess } from './support/node-process.js';

// browsers and builds take their time on a busy machine
jest.setTimeout(120_000);

const README = readFileSync('README.md', 'utf8');
const TOUR = section('A tour of 60 seconds');

function section(title: string): string {
  const [, text] = new RegExp(`^## ${title}\\n(.*?)^## `, 'ms').exec(README) ?? [];
  if (text === undefined) throw new Error(`README.md has no section ${title}`);
  return text;
}

/** What stands before `npm start` in a block of commands. */
function variablesIn(text: string): Record<string, string> {
  const [, before] = /^\s*((?:[A-Z_]+=\S+ )+)npm start$/m.exec(text) ?? [];
  if (before === undefined) throw new Error('there is no command that starts a node with variables');
  return Object.fromEntries(
    before
      .trim()
      .split(' ')
      .map((pair) => pair.split('=') as [string, string]),
  );
}

describe.each(browsers)("the README's tour in $name", ({ launch, test }) => {
  const codeBlocks = [...TOUR.matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code);
  const links = [...TOUR.matchAll(/<(http:[^>]+)>/g)].map(([, url = '']) => url);
  const env = clusterEnvironment({ ENV_FILE: '.env' });
  const printed: string[] = [];
  let a: NodeProcess;
  let b: NodeProcess;
  let browser: Browser;
  let ann: Page;
  let bob: Page;

  /** The tour's own ports are for people; tests take free ones. */
  function here(text: string): string {
    return text
      .replaceAll('127.0.0.1:8866', `127.0.0.1:${a.port}`)
      .replaceAll(`127.0.0.1:${variablesIn(TOUR)['PORT'] ?? ''}`, `127.0.0.1:${b.port}`);
  }

  async function untilPrinted(line: string): Promise<void> {
    while (!printed.includes(line)) await ann.waitForEvent('console');
  }

  beforeAll(async () => {
    [browser, a, b] = await Promise.all([
      launch(),
      NodeProcess.start(env),
      NodeProcess.start({ ...variablesIn(TOUR), ...env, PORT: '0', OPS_PORT: '0' }),
    ]);
  });

  afterAll(async () => {
    await browser.close();
    await Promise.all([a.stop(), b.stop()]);
  });

  test('1: each node logs that the other joined', async () => {
    await Promise.all([a.waitForOutput(/ joined: /), b.waitForOutput(/ joined: /)]);
  });

  test('2: two tabs on two nodes write to each other', async () => {
    [ann, bob] = (await Promise.all(
      links.map(async (link) => {
        const page = await browser.newPage();
        await page.goto(here(link));
        await page.getByRole('button', { name: 'Connect', exact: true }).click();
        await page.getByText('connected as user').waitFor();
        return page;
      }),
    )) as [Page, Page];
    await ann.getByRole('button', { name: 'Send' }).click();
    await bob.getByText('user ann: "haha"', { exact: true }).waitFor();
    await bob.getByRole('button', { name: 'Send' }).click();
    await ann.getByText('user bob: "haha"', { exact: true }).waitFor();
  });

  test('2: and are in a room together', async () => {
    expect(TOUR).toContain('Join the room `lobby` in both, see who is there, and publish to it.');
    for (const page of [ann, bob]) {
      await page.getByRole('button', { name: 'Join' }).click();
      await page.getByText('joined lobby').waitFor();
    }
    await ann.getByText('here: ann, bob').waitFor();
    await ann.getByRole('button', { name: 'Publish' }).click();
    await bob.getByText('lobby, user ann: "haha"').waitFor();
  });

  test('2 and 3: what is pasted into the console prints what the tour says', async () => {
    ann.on('console', (message) => printed.push(message.text()));
    const promised = [...TOUR.matchAll(/^ {3}`(.+?)`: /gm)].map(([, line = '']) => line);
    expect([promised.length, codeBlocks.length]).toEqual([2, 2]);
    for (const [index, code] of codeBlocks.entries()) {
      await ann.evaluate(here(code));
      await untilPrinted(promised[index] as string);
    }
  });

  test('4: a node that is stopped tells its clients, and the page tries again', async () => {
    b.signal('SIGINT');
    await bob.getByText(/1012, node is shutting down; again in/).waitFor();
    expect(TOUR).toContain('1012, "node is shutting down"');
    expect(await b.exited()).toBe(0);
  });
});

describe("the README's demonstration", () => {
  it('drops the share of datagrams that the README says, and comes to its end', () => {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.scripts.json']);
    const output = execFileSync(process.execPath, ['build/tools/scripts/demo-lan.js'], { encoding: 'utf8' });
    expect(TOUR).toContain(
      '`npm run demo:lan` starts three nodes behind a network that drops every fifth datagram',
    );
    expect(output).toContain('From now on 20% of all datagrams between the nodes are dropped.');
    expect(output).toMatch(/In all \d+ datagrams were carried and \d+ dropped\.\n$/);
  });
});

const impediment = lanImpediment();
if (impediment !== null) process.stderr.write(`Skipping the README's two machines: ${impediment}\n`);

(impediment === null ? describe : describe.skip)("the README's two machines", () => {
  let lan: Lan;

  beforeAll(() => {
    lan = new Lan(2);
  });

  afterAll(() => lan.destroy());

  it('meet, and send to each other', async () => {
    const env = {
      ...clusterEnvironment({ ENV_FILE: '.env' }),
      UDP_INTERFACE: '',
      ...variablesIn(section('On two machines')),
    };
    const nodes = await Promise.all(lan.hosts.map(async (host) => host.start(env)));
    await Promise.all(nodes.map(async (node) => node.waitForOutput(/ joined: /)));
    const [one, two] = await Promise.all([lan.host(0).connect('one'), lan.host(1).connect('two')]);
    one.send({ user_id: 'two', data: 'haha' });
    expect(await two.nextJson()).toMatchObject({ data: { from: 'one', data: 'haha' } });
  });
});

describe('an installation', () => {
  it('runs no script of a package that nobody has judged', () => {
    const read = (file: string) =>
      JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, object>>;
    const { packages = {} } = read('package-lock.json');
    const withScript = Object.keys(packages).filter((path) => 'hasInstallScript' in (packages[path] ?? {}));
    const names = withScript.map((path) =>
      path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    );
    expect(Object.keys(read('package.json')['allowScripts'] ?? {}).toSorted()).toEqual(names.toSorted());
  });
});
