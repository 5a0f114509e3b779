import { assert } from './errors.js';

/** Which state each event leads to, from each state. What is not in the table must not happen. */
export type Transitions<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;

export function next<State extends string, Event extends string>(
  transitions: Transitions<State, Event>,
  state: State,
  event: Event,
): State {
  const to = transitions[state][event];
  assert(to !== undefined, `nothing leads on from "${state}" by "${event}"`);
  return to;
}
