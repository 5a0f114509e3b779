/** The contract of the bus, as the protocol keeps it over a real broker. */
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import type { BrokerClient } from '../../broker/broker-client.js';
import { BrokerProcess } from '../../broker/testing/broker-process.js';
import { BROKERS } from '../../broker/testing/brokers.js';
import { BROKER_TIMING, BrokerCarrier } from '../carrier/broker-carrier.js';
import type { Bus } from './bus.js';
import { describeBus, type BusWorld } from './bus.contract.js';
import { ProtocolBus } from './protocol-bus.js';

/** A node that dies is found dead sooner. */
const TIMING = { ...BROKER_TIMING, silentAfterMs: 1_500, deadAfterMs: 3_000 };

/** A carrier that can be cut off. */
class Cable extends BrokerCarrier {
  #isCut = false;

  cut(): void {
    this.#isCut = true;
  }

  override send(endpoint: string, bytes: Buffer): void {
    if (!this.#isCut) super.send(endpoint, bytes);
  }

  override toAll(bytes: Buffer): void {
    if (!this.#isCut) super.toAll(bytes);
  }
}

/** Clusters of this world's own at a broker that all worlds share. */
class BrokerWorld implements BusWorld {
  readonly #nodes: { readonly bus: ProtocolBus; readonly cable: Cable }[] = [];
  readonly #config = {
    CLUSTER_NAME: `contract ${randomUUID()}`,
    CLUSTER_SECRET: [randomBytes(32).toString('hex')],
    version: 'test',
  };

  constructor(private readonly clientOf: () => BrokerClient) {}

  async start(count: number): Promise<readonly Bus[]> {
    const added = Array.from({ length: count }, (_, index) => this.#node(`node ${index + 1}`));
    this.#nodes.push(...added);
    await Promise.all(added.map(async ({ bus }) => bus.start()));
    return added.map(({ bus }) => bus);
  }

  cut(node: Bus): void {
    for (const { bus, cable } of this.#nodes) if (bus === node) cable.cut();
  }

  async end(): Promise<void> {
    await Promise.all(this.#nodes.map(async ({ bus }) => bus.stop()));
  }

  #node(name: string) {
    const bootId = randomBytes(12);
    const cable = new Cable(this.clientOf(), this.#config.CLUSTER_NAME, bootId, TIMING);
    return { cable, bus: new ProtocolBus(bootId, { ...this.#config, NODE_NAME: name }, cable) };
  }
}

/** Each broker has a spec of its own, so that they run side by side: the tests mostly wait for nodes to start. */
export function describeBrokerBus(name: keyof typeof BROKERS): void {
  const { program, client } = BROKERS[name];
  const missing = BrokerProcess.missing(program);
  describe(`over ${name}`, () => {
    if (missing.length > 0) {
      it.todo(`the contract of the bus: ${program} is not installed`);
      return;
    }
    let broker: BrokerProcess;

    beforeAll(async () => {
      broker = await BrokerProcess.start(program);
    });

    afterAll(async () => {
      await broker.end();
    });

    describeBus('ProtocolBus', async () => new BrokerWorld(() => client(broker.port)));
  });
}
