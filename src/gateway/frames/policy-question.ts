import { moduleFailed } from '../../telemetry/module-failures.js';
import type { ClientConnection } from '../client/client-connection.js';
import { inTime } from '../../waiting/within.js';

/** A policy that is slower than this counts as broken. */
const POLICY_TIMEOUT_MS = 10_000;

/** What a policy says. `failed`: it threw, took too long or gave no boolean; that is logged. */
export type Verdict = boolean | 'failed';

/** Asks a policy of the application. Never throws or rejects. @param name for the log */
export function ask(name: string, question: () => unknown): Verdict | Promise<Verdict> {
  try {
    const answer = question();
    return typeof answer === 'boolean' ? answer : settled(name, answer);
  } catch (error) {
    return failed(name, error);
  }
}

/**
 * Calls back with the answer, at once or when it has come. Until then reading from the client is paused.
 *
 * @param bytes of the frame that waits
 */
export function whenAnswered<T>(
  connection: ClientConnection,
  bytes: number,
  answer: T | Promise<T>,
  then: (answer: T) => void,
): void {
  if (answer instanceof Promise) void waitFor(connection, bytes, answer, then);
  else then(answer);
}

/** All answers: at once, if none of them is a promise. */
export function allOf<T>(answers: readonly (T | Promise<T>)[]): readonly T[] | Promise<readonly T[]> {
  return answers.some((answer) => answer instanceof Promise)
    ? Promise.all(answers)
    : (answers as readonly T[]);
}

async function waitFor<T>(
  connection: ClientConnection,
  bytes: number,
  answer: Promise<T>,
  then: (answer: T) => void,
): Promise<void> {
  connection.begin(bytes);
  connection.intake.pause('policy');
  then(await answer);
  connection.intake.resume('policy');
  connection.end(bytes);
}

async function settled(name: string, answer: unknown): Promise<Verdict> {
  try {
    const verdict = await inTime(POLICY_TIMEOUT_MS, Promise.resolve(answer));
    if (typeof verdict !== 'boolean') throw new TypeError('the answer is not a boolean');
    return verdict;
  } catch (error) {
    return failed(name, error);
  }
}

function failed(name: string, error: unknown): 'failed' {
  moduleFailed('policy', name, error);
  return 'failed';
}
