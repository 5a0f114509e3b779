import { describe, expect, it } from '@jest/globals';
import { describeError, excerpt, printable } from './excerpt.js';

/** Characters that a reader of the log would not see as part of a name. */
const UNPRINTABLE = [
  '\0',
  '\n',
  '\r',
  '\t',
  '\u001b',
  '\u007f',
  '\u0085',
  '\u009b',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2066',
];

describe('foreign text in the log', () => {
  it.each(UNPRINTABLE)('is one line, without control characters (%j)', (character) => {
    for (const shown of [excerpt(`a${character}b`), printable(`a${character}b`)]) {
      expect(shown).not.toContain(character);
      expect(shown).toMatch(/a\\\S+b/);
    }
  });

  it('is shown as it is otherwise', () => {
    expect(printable('node-7 “Zürich” 東京 👋')).toBe('node-7 “Zürich” 東京 👋');
    expect(excerpt('it said "no"')).toBe('"it said \\"no\\""');
  });

  it('is shortened', () => {
    expect(excerpt('x'.repeat(1000))).toBe(`"${'x'.repeat(120)}" and 880 more`);
  });
});

describe('an error in the log', () => {
  it('says what, and where', () => {
    const [what, ...where] = describeError(new TypeError('no order')).split('\n');
    expect(what).toBe('TypeError: "no order"');
    expect(where[0]).toContain('excerpt.spec');
  });

  it('has no line but those of the stack, whatever its message is', () => {
    const lines = describeError(new Error('bad\n    at forged (line:1:1)\n[node] LOG forged')).split('\n');
    expect(lines[0]).toMatch(/^Error: "bad/);
    expect(lines.slice(1).filter((line) => line.includes('forged'))).toEqual([]);
  });

  it('may be anything', () => {
    expect(describeError('a text\n')).toBe('"a text\\n"');
    expect(describeError(Object.create(null))).toBe('something that cannot be shown');
  });
});
