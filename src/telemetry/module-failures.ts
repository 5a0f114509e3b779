import { Logger } from '@nestjs/common';
import { describeError } from './excerpt.js';
import { LogBudget } from './log-budget.js';

/** The kinds of places where code of modules is called. */
export const MODULE_FAILURES = [
  'handler',
  'hook',
  'connection',
  'outcome',
  'policy',
  'authenticator',
  'responder',
  'subscriber',
  'rejection',
  'metrics',
] as const;

type ModuleFailureKind = (typeof MODULE_FAILURES)[number];

/**
 * Counts failures of modules' code that the node survived, since the start. Each ended only the call in which it
 * happened: a request, a connection, an answer. The counts are global, because a rejection or a stream belongs to no
 * application.
 */
export const moduleFailures = Object.fromEntries(MODULE_FAILURES.map((kind) => [kind, 0])) as Record<
  ModuleFailureKind,
  number
>;

const warnings = new LogBudget(new Logger('Modules'));

/** Counts a failure, and logs it within a budget of its own. `what` names the code and never quotes input. */
export function moduleFailed(kind: ModuleFailureKind, what: string, error: unknown): void {
  moduleFailures[kind]++;
  warnings.warn(what, `${what} failed: ${describeError(error)}`);
}
