import { randomInt } from 'node:crypto';
import { BrokerProcess } from '../../src/broker/testing/broker-process.js';
import { BROKERS } from '../../src/broker/testing/brokers.js';
import type { Environment } from '../../src/config/variables.js';

/** jest.config.js runs the tests of clusters once over each carrier, and says here which one this is. */
const { clusterCarrier: name = 'UDP' } = globalThis as { clusterCarrier?: 'UDP' | keyof typeof BROKERS };

/** A test file has a broker of its own, which it may kill. */
const broker = name === 'UDP' ? null : await BrokerProcess.start(BROKERS[name].program);

/** What carries the datagrams between the nodes of this run's clusters. */
export const carrier = {
  name,
  /** The value of CLUSTER_BUS. */
  bus: name === 'UDP' ? 'udp' : BROKERS[name].bus,
  end: async (): Promise<void> => broker?.end(),
} as const;

/** The variables that a cluster's nodes share because of what carries their datagrams. */
export function carrierEnvironment(bus: unknown = carrier.bus): Environment {
  if (name === 'UDP' || broker === null || bus !== carrier.bus) {
    // below the kernel's ephemeral range, so that no client socket holds it
    return { UDP_PORT: String(randomInt(10_000, 32_000)) };
  }
  const { urlOf, urlVariable } = BROKERS[name];
  return { CLUSTER_BUS: carrier.bus, [urlVariable]: urlOf(broker.port) };
}
