// Connects, joins a room, sends, and is in its room again after its connection broke: in whatever runs it. Its argument: the URL.
import process from 'node:process';
import { connect } from '../../client/dist/esm/index.js';

// Node 20 has no WebSocket of its own
const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket;
const print = (line) => process.stdout.write(`${line}\n`);
const lan = connect({ url: process.argv[2], WebSocket });
lan.on('message', ({ data }) => print(`got ${String(data)}`));
const room = lan.room('lobby');
room.on('message', ({ data }) => print(`room ${String(data)}`));

/** Prints what became of a message to itself, and of one to its room. */
const send = async (data) => {
  print(`sent ${JSON.stringify(await lan.send('ann', data))}`);
  print(`published ${JSON.stringify(await room.publish(data))}`);
};

await room.joined;
await send('first');
const returned = new Promise((resolve) => lan.on('state', ({ name }) => name === 'open' && resolve()));
print('break it');
await returned;
const isBackInItsRoom = new Promise((resolve) => room.on('message', resolve));
await send('second');
// the answer to a publication may come before its own copy
await isBackInItsRoom;
// nothing is left that would keep it running
lan.close();
