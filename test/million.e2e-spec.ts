import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { thisMachine, type Plan } from '../scripts/million/plan.js';
import { runMillion, type Outcome } from '../scripts/million/run.js';

const PLAN: Plan = {
  nodes: 4,
  connections: 2_000,
  heartbeats: true,
  idleMs: 0,
  messagesPerSecond: 400,
  messageSeconds: 1,
  replaced: 1,
  jitterMs: 500,
  filling: 2,
  waiting: 16,
  youngMb: 8,
  warmUpMs: 0,
  minutes: 3,
};
const RUN_MS = 180_000;

const { hasCompiler } = thisMachine();
if (!hasCompiler) process.stderr.write('skipped: there is no C compiler (cc) for the clients\n');

(hasCompiler ? describe : describe.skip)('the benchmark `million`, with four nodes of 2,000 clients', () => {
  let outcome: Outcome;
  const lines: string[] = [];

  beforeAll(async () => {
    outcome = await runMillion(PLAN, (line) => lines.push(line));
  }, RUN_MS);

  afterAll(() => {
    if (outcome === undefined) process.stderr.write(`${lines.join('\n')}\n`);
  });

  it('loses no message, and no copy of a message to a room', () => {
    expect(outcome.faults).toEqual([]);
  });

  it('brings all clients back, of a node that was killed and of one that was replaced', () => {
    expect(outcome.connections).toBe(PLAN.nodes * PLAN.connections);
  });

  it('has a row for each thing that it measures', () => {
    const rows = outcome.rows.map(([what]) => what);
    for (const what of [
      'filled',
      'memory of the nodes',
      'idle',
      'messages',
      'a room',
      'killed',
      'replaced',
    ]) {
      expect(rows).toContainEqual(expect.stringContaining(what));
    }
  });
});
