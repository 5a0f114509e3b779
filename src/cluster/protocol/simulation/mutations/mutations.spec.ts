import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { apply } from './mutation.js';
import { MUTATIONS } from './mutations.js';

describe('mutations of the protocol', () => {
  it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    '%s still applies',
    (_name, mutation) => {
      for (const edit of mutation.edits) {
        const source = readFileSync(new URL(`../../${edit.file}`, import.meta.url), 'utf8');
        expect(apply(edit, source)).not.toBe(source);
      }
    },
  );
});
