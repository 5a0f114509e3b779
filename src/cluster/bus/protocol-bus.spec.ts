import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomBytes, randomInt } from 'node:crypto';
import { udpBroadcastVariables } from '../../udp-broadcast/udp-broadcast.config.js';
import { UdpBroadcast } from '../../udp-broadcast/udp-broadcast.js';
import { UdpCarrier } from '../carrier/udp-carrier.js';
import type { Bus } from './bus.js';
import { describeBus, type BusWorld } from './bus.contract.js';
import { ProtocolBus } from './protocol-bus.js';

Logger.overrideLogger(false);

/** A carrier that can be cut off. */
class Cable extends UdpCarrier {
  isCut = false;

  override send(endpoint: string, bytes: Buffer): void {
    if (!this.isCut) super.send(endpoint, bytes);
  }

  override toAll(bytes: Buffer): void {
    if (!this.isCut) super.toAll(bytes);
  }
}

interface Host {
  readonly udp: UdpBroadcast;
  readonly cable: Cable;
  readonly bus: ProtocolBus;
}

/** Real sockets on this machine's loopback, on a port of this world's own. */
class UdpWorld implements BusWorld {
  readonly #hosts: Host[] = [];
  readonly #env = { UDP_PORT: String(randomInt(10_000, 32_000)) };
  readonly #secret = randomBytes(32).toString('hex');

  async start(count: number): Promise<readonly Bus[]> {
    return this.startNamed(Array.from({ length: count }, (_, index) => `node ${index + 1}`));
  }

  async startNamed(names: readonly string[]): Promise<readonly Bus[]> {
    const added = names.map((name) => this.#host(name));
    this.#hosts.push(...added);
    await Promise.all(added.map(async ({ bus }) => bus.start()));
    return added.map(({ bus }) => bus);
  }

  cut(node: Bus): void {
    for (const { bus, cable } of this.#hosts) if (bus === node) cable.isCut = true;
  }

  async end(): Promise<void> {
    await Promise.all(this.#hosts.map(async ({ bus }) => bus.stop()));
    await Promise.all(this.#hosts.map(async ({ udp }) => udp.close()));
  }

  #host(name: string): Host {
    const udp = new UdpBroadcast(udpBroadcastVariables.parse(this.#env));
    const cable = new Cable(udp);
    const config = {
      CLUSTER_NAME: 'contract',
      CLUSTER_SECRET: [this.#secret],
      NODE_NAME: name,
      version: 'test',
    };
    return { udp, cable, bus: new ProtocolBus(randomBytes(12), config, cable) };
  }
}

describeBus('ProtocolBus over UDP', async () => new UdpWorld());

describe('a name that a member gives itself', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('can not add a line to the log', async () => {
    const world = new UdpWorld();
    const warned = new Promise<string>((resolve) => {
      jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => {
        if (String(line).includes('Two live nodes')) resolve(String(line));
      });
    });
    await world.startNamed(['twin\n[node] LOG forged', 'twin\n[node] LOG forged']);
    expect(await warned).toMatch(/have the name twin\\u000a\[node\] LOG forged: .*$/);
    await world.end();
  });
});
