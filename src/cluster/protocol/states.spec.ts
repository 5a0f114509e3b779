/** Every state and every event of what is in a state, and where it leads. `-`: it must not happen, and throws. */
import { describe, expect, it } from '@jest/globals';
import { Directory } from './directory.js';
import { IncomingSession } from './incoming-session.js';
import { LIMITS, TIMING } from './options.js';
import { PeerTimers } from './peer-timers.js';
import { Replica } from './replica.js';

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

function check<Subject>(machine: Machine<Subject>, rows: string): void {
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

describe('IncomingSession', () => {
  check(
    {
      make: () =>
        new IncomingSession(
          TIMING,
          LIMITS.removalsMax,
          () => 0.5,
          new PeerTimers(),
          new Replica(new Directory()),
        ),
      stateOf: ({ state }) => state,
      events: [
        (session) => session.ask(1, 0),
        (session) => session.sendHello(0, 1),
        (session) => void session.admit(7, 0, 0),
        (session) => session.complete(),
      ],
      paths: { new: [], asking: [0], loading: [0, 2], complete: [0, 2, 3] },
    },
    //           ask     sendHello  admit    complete
    `new      |  asking  -          -        -
     asking   |  asking  asking     loading  -
     loading  |  asking  -          -        complete
     complete |  asking  -          -        -`,
  );
});
