// Connects, sends, and returns after its connection broke: in whatever runs it. Its argument: the URL.
import process from 'node:process';
import { connect } from '../../client/dist/esm/index.js';

// Node 20 has no WebSocket of its own
const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket;
const print = (line) => process.stdout.write(`${line}\n`);
const lan = connect({ url: process.argv[2], WebSocket });
lan.on('message', ({ data }) => print(`got ${String(data)}`));

/** Prints what became of a message to itself. */
const send = async (data) => print(`sent ${JSON.stringify(await lan.send('ann', data))}`);

await lan.opened;
await send('first');
const returned = new Promise((resolve) => lan.on('state', ({ name }) => name === 'open' && resolve()));
print('break it');
await returned;
await send('second');
// nothing is left that would keep it running
lan.close();
