import { Logger } from '@nestjs/common';
import { LogBudget } from '../telemetry/log-budget.js';

/** The kinds of bodies that modules send between nodes. */
export const BODY_KINDS = ['publication', 'question', 'answer'] as const;

export type BodyKind = (typeof BODY_KINDS)[number];

/**
 * JSON values of modules, as they travel between nodes. A node with the cluster's secret may still have a bug or
 * another version: a body that can't be read is counted, logged and skipped.
 */
export class Bodies {
  readonly #warnings = new LogBudget(new Logger('Cluster'));
  /** How many bodies were not JSON, since the start. */
  readonly rejected: Record<BodyKind, number> = { publication: 0, question: 0, answer: 0 };

  /** @throws {TypeError} when it is not a JSON value: undefined, a function, a BigInt, a circular object */
  encode(value: unknown, kind: BodyKind, name: string): Buffer {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError(`the ${kind} of "${name}" is not a JSON value`);
    return Buffer.from(json);
  }

  /** Returns undefined when the body is not JSON. `name` is the channel or topic, from this node's own code. */
  decode(body: Buffer, kind: BodyKind, name: string, nodeId: string): unknown {
    try {
      return JSON.parse(body.toString('utf8')) as unknown;
    } catch {
      this.rejected[kind]++;
      this.#warnings.warn(
        kind,
        `Node ${nodeId} sent something that is not JSON as ${kind} of "${name}"; it is passed over`,
      );
      return undefined;
    }
  }
}
