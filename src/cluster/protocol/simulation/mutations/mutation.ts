/**
 * The check of the checker: rules of the protocol, each broken in turn by an edit of the core's source. The
 * simulation must notice every one of them, or it proves nothing about that rule.
 *
 * An edit replaces one passage that occurs exactly once in its file; one that no longer applies is an error, so the
 * table can't rot. Nothing in the core knows of this.
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
  /** What is broken, and how one would come to write it so. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly wishes?: Wishes;
  /** This schedule notices it. Seeds hardly ever bring about what it takes. */
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
