/** Starts a node with one of the examples: `npm run example -- audit-log`. */
import { cpSync, existsSync, readdirSync } from 'node:fs';

const [name = ''] = process.argv.slice(2);
const inHere = (path) => new URL(`../${path}`, import.meta.url);
const entry = inHere(`build/examples/${name}/main.js`);

if (/^[a-z-]+$/.test(name) && existsSync(entry)) {
  // the compiler leaves out a page's files
  const page = inHere(`examples/${name}/page`);
  if (existsSync(page)) cpSync(page, inHere(`build/examples/${name}/page`), { recursive: true });
  await import(entry.href);
} else {
  const names = readdirSync(inHere('examples'));
  process.stderr.write(`usage: npm run example -- <${names.join(' | ')}>\n`);
  process.exitCode = 2;
}
