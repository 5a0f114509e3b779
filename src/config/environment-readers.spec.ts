import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';

/** These fill the environment from the files and check it, once. */
const FILLERS = ['start-node.ts', 'node-life.ts', 'commands/environment.ts'];

const isTest = (file: string) => file.endsWith('.spec.ts') || /(^|\/)testing\//.test(file);

describe('the environment', () => {
  it('is read only by the configuration of features, and by what fills it', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' });
    const readers = files
      .filter((file) => file.endsWith('.ts') && !isTest(file))
      .filter((file) => /process\.env\b/.test(withoutComments(readFileSync(`src/${file}`, 'utf8'))));
    const others = readers.filter((file) => !file.endsWith('.config.ts') && !FILLERS.includes(file));
    expect(others).toEqual([]);
    expect(readers).toEqual(expect.arrayContaining(FILLERS));
  });
});

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/^\s*\/\/.*$/gm, '');
}
