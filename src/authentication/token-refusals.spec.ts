import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { TOKEN_REFUSALS, TokenRefusals } from './token-refusals.js';

describe('a refused token', () => {
  it('is logged at level debug, by a few lines for each reason', () => {
    const lines: string[] = [];
    const refusals = new TokenRefusals({ debug: (line: string) => lines.push(line) });
    for (let i = 0; i < 1000; i++) refusals.count('expired');
    refusals.count('wrong_issuer');
    expect([refusals.counts.expired, refusals.counts.wrong_issuer]).toEqual([1000, 1]);
    expect(lines).toHaveLength(6);
    expect(lines[0]).toContain('expired');
    expect(lines[5]).toContain('wrong_issuer');
  });
});

describe('docs/operations.md', () => {
  it('has every reason, and no other', () => {
    const section = readFileSync('docs/operations.md', 'utf8').split('\n### Refused tokens\n')[1] ?? '';
    const rows = [...(section.split('\n### ')[0] ?? '').matchAll(/^\| `(\w+)` \| (.*?) \|/gm)];
    expect(rows.map(([, reason, meaning]) => [reason, meaning])).toEqual(Object.entries(TOKEN_REFUSALS));
  });
});
