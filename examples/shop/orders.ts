import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { trace } from '@opentelemetry/api';
import { Cluster, Messaging, ModuleMetrics } from 'lanfare';
import { Counter, Registry } from 'prom-client';
import type { CartLine } from './cart.js';
import { OrderRefusedError } from './order-refused.filter.js';
import { shopConfig } from './shop.config.js';

/** The user who packs the orders. It may be connected to any node. */
const WAREHOUSE = 'warehouse';

/** Sends orders to the warehouse, and counts them: for `/metrics` of this node, and for whoever asks all nodes. */
@Injectable()
export class Orders {
  readonly #registry = new Registry();
  readonly #placed = new Counter({
    name: 'shop_orders_placed_total',
    help: 'Orders that reached the warehouse',
    registers: [this.#registry],
  });
  readonly #tracer = trace.getTracer('shop');
  #placedHere = 0;

  constructor(
    private readonly messaging: Messaging,
    private readonly cluster: Cluster,
    metrics: ModuleMetrics,
    @Inject(shopConfig.KEY) private readonly config: ConfigType<typeof shopConfig>,
  ) {
    metrics.add(this.#registry); // a Registry of prom-client, of your own version of it
    cluster.respond('shop.orders', () => ({ placed: this.#placedHere }));
  }

  /** @throws {OrderRefusedError} when nobody of the warehouse is there to read it */
  async place(customer: string, lines: readonly CartLine[]): Promise<void> {
    const order = { shop: this.config.SHOP_NAME, lines };
    const { delivered } = await this.messaging.send(WAREHOUSE, order, customer);
    if (delivered === 0) throw new OrderRefusedError('nobody_packs', 'Try again later', true);
    this.#placed.inc();
    this.#placedHere++;
  }

  /** How many orders all nodes have taken since they started. */
  async placedEverywhere(): Promise<{ placed: number; complete: boolean }> {
    const { answers, complete } = await this.cluster.ask('shop.orders', null, 1000);
    // answers: [{ nodeId: '5f…', data: { placed: 3 } }]: JSON values, decoded
    const others = answers.map(({ data }) => (data as { placed: number }).placed);
    return { placed: others.reduce((sum, placed) => sum + placed, this.#placedHere), complete };
  }

  /** Tells a customer, in a span of the shop's own. */
  tellShipped(customer: string): void {
    const data = Buffer.from(JSON.stringify({ shipped: true }));
    const span = this.#tracer.startSpan('order shipped');
    const message = { to: customer, from: null, data, trace: span.spanContext() };
    const refusal = this.messaging.post(message, () => span.end());
    if (refusal !== null) span.end();
  }
}
