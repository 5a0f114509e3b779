/** Checks a class with named states against a table of where each event leads from each state. */
import { expect, it } from '@jest/globals';

interface Machine<Subject> {
  readonly make: () => Subject;
  readonly stateOf: (subject: Subject) => string;
  /** In the order of the table's columns. */
  readonly events: readonly ((subject: Subject) => void)[];
  /** Events that lead from the first state to each. */
  readonly paths: Readonly<Record<string, readonly number[]>>;
}

/** Rows: `state | where each event leads`. */
function cells(rows: string): [state: string, event: number, to: string][] {
  return rows
    .trim()
    .split('\n')
    .flatMap((row) => {
      const [state, ends] = row.split('|') as [string, string];
      return ends
        .trim()
        .split(/\s+/)
        .map((to, event): [string, number, string] => [state.trim(), event, to]);
    });
}

/** In the rows `-` means: it must not happen, and throws. */
export function checkStates<Subject>(machine: Machine<Subject>, rows: string): void {
  const table = cells(rows);
  const states = Object.keys(machine.paths);

  it('has a row for each state and a column for each event', () => {
    expect([...new Set(table.map(([state]) => state))]).toEqual(states);
    expect(table).toHaveLength(states.length * machine.events.length);
  });

  it.each(table)('%s, event %d: %s', (state, event, to) => {
    const subject = machine.make();
    for (const step of machine.paths[state] ?? []) machine.events[step]?.(subject);
    expect(machine.stateOf(subject)).toBe(state);
    const happen = (): void => machine.events[event]?.(subject);
    if (to === '-') expect(happen).toThrow('Broken invariant');
    else happen();
    expect(machine.stateOf(subject)).toBe(to === '-' ? state : to);
  });
}
