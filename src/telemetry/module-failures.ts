import { Logger } from '@nestjs/common';
import { describeError } from './excerpt.js';
import { LogBudget } from './log-budget.js';

/** Where code of modules is called. */
export const MODULE_FAILURES = [
  'handler',
  'hook',
  'socket',
  'outcome',
  'policy',
  'authenticator',
  'responder',
  'subscriber',
  'rejection',
] as const;

type ModuleFailureKind = (typeof MODULE_FAILURES)[number];

/**
 * What went wrong in modules' code and was survived, since the start: it cost what it was called for (a request, a
 * connection, an answer), and nobody else anything. The process's own: rejections and streams know no application.
 */
export const moduleFailures = Object.fromEntries(MODULE_FAILURES.map((kind) => [kind, 0])) as Record<
  ModuleFailureKind,
  number
>;

const warnings = new LogBudget(new Logger('Modules'));

/** Counts it, and logs it within a budget of its own. `what` names the code in ours or the module's words, not input. */
export function moduleFailed(kind: ModuleFailureKind, what: string, error: unknown): void {
  moduleFailures[kind]++;
  warnings.warn(what, `${what} failed: ${describeError(error)}`);
}
