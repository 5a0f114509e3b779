import { Logger } from '@nestjs/common';
import { LogBudget } from '../telemetry/log-budget.js';

/** What modules say to each other between nodes. */
export const BODY_KINDS = ['publication', 'question', 'answer'] as const;

export type BodyKind = (typeof BODY_KINDS)[number];

/**
 * JSON values of modules, as they travel between nodes. Who holds the cluster's secret may still be wrong, or run
 * another version: what can't be read is counted, logged and passed over.
 */
export class Bodies {
  readonly #warnings = new LogBudget(new Logger('Cluster'));
  /** Bodies that were no JSON, since the start. */
  readonly rejected: Record<BodyKind, number> = { publication: 0, question: 0, answer: 0 };

  /** @throws {TypeError} when the value is none of JSON's: undefined, a function, a BigInt, circular */
  encode(value: unknown, kind: BodyKind, name: string): Buffer {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError(`the ${kind} of "${name}" is not a JSON value`);
    return Buffer.from(json);
  }

  /** Undefined: it is not JSON. `name` is the channel's or topic's, as this node's code knows it. */
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
