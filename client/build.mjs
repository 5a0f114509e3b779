/**
 * Builds the package into dist/: ES modules with their types, the same as CommonJS, and browser.js: all of the core in
 * one small file, for pages without a bundler.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const inHere = (path) => fileURLToPath(new URL(path, import.meta.url));

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', inHere('tsconfig.build.json')], { stdio: 'inherit' });

// the package is "type": "module"; this says otherwise for one folder, its types included
cpSync(inHere('dist/esm'), inHere('dist/cjs'), {
  recursive: true,
  filter: (path) => !path.endsWith('.js'),
});
writeFileSync(inHere('dist/cjs/package.json'), '{ "type": "commonjs" }\n');

// file by file: what the entry points share is there once
await build({
  entryPoints: [inHere('dist/esm/*.js')],
  outdir: inHere('dist/cjs'),
  format: 'cjs',
  target: 'es2022',
});
const everything = "export * from './index.js'; export * from './users.js';";
await build({
  stdin: { contents: everything, resolveDir: inHere('dist/esm') },
  outfile: inHere('dist/browser.js'),
  format: 'esm',
  target: 'es2022',
  bundle: true,
  minify: true,
});
