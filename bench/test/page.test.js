import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADING, withResults } from '../lib/page.js';

const page = `# A page\n\ntext\n\n${HEADING}\n### a: first\n\nold day\n\n| 1 |\n\n### c: third\n\nold day\n\n| 3 |\n`;

test('results replace those of the same scenario, and others are kept', () => {
  const measured = new Map([
    ['a', { title: 'the first', text: '| 10 |\n' }],
    ['b', { title: 'second', text: '| 2 |\n\n- a note\n' }],
  ]);
  const written = `# A page\n\ntext\n\n${HEADING}\n### a: the first\n\ntoday\n\n| 10 |\n\n### b: second\n\ntoday\n\n| 2 |\n\n- a note\n\n### c: third\n\nold day\n\n| 3 |\n`;
  assert.equal(withResults(page, 'today', measured, ['a', 'b', 'c']), written);
  assert.equal(withResults(written, 'today', measured, ['a', 'b', 'c']), written);
});

test('a page without such a section is an error', () => {
  assert.throws(() => withResults('# A page\n', 'today', new Map(), []), /no section/);
});
