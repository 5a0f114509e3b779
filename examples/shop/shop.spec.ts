import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestClient, TestNode } from 'lanfare/testing';
import { Orders } from './orders.js';
import { ShopModule } from './shop.module.js';

describe('the shop', () => {
  let node: TestNode;
  let ann: TestClient;

  beforeAll(async () => {
    const claims = { ann: { role: 'customer' } };
    node = await TestNode.start({ imports: [ShopModule], claims, operations: true });
    ann = await TestClient.ready(node.url('user_id=ann'));
  });

  afterAll(async () => {
    await ann.close();
    await node.stop();
  });

  it('takes an order when the warehouse is there', async () => {
    expect(await ann.ask({ event: 'order' })).toMatchObject({ data: { code: 'cart_empty' } });
    const line = { item: 'lamp', pieces: 2 };
    expect(await ann.ask({ event: 'cart add', data: line })).toMatchObject({ data: [line] });
    expect(await ann.ask({ event: 'order' })).toMatchObject({
      event: 'error',
      data: { code: 'nobody_packs', retryable: true },
    });

    const warehouse = await TestClient.ready(node.url('user_id=warehouse'));
    expect(await ann.ask({ event: 'order' })).toMatchObject({ event: 'ack' });
    const order = { shop: 'Corner shop', lines: [line] };
    expect(await warehouse.nextJson()).toEqual({ event: 'message', data: { from: 'ann', data: order } });
    expect(await node.app.get(Orders).placedEverywhere()).toEqual({ placed: 1, complete: true });
    const metrics = await fetch(`${node.operationsUrl}/metrics`);
    expect(await metrics.text()).toMatch(/^shop_orders_placed_total 1$/m);
    await warehouse.close();
  });

  it('tells a customer that an order was shipped', async () => {
    node.app.get(Orders).tellShipped('ann');
    expect(await ann.nextJson()).toMatchObject({ event: 'message', data: { data: { shipped: true } } });
  });

  it('keeps a cart in each connection', async () => {
    const other = await TestClient.ready(node.url('user_id=ann'));
    const line = { item: 'chair', pieces: 1 };
    await ann.ask({ event: 'cart add', data: { item: 'lamp', pieces: 1 } });
    expect(await other.ask({ event: 'cart add', data: line })).toMatchObject({ data: [line] });
    await other.close();
  });

  it('says what is wrong with a line', async () => {
    const answer = await ann.ask({ event: 'cart add', data: { item: 'lamp', pieces: 0 } });
    expect(answer).toMatchObject({ event: 'error', data: { code: 'rejected' } });
  });

  it('is for customers', async () => {
    const stranger = await TestClient.ready(node.url('user_id=stranger'));
    expect(await stranger.ask({ event: 'order' })).toMatchObject({ data: { code: 'forbidden' } });
    await stranger.close();
  });
});
