/** Starts a node with one of the examples: `npm run example -- audit-log`. */
import { existsSync, readdirSync } from 'node:fs';

const [name = ''] = process.argv.slice(2);
const entry = new URL(`../build/examples/${name}/main.js`, import.meta.url);

if (/^[a-z-]+$/.test(name) && existsSync(entry)) {
  await import(entry.href);
} else {
  const names = readdirSync(new URL('../examples', import.meta.url));
  process.stderr.write(`usage: npm run example -- <${names.join(' | ')}>\n`);
  process.exitCode = 2;
}
