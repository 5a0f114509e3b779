/**
 * Two clients in a thread of their own, so that the attackers' work does not delay them. One writes to the other every
 * 10 ms. The time to each delivery is kept. When it is asked, it posts the latencies since it was last asked.
 */
import { once } from 'node:events';
import { setInterval } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';

const INTERVAL_MS = 10;

const { port } = workerData as { port: number };
const [writer, reader] = await Promise.all(
  ['writer', 'reader'].map(async (user) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?user_id=${user}`);
    await once(socket, 'open');
    return socket;
  }),
);
let latencies: number[] = [];
let sent = 0;
reader?.on('message', (data: Buffer) => latencies.push(performance.now() - Number(data.toString())));
setInterval(() => {
  sent++;
  writer?.send(`{"user_id":"reader","data":"${performance.now()}"}`);
}, INTERVAL_MS);
parentPort?.on('message', () => {
  parentPort?.postMessage({ sent, latencies }, []);
  latencies = [];
  sent = 0;
});
parentPort?.postMessage('ready', []);
