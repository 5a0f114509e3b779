import { TestClient, TestNode } from 'lanfare/testing';
import { ShopModule } from './app.module.js';

declare const process: { env: Record<string, string> };
declare function test(title: string, run: () => Promise<void>): void;
declare function expect(value: unknown): { toEqual(expected: unknown): void };

test('an order that was shipped is told to its user', async () => {
  process.env['SHOP_NAME'] = 'Corner shop';
  const node = await TestNode.start({ imports: [ShopModule] });
  const client = await TestClient.ready(node.url('user_id=7'));
  const response = await fetch(`http://127.0.0.1:${node.port}/orders/7`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"id":1}',
  });
  expect(await response.json()).toEqual({ delivered: 1 });
  const data = { shop: 'Corner shop', order: { id: 1 } };
  expect(await client.nextJson()).toEqual({ event: 'message', data: { from: null, data } });
  await client.close();
  await node.stop();
});
