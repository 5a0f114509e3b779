import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import type { BrokerClient } from '../../../broker/broker-client.js';
import { BROKER_TIMING, BrokerCarrier } from '../../carrier/broker-carrier.js';
import type { Receipt } from '../bus.js';
import { ProtocolBus } from '../protocol-bus.js';

/** Outages are noticed and ended sooner, and silent peers are dead sooner, than where it counts. */
export const SHORT_TIMING = {
  ...BROKER_TIMING,
  connectMs: 500,
  waitMaxMs: 200,
  echoMs: 100,
  silentMs: 400,
  renewMs: 800,
  silentAfterMs: 2_000,
  deadAfterMs: 4_000,
};

const CLUSTER_SECRET = [randomBytes(32).toString('hex')];

/** A node's bus over a real broker, and what it tells. */
export class BrokeredNode {
  /** What changed about its peers. */
  readonly changes: string[] = [];
  readonly gaps: string[] = [];
  /** The bodies that came, as JSON. */
  readonly messages: string[] = [];

  private constructor(
    readonly bus: ProtocolBus,
    readonly carrier: BrokerCarrier,
  ) {
    bus.peerChanges$.subscribe(({ change }) => this.changes.push(change));
    bus.gaps$.subscribe(({ kind }) => this.gaps.push(kind));
    bus.messages$.subscribe(({ data, acknowledge }) => {
      this.messages.push(data.toString());
      acknowledge?.(1);
    });
  }

  static async start(
    client: BrokerClient,
    CLUSTER_NAME: string,
    NODE_NAME: string,
    timing = SHORT_TIMING,
  ): Promise<BrokeredNode> {
    const bootId = randomBytes(12);
    const carrier = new BrokerCarrier(client, CLUSTER_NAME, bootId, timing);
    const bus = new ProtocolBus(
      bootId,
      { CLUSTER_NAME, NODE_NAME, CLUSTER_SECRET, version: 'test' },
      carrier,
    );
    const node = new BrokeredNode(bus, carrier);
    await bus.start();
    return node;
  }

  /** Resolves when datagrams are carried for it, or are not. */
  async carried(isCarried = true): Promise<unknown> {
    return firstValueFrom(this.carrier.outage$.pipe(filter((outage) => (outage === null) === isCarried)));
  }

  /** To the user bob. */
  async send(body: string): Promise<Receipt | 'congested' | 'too_large'> {
    return new Promise((resolve) => {
      const message = { to: 'bob', from: null, data: Buffer.from(JSON.stringify(body)) };
      const refusal = this.bus.send(message, resolve);
      if (refusal !== null) resolve(refusal);
    });
  }

  /** Sends until the peer that has bob is heard, and counts it. */
  async sendUntilComplete(body: string): Promise<void> {
    for (let turn = 1; ; turn += 1) {
      const receipt = await this.send(`${body} ${turn}`);
      if (typeof receipt === 'object' && receipt.complete && receipt.delivered === 1) return;
      await delay(20);
    }
  }
}
