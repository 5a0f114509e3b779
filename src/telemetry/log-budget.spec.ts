import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LogBudget } from './log-budget.js';

describe('LogBudget', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('writes five lines in ten seconds for each topic, and says later how many were left out', () => {
    const lines: string[] = [];
    let now = 0;
    const budget = new LogBudget({ warn: (line: string) => lines.push(line) }, () => now);
    for (let i = 0; i < 8; i++) budget.warn('a', `line ${i}`);
    budget.warn('b', 'other');
    expect(lines).toEqual(['line 0', 'line 1', 'line 2', 'line 3', 'line 4', 'other']);
    now = 10_000;
    budget.warn('a', 'again');
    expect(lines.at(-1)).toBe('again (3 similar lines left out)');
  });

  it('does not fall silent when the wall clock is set back', () => {
    const lines: string[] = [];
    const elapsed = jest.spyOn(performance, 'now').mockReturnValue(0);
    const budget = new LogBudget({ warn: (line: string) => lines.push(line) });
    for (let i = 0; i < 6; i++) budget.warn('a', 'line');
    jest.spyOn(Date, 'now').mockReturnValue(0);
    elapsed.mockReturnValue(10_000);
    budget.warn('a', 'again');
    expect(lines.at(-1)).toMatch(/^again/);
  });
});
