import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HELD_MAX } from '../src/cluster/protocol/streams/incoming-stream.js';
import { LIMITS } from '../src/cluster/protocol/options.js';
import { MESSAGES_MAX } from '../src/messaging/recent-messages.js';
import { API_ERRORS } from '../src/operations/api/api-error.js';
import { IDEMPOTENCY_BYTES_MAX, IDEMPOTENCY_ENTRIES_MAX } from '../src/operations/api/idempotency.js';
import { CLOSES, FRAME_ERRORS, UPGRADE_REFUSALS } from '../src/wire/codes.js';

const PAGES = ['.', 'docs', 'bench'].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file)),
);

/** The lines of code that are compared: without indentation, and without blank lines. */
const linesOf = (code: string): string[] =>
  code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Whether one example has all passages of a block, in order. `// …` stands between passages. */
function isQuoted(block: string, examples: readonly string[]): boolean {
  const passages = linesOf(block)
    .join('\n')
    .split(/^\/\/ …$/m)
    .map((passage) => passage.trim());
  return examples.some((example) => {
    let from = 0;
    return passages.every((passage) => {
      const at = `${example}\n`.indexOf(`${passage}\n`, from);
      from = at + passage.length;
      return at >= 0;
    });
  });
}

/** The text of a page without its code. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replaceAll(/```.*?```/gs, '')
    .replaceAll(/`[^`]*`/g, '');

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

function isThere(link: string, page: string): boolean {
  const [path = '', anchor = ''] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(target)) return false;
  return anchor === '' || (statSync(target).isFile() && anchorsOf(target).includes(anchor));
}

describe('the documentation', () => {
  it.each(PAGES)('%s has no link that leads nowhere', (page) => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !/^[a-z]+:/.test(link) && !isThere(link, page))).toEqual([]);
  });

  it.each(PAGES)('%s has no words that a browser takes for a tag', (page) => {
    expect(proseOf(page).match(/<(?!https?:|!--)[A-Za-z/!][^>\n]*/g)).toBeNull();
  });

  it.each(PAGES.filter((page) => page !== 'CHANGELOG.md'))('%s names only files that are there', (page) => {
    const named = readFileSync(page, 'utf8').matchAll(
      /`((?:src|test|docs|deploy|scripts|examples|bench)\/[\w./-]+)`/g,
    );
    const paths = Array.from(named, ([, path = '']) => path);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });

  it.each([
    ['README.md', 1],
    ['docs/extending.md', 16],
  ])('shows on %s code that is in an example, and so compiled and run', (name, count) => {
    const files = readdirSync('examples', { recursive: true, encoding: 'utf8' });
    const examples = files
      .filter((file) => file.endsWith('.ts'))
      .map((file) => linesOf(readFileSync(join('examples', file), 'utf8')).join('\n'));
    const page = readFileSync(name, 'utf8');
    const blocks = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = '']) => code);
    expect(blocks.length).toBeGreaterThanOrEqual(count);
    expect(blocks.filter((block) => !isQuoted(block, examples))).toEqual([]);
  });

  it.each(PAGES)('%s names only scripts that a package.json has', (page) => {
    const [scripts, benchScripts] = ['package.json', 'bench/package.json'].map(
      (file) => (JSON.parse(readFileSync(file, 'utf8')) as { scripts: object }).scripts,
    );
    const known = { ...scripts, ...benchScripts };
    const named = readFileSync(page, 'utf8').matchAll(/npm run (?:--?\w+ )*([\w:-]+)/g);
    expect(Array.from(named, ([, name = '']) => name).filter((name) => !(name in known))).toEqual([]);
  });

  it('has every folder of src/ in ARCHITECTURE.md', () => {
    const architecture = readFileSync('ARCHITECTURE.md', 'utf8');
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.filter(({ name }) => !architecture.includes(`\`src/${name}/\``))).toEqual([]);
  });

  it('has the limits of memory as they are', () => {
    const [, section = ''] = readFileSync('docs/performance.md', 'utf8').split(
      '## The most memory a node may take',
    );
    const count = (number: number) => number.toLocaleString('en-US');
    const mebibytes = (bytes: number) => `${bytes / 1_048_576} MiB`;
    const figures = [
      count(IDEMPOTENCY_ENTRIES_MAX),
      mebibytes(IDEMPOTENCY_BYTES_MAX),
      count(2 * MESSAGES_MAX),
      count(LIMITS.unicastQueueRecords),
      `${mebibytes(LIMITS.unicastQueueBytes)} a node, ${mebibytes(LIMITS.unicastQueuesBytes)} for all`,
      count(LIMITS.broadcastRingRecords),
      mebibytes(LIMITS.broadcastRingBytes),
      count(LIMITS.receiptsMax),
      `${count(LIMITS.questionsMax)} questions | ${mebibytes(LIMITS.answerBytes)}`,
      `${HELD_MAX} records`,
      `${count(LIMITS.removalsMax)} x 40 bytes`,
      `${LIMITS.peersMax}, ${LIMITS.heardMax} and ${count(LIMITS.tombstonesMax)}`,
    ];
    expect(figures.filter((figure) => !section.includes(figure))).toEqual([]);
  });

  it.each([
    ['of frames', FRAME_ERRORS],
    ['of upgrades', UPGRADE_REFUSALS],
    ['of the HTTP API', API_ERRORS],
    ['of closed connections', CLOSES],
  ])('errors %s can stand in a page as they are', (_, table) => {
    expect(JSON.stringify(table)).not.toMatch(/[<>|`]/);
  });
});
