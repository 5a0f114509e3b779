/** Measures what the core costs for each message, without sealing. Two nodes are in one process, joined by calls. */
import { connect, makeNode } from './measured-pair.js';
import { measure } from './measuring.js';

const MESSAGES = 1_000_000;
const USERS = 10_000;
const PER_TURN = 200;

const a = makeNode(1, 0);
const b = makeNode(2, 0);
const pair = connect(a, b);
for (let user = 0; user < USERS; user += 1) b.join(0, { kind: 'user', name: `user-${user}` }, user + 1);
while (!a.isReady()) pair.turn(1);

const data = Buffer.from(JSON.stringify({ text: 'x'.repeat(80) }));
for (const wantsReceipt of [false, true]) {
  const before = { ...pair };
  const total = measure(() => {
    for (let sent = 0; sent < MESSAGES;) {
      for (let index = 0; index < PER_TURN; index += 1) {
        sent += 1;
        const message = { to: `user-${sent % USERS}`, from: 'sender-1', data };
        const result = a.send(pair.now, message, wantsReceipt ? sent : 0);
        if (result !== 'queued') throw new Error(result);
      }
      pair.turn(0.5);
    }
    for (let turn = 0; turn < 100; turn += 1) pair.turn(1);
  });
  if (pair.received - before.received !== MESSAGES) throw new Error('messages are missing');
  if (wantsReceipt && pair.receipts - before.receipts !== MESSAGES) throw new Error('receipts are missing');
  const us = (ms: number): string => ((ms * 1_000) / MESSAGES).toFixed(3);
  const receiving = pair.receivingMs - before.receivingMs;
  process.stdout.write(
    `${wantsReceipt ? 'with receipts' : 'no receipts'}: ${us(total)} us of CPU a message on both ends together, ` +
      `of it receiving about ${us(receiving)}\n`,
  );
}
