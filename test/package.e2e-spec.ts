import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestClient } from '../src/testing/test-client.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';

/** Packing, installing from the registry and compiling take their time. */
const INSTALL_MS = 240_000;
/** The largest size of the package. It grows with the documentation; a jump means a file that should not be there. */
const PACKED_BYTES_MAX = 650_000;

const local = (path: string) => resolve('node_modules', path);
const versionOf = (name: string) =>
  String((JSON.parse(readFileSync(local(`${name}/package.json`), 'utf8')) as Json)['version']);

type Json = Record<string, unknown>;

/** Imports the package, and prints where code of its own has read the environment or a file meanwhile. */
const WATCHED_IMPORT = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const reads = [];
  const note = () => {
    const [, , reader = ''] = new Error().stack.split('\\n').slice(1);
    if (reader.includes('/lanfare/dist/')) reads.push(reader.trim());
  };
  const hidden = (original) => function (...args) { note(); return original.apply(this, args); };
  for (const name of ['readFileSync', 'existsSync', 'statSync', 'openSync', 'readdirSync', 'readFile', 'open'])
    fs[name] = hidden(fs[name]);
  syncBuiltinESMExports();
  process.env = new Proxy(process.env, { get: (env, name) => { note(); return env[name]; } });
  await import('lanfare');
  await import('lanfare/testing');
  console.log(JSON.stringify(reads));
`;

/** The package as it is published, in an application that knows nothing of this repository. */
describe('the package, installed in an application of somebody else,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanfare-package-'));
  const run = (file: string, ...args: string[]): string =>
    execFileSync(file, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const node = (code: string, env: NodeJS.ProcessEnv = {}): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...env },
    });
  let packed: { files: { path: string }[]; filename: string; size: number };

  beforeAll(() => {
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    [packed] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })) as [typeof packed];
    cpSync('test/support/foreign-application', folder, { recursive: true });
    run(
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      `./${packed.filename}`,
      `@nestjs/testing@${versionOf('@nestjs/testing')}`,
      `@types/node@${versionOf('@types/node')}`,
    );
    run(process.execPath, local('typescript/bin/tsc'), '-p', '.');
  }, INSTALL_MS);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has what its users need, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const top = new Set(paths.map((path) => path.split('/', 1)[0] ?? ''));
    expect([...top].toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'deploy',
      'dist',
      'docs',
      'package.json',
    ]);
    const sources = readdirSync('src')
      .filter((name) => !name.endsWith('.spec.ts'))
      .map((name) => name.replace(/[.]ts$/, ''));
    const built = new Set(
      paths.flatMap((path) => /^dist[/](.+?)(?:[/].*|[.]d[.]ts|[.]js)$/.exec(path)?.[1] ?? []),
    );
    expect([...built].toSorted()).toEqual(sources.toSorted());
    const unwanted = /[.](spec|contract)[.]|simulation|[.]map$|tsbuildinfo|document-configuration/;
    expect(paths.filter((path) => unwanted.test(path) || /^dist[/].+[/].+[/]testing[/]/.test(path))).toEqual(
      [],
    );
    expect(packed.size).toBeLessThan(PACKED_BYTES_MAX);
  });

  it('brings no second copy of what it shares with the application', () => {
    for (const shared of ['@nestjs/common', '@nestjs/core', '@nestjs/config', '@nestjs/websockets', 'rxjs']) {
      const copies = new Set(run('npm', 'ls', shared, '--all', '--parseable').trim().split('\n'));
      expect([...copies]).toEqual([join(realpathSync(folder), 'node_modules', shared)]);
    }
  });

  it('sends from a controller and answers from a gateway that the application has', async () => {
    const operationsPort = await freePort();
    const env = { SHOP_NAME: 'Corner shop', CLUSTER_BUS: 'none', OPS_PORT: operationsPort };
    const shop = NodeProcess.launch(env, [], {
      cwd: folder,
      entry: 'dist/main.js',
    });
    await shop.waitForOutput(/Serving on/);
    const client = await TestClient.ready(shop.url('user_id=7'));
    const response = await fetch(`http://127.0.0.1:${shop.port}/orders/7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"id":1}',
    });
    expect(await response.json()).toEqual({ delivered: 1 });
    const data = { shop: 'Corner shop', order: { id: 1 } };
    expect(await client.nextJson()).toEqual({ event: 'message', data: { from: null, data } });
    expect(await client.ask({ event: 'who am i' })).toMatchObject({ event: 'who am i', data: '7' });
    const scrape = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
    expect(await scrape.text()).toMatch(/^shop_orders_shipped_total 1$/m);
    // by its authenticator, policy and guard
    expect((await TestClient.refusal(shop.url('user_id=seven'))).status).toBe(401);
    expect(await client.ask({ user_id: '8', data: 1 })).toMatchObject({ data: { code: 'forbidden' } });
    expect(await client.ask({ user_id: '1', data: 1 })).toMatchObject({ data: { delivered: 0 } });
    expect(await client.ask({ event: 'close the shop' })).toMatchObject({ data: { code: 'forbidden' } });
    expect(await client.ask({ event: 'is the shop open' })).toMatchObject({ data: false });
    const keeper = await TestClient.ready(shop.url('user_id=1'));
    expect(await client.ask({ event: 'is the shop open' })).toMatchObject({ data: true });
    keeper.send({ event: 'close the shop' });
    expect(await keeper.closed).toEqual({ code: 4600, reason: 'closed' });
    await shop.stop();
    expect(await shop.exited()).toBe(0);
  });

  it('serves a CommonJS application, which requires it', async () => {
    expect(readFileSync(join(folder, 'dist/commonjs.cjs'), 'utf8')).toContain('require("lanfare")');
    const env = { CLUSTER_BUS: 'none', OPS_PORT: '0' };
    const required = NodeProcess.launch(env, [], { cwd: folder, entry: 'dist/commonjs.cjs' });
    await required.waitForOutput(/It was required, and nothing is wrong/);
    expect(required.output).not.toContain('Warning');
    await required.stop();
    expect(await required.exited()).toBe(0);
  });

  it("names every bad variable, the application's own too, and exits with 1", async () => {
    const shop = NodeProcess.launch({ SHOP_NAME: 'x', WS_PATH: 'chat' }, [], {
      cwd: folder,
      entry: 'dist/main.js',
    });
    expect(await shop.exited()).toBe(1);
    expect(shop.output).toMatch(/^WS_PATH: /m);
    expect(shop.output).toMatch(/^SHOP_NAME: must have at least 3 letters/m);
  });

  it('reads no environment and no file when it is imported, or required', () => {
    const bad = { ENV_FILE: '/no/such/file', PORT: 'x', LOG_FORMAT: 'x' };
    expect(
      node("await import('lanfare'); await import('./dist/app.module.js'); console.log('fine')", bad),
    ).toBe('fine\n');
    expect(node(WATCHED_IMPORT)).toBe('[]\n');
    const required =
      "import { createRequire } from 'node:module';" +
      "console.log(typeof createRequire(process.cwd() + '/')('lanfare').startNode)";
    expect(node(required, bad)).toBe('function\n');
  });

  it('has a command for a node, and for the tools', async () => {
    const alone = NodeProcess.launch({ CLUSTER_BUS: 'none', OPS_PORT: '0' }, [], {
      cwd: folder,
      entry: 'node_modules/.bin/lanfare',
    });
    await alone.waitForOutput(/Serving on/);
    await alone.stop();
    expect(await alone.exited()).toBe(0);
    const env = { PATH: process.env['PATH'], CLUSTER_BUS: 'none', AUTH_MODE: 'insecure' };
    const lanfare = (...args: string[]) =>
      execFileSync(join(folder, 'node_modules/.bin/lanfare'), args, { cwd: folder, encoding: 'utf8', env });
    expect(lanfare('config:check')).toContain('The configuration is valid.');
    expect(lanfare('--help')).toContain('usage: lanfare');
    expect(() => lanfare('config:chekc')).toThrow(/usage: lanfare/);
  });

  it("has a node and a client for the application's own tests", () => {
    const jest = [local('jest/bin/jest.js'), '--rootDir', folder, '--testMatch', '**/dist/*.spec.js'];
    const output = execFileSync(process.execPath, ['--experimental-vm-modules', ...jest], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(output).toBe('');
  }, 60_000);
});
