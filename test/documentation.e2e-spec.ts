import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { API_ERRORS } from '../src/operations/api/api-error.js';
import { CLOSES, FRAME_ERRORS, UPGRADE_REFUSALS } from '../src/wire/codes.js';

const PAGES = ['.', 'docs', 'bench'].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file)),
);

/** What of a page is not code. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replaceAll(/```.*?```/gs, '')
    .replaceAll(/`[^`]*`/g, '');

/** As GitHub makes them. */
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

  it('has every folder of src/ in ARCHITECTURE.md', () => {
    const architecture = readFileSync('ARCHITECTURE.md', 'utf8');
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.filter(({ name }) => !architecture.includes(`\`src/${name}/\``))).toEqual([]);
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
