import { readFileSync } from 'node:fs';
import type { NodeProcess } from '../test/support/node-process.js';

/** Preloaded into the measured process: collects all garbage when it is told to. */
const COLLECTOR =
  'data:text/javascript,' +
  encodeURIComponent(
    'let n = 0; process.on("SIGUSR2", () => { gc(); gc(); console.log("collected " + ++n) });',
  );

/** What a node must be started with for `CollectedMemory`. */
export const COLLECTING = { NODE_OPTIONS: `--expose-gc --import=${COLLECTOR}` };

/** The resident memory of a node without garbage. (V8 does not collect garbage when it is idle.) */
export class CollectedMemory {
  #collections = 0;

  constructor(private readonly node: NodeProcess) {}

  async residentBytes(): Promise<number> {
    this.node.signal('SIGUSR2');
    await this.node.waitForOutput(new RegExp(`^collected ${++this.#collections}$`, 'm'));
    const status = readFileSync(`/proc/${this.node.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }
}
