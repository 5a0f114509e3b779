import { expect, it } from '@jest/globals';
import { TestClient, TestNode } from 'lanfare/testing';
import { ContactsModule } from './contacts.module.js';

it('lets users write to their contacts, and to nobody else', async () => {
  const node = await TestNode.start({ imports: [ContactsModule], claims: { ann: { contacts: ['bob'] } } });
  const ann = await TestClient.ready(node.url('user_id=ann'));
  const eve = await TestClient.ready(node.url('user_id=eve'));
  expect(await ann.ask({ user_id: 'bob', data: 1 })).toMatchObject({ event: 'ack' });
  expect(await ann.ask({ user_id: 'eve', data: 1 })).toMatchObject({ data: { code: 'forbidden' } });
  expect(await eve.ask({ user_id: 'ann', data: 1 })).toMatchObject({ data: { code: 'forbidden' } });
  expect(await eve.ask({ user_id: 'eve', data: 1 })).toMatchObject({ event: 'ack' });
  expect(ann.pending).toEqual([]);
  await ann.close();
  await eve.close();
  await node.stop();
});
