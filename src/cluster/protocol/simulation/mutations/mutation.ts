/**
 * Tests the simulation itself. Each mutation breaks one rule of the protocol by an edit of the core's source. The
 * simulation must notice every mutation. If it does not, it proves nothing about that rule.
 *
 * An edit replaces one passage that occurs exactly once in its file. If it no longer applies, that is an error, so the
 * table stays up to date. The core knows nothing of mutations.
 */
import type { Wishes } from '../scenario.js';
import type { ScheduleName } from '../schedules.js';

export interface Edit {
  /** In src/cluster/protocol/. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** What is broken: the mistake that somebody could make in the code. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly wishes?: Wishes;
  /** The schedule that notices it, if seeds hardly ever do. */
  readonly schedule?: ScheduleName;
}

/** The source with the edit made. */
export function apply(edit: Edit, source: string): string {
  const at = source.indexOf(edit.search);
  if (at === -1) throw new Error(`${edit.file} does not contain: ${edit.search}`);
  if (source.includes(edit.search, at + 1))
    throw new Error(`${edit.file} contains more than once: ${edit.search}`);
  return source.slice(0, at) + edit.replace + source.slice(at + edit.search.length);
}
