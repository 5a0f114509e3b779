import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSafePattern } from 'redos-detector';
import ts from 'typescript';

/** What is part of a running node. */
const FILES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !/\/(simulation|testing)\//.test(file),
  )
  .map((file) => join('src', file));

/** Ways in which one text may be tried. It grows with the text where a pattern is more than linear. */
const TRIES_MAX = 100;

interface Pattern {
  readonly file: string;
  readonly text: string;
}

function patternsOf(file: string): Pattern[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const found: Pattern[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push({ file, text: node.text });
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'RegExp') {
      found.push({ file, text: node.getText(source) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isLinear({ text }: Pattern): boolean {
  const [, pattern, flags = ''] = /^\/(.*)\/(\w*)$/s.exec(text) ?? [];
  if (pattern === undefined) return false; // made while running: nobody can tell
  return isSafePattern(pattern, {
    caseInsensitive: flags.includes('i'),
    dotAll: flags.includes('s'),
    maxScore: TRIES_MAX,
  }).safe;
}

describe('a regular expression of a node', () => {
  it('takes time in proportion to the text, whatever the text', () => {
    const patterns = FILES.flatMap(patternsOf);
    expect(patterns.length).toBeGreaterThan(10);
    expect(patterns.filter((pattern) => !isLinear(pattern))).toEqual([]);
  });

  it('is known to be quadratic when it is', () => {
    expect(isLinear({ file: '', text: '/0+$/' })).toBe(false);
    expect(isLinear({ file: '', text: '/"(?:[^"\\\\]|\\\\.)*"/g' })).toBe(false);
    expect(isLinear({ file: '', text: 'new RegExp(text)' })).toBe(false);
    expect(isLinear({ file: '', text: '/^0+/' })).toBe(true);
  });
});
