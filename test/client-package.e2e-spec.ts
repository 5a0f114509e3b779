import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

type Json = Record<string, unknown>;

const INSTALL_MS = 120_000;
/** The largest size of the client in a page, in bytes. */
const GZIP_BYTES_MAX = 5000;

const local = (path: string) => resolve('node_modules', path);
const versionOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as Json)['version'];

/** The client as it is published, in a project that has nothing else. */
describe('lanfare-client, installed in an empty project,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanfare-client-'));
  const run = (file: string, ...args: string[]): string =>
    execFileSync(file, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  let packed: { files: { path: string }[]; filename: string };

  beforeAll(() => {
    const pack = ['pack', './client', '--json', '--ignore-scripts', '--pack-destination', folder];
    [packed] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })) as [typeof packed];
    write('package.json', '{}');
    run('npm', 'install', '--no-audit', '--no-fund', '--offline', `./${packed.filename}`);
  }, INSTALL_MS);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has the version of the server, no dependencies, and no tests', () => {
    const manifest = JSON.parse(readFileSync('client/package.json', 'utf8')) as Json;
    expect(manifest['version']).toBe(versionOf('package.json'));
    expect(manifest['dependencies']).toBeUndefined();
    const unwanted = packed.files.filter(({ path }) => /^src|spec|testing/.test(path));
    expect(unwanted).toEqual([]);
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/browser.js']));
  });

  it('is imported, and required', () => {
    write('esm.mjs', "import { connect } from 'lanfare-client'; console.log(typeof connect);");
    write('cjs.cjs', "const { connect } = require('lanfare-client'); console.log(typeof connect);");
    write('page.mjs', "import { connect } from 'lanfare-client/browser.js'; console.log(typeof connect);");
    const users = "from 'lanfare-client/users'; console.log(typeof watchUsers);";
    write('users.mjs', `import { watchUsers } ${users}`);
    write('users.cjs', "console.log(typeof require('lanfare-client/users').watchUsers);");
    for (const file of ['esm.mjs', 'cjs.cjs', 'page.mjs', 'users.mjs', 'users.cjs'])
      expect(run(process.execPath, file)).toBe('function\n');
  });

  it('is bundled for a page, where it weighs less than 5 kB and needs no eval', () => {
    write('page.js', "import { connect } from 'lanfare-client'; connect({ url: 'ws://a' });");
    const options = ['--bundle', '--minify', '--format=iife', '--outfile=bundle.js', '--log-level=warning'];
    run(process.execPath, local('esbuild/bin/esbuild'), 'page.js', ...options);
    const bundle = readFileSync(join(folder, 'bundle.js'));
    expect(gzipSync(bundle, { level: 9 }).length).toBeLessThanOrEqual(GZIP_BYTES_MAX);
    expect(bundle.toString()).not.toMatch(/\beval\b|new Function/);
    // a page that uses none of it carries none of it
    write('nothing.js', "import { connect } from 'lanfare-client';");
    run(process.execPath, local('esbuild/bin/esbuild'), 'nothing.js', ...options);
    expect(readFileSync(join(folder, 'bundle.js'), 'utf8').length).toBeLessThan(100);
  });

  const typed = `
    import { connect, LanfareError, nativeSignals, type State } from 'lanfare-client';
    import { watchUsers } from 'lanfare-client/users';
    interface Rooms { 'chat:*': { text: string }; news: { title: string } }
    const AppState = { addEventListener: (_: 'change', __: (state: string) => void) => ({ remove() {} }) };
    const lan = connect<Rooms, string>({ url: 'ws://a', signals: nativeSignals({ AppState }) });
    lan.on('message', ({ data }) => data.length);
    lan.on('state', ({ name, reason }: State) => name + reason);
    const chat = lan.room('chat:42', { presence: 'both' });
    chat.on('message', ({ data }) => data.text.length);
    void chat.publish({ text: 'x' });
    void lan.room('news').publish({ title: 'x' });
    lan.room('other').on('message', ({ data }) => { const any: unknown = data; return any; });
    // @ts-expect-error -- another type of room
    void chat.publish({ title: 'x' });
    // @ts-expect-error -- users send strings
    void lan.send('bob', 1);
    watchUsers(lan, ['bob', 3], ({ online }) => online.length)();
    new LanfareError('forbidden', '').code.length;
  `;

  it.each([
    ['node16', 'node16', 'esm.mts'],
    ['node16', 'node16', 'cjs.cts'],
    ['es2022', 'bundler', 'bundled.ts'],
  ])('has types for module %s, moduleResolution %s: %s', (module, moduleResolution, file) => {
    write(file, typed);
    const options = { strict: true, noEmit: true, target: 'es2022', types: [], module, moduleResolution };
    write('tsconfig.json', JSON.stringify({ compilerOptions: options, files: [file] }));
    expect(run(process.execPath, local('typescript/bin/tsc'), '-p', '.')).toBe('');
  });
});
