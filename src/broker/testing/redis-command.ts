import { connect } from 'node:net';
import type { BrokerProcess } from './broker-process.js';

/** Sends commands to a Redis server, and resolves when it has answered. */
export async function redisCommand(broker: BrokerProcess, ...lines: readonly string[]): Promise<void> {
  const socket = connect(broker.port, '127.0.0.1');
  let answered = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answered += chunk.toString().split('\r\n').length - 1;
      if (answered >= lines.length) resolve();
    });
    socket.write(lines.map((line) => `${line}\r\n`).join(''));
  });
  socket.destroy();
}
