import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSafePattern } from 'redos-detector';
import ts from 'typescript';

/** The source files of a running node. */
const FILES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !/\/(simulation|testing)\//.test(file),
  )
  .map((file) => join('src', file));

/**
 * How many ways of matching one text a pattern may have. With a pattern that is not linear their number grows with
 * the text.
 */
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
  if (pattern === undefined) return false; // made while running: it can't be checked here
  return isSafePattern(pattern, {
    caseInsensitive: flags.includes('i'),
    dotAll: flags.includes('s'),
    maxScore: TRIES_MAX,
  }).safe;
}

describe('a regular expression of a node', () => {
  it('takes time in proportion to the length of any text', () => {
    const patterns = FILES.flatMap(patternsOf);
    expect(patterns.length).toBeGreaterThan(10);
    expect(patterns.filter((pattern) => !isLinear(pattern))).toEqual([]);
  });

  it('is recognised when it is quadratic', () => {
    expect(isLinear({ file: '', text: '/0+$/' })).toBe(false);
    expect(isLinear({ file: '', text: '/"(?:[^"\\\\]|\\\\.)*"/g' })).toBe(false);
    expect(isLinear({ file: '', text: 'new RegExp(text)' })).toBe(false);
    expect(isLinear({ file: '', text: '/^0+/' })).toBe(true);
  });
});
