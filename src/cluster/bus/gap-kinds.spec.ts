import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { GAP_KINDS } from './bus.js';

describe('docs/guarantees.md', () => {
  it('says what each kind of gap means', () => {
    const [, section = ''] = readFileSync('docs/guarantees.md', 'utf8').split(
      '\n## When a node is not sure\n',
    );
    const rows = section.split('\n## ')[0]?.matchAll(/^\| `([\w-]+)` \| .+ \|$/gm) ?? [];
    expect(Array.from(rows, ([, kind]) => kind)).toEqual(GAP_KINDS);
  });
});
