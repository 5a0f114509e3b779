import type { Bus } from './bus.js';
import { describeBus, type BusWorld } from './bus.contract.js';
import { MemoryNetwork, type MemoryBus } from './memory-bus.js';

class MemoryWorld implements BusWorld {
  readonly #network = new MemoryNetwork();

  async start(count: number): Promise<readonly Bus[]> {
    const nodes = Array.from({ length: count }, (_, index) => this.#network.node(`node ${index + 1}`));
    for (const node of nodes) await node.start();
    return nodes;
  }

  cut(node: Bus): void {
    this.#network.cut(node as MemoryBus);
  }

  async end(): Promise<void> {
    for (const node of this.#network.nodes) await node.stop();
  }
}

describeBus('MemoryBus', async () => new MemoryWorld());
