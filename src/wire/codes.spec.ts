import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  CLOSES,
  FRAME_ERRORS,
  isApplicationClose,
  REFUSAL_CLOSES,
  refusalClose,
  UPGRADE_REFUSALS,
  type UpgradeRefusalCode,
} from './codes.js';

const document = readFileSync('docs/client-protocol.md', 'utf8');

/** The rows of the table under a heading. */
function table(heading: string): string[][] {
  const section = document.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

const yesNo = (isSo: boolean) => (isSo ? 'yes' : 'no');

describe('docs/client-protocol.md', () => {
  it('has every error of the code table, and no other', () => {
    expect(table('Errors')).toEqual(
      Object.entries(FRAME_ERRORS).map(([code, { retryable, message }]) => [code, yesNo(retryable), message]),
    );
  });

  it('has every refusal of the code table in its order, and no other', () => {
    expect(table('Refused upgrades')).toEqual(
      Object.entries(UPGRADE_REFUSALS).map(([code, { status, retryable, message }]) => [
        String(status),
        code,
        yesNo(retryable),
        message,
      ]),
    );
  });

  it('has every close code of the table, and no other', () => {
    expect(table('Close codes')).toEqual(
      [...Object.values(CLOSES), ...Object.values(REFUSAL_CLOSES)]
        .toSorted((a, b) => a.code - b.code)
        .map(({ code, reason }) => [String(code), reason]),
    );
  });
});

const refusals = Object.keys(UPGRADE_REFUSALS) as UpgradeRefusalCode[];
const codes = [...Object.values(CLOSES), ...Object.values(REFUSAL_CLOSES)].map(({ code }) => code);

describe('a close code', () => {
  it.each([
    ...Object.entries(CLOSES),
    ...refusals.map((refusal) => [refusal, refusalClose(refusal)] as const),
  ])('%s is valid, unique, and its reason fits a close frame', (_, { code, reason }) => {
    expect(codes.filter((other) => other === code)).toHaveLength(1);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect((code >= 1002 && code <= 1012) || (code >= 4000 && code <= 4999)).toBe(true);
  });
});

describe("an application's own close code", () => {
  it.each([4100, 4499, 4600, 4999, CLOSES.kicked.code])('may be %i', (code) => {
    expect(isApplicationClose(code)).toBe(true);
  });

  it.each([1000, 1005, 3000, 4099, 4500, 4599, 5000, 4100.5, '4100', NaN, undefined])('is not %p', (code) => {
    expect(isApplicationClose(code)).toBe(false);
  });

  it("is none of the core's, but for the one that says so", () => {
    expect(codes.filter(isApplicationClose)).toEqual([CLOSES.kicked.code]);
  });
});

describe('a refusal as a close', () => {
  it.each(refusals)('%s has its code as reason, and says whether to come back', (refusal) => {
    const { code, reason } = refusalClose(refusal);
    expect(reason).toBe(refusal);
    expect(code < 4500).toBe(UPGRADE_REFUSALS[refusal].retryable);
  });
});
