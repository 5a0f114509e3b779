import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { API_ERRORS } from './api-error.js';

describe('docs/http-api.md', () => {
  it('has every error as it is', () => {
    const rows = readFileSync('docs/http-api.md', 'utf8').match(/^\| \d{3} \| .*$/gm);
    expect(rows).toEqual(
      Object.entries(API_ERRORS).map(
        ([code, { status, retryable, message }]) => `| ${status} | \`${code}\` | ${retryable} | ${message} |`,
      ),
    );
  });
});
