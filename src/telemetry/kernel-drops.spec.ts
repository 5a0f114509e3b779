import { describe, expect, it } from '@jest/globals';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { KernelDrops, parseUdpTable } from './kernel-drops.js';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 2222: 00000000:08AE 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41234 2 0000000000000000 0
 9999: 0100007F:C350 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41235 2 0000000000000000 17
`;

describe('kernel drops', () => {
  it('are read per socket', () => {
    expect(parseUdpTable(TABLE)).toEqual([
      { inode: '41234', drops: 0 },
      { inode: '41235', drops: 17 },
    ]);
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;

  async function openSocket(): Promise<Socket> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(2048);
    return socket;
  }

  /** Sends within one turn of the event loop. Nobody reads meanwhile, so the buffer fills up. */
  async function flood(sender: Socket, receiver: Socket): Promise<void> {
    const { port } = receiver.address();
    const datagrams = Array.from({ length: 200 }, () => Buffer.alloc(1000));
    await Promise.all(
      datagrams.map(async (bytes) => new Promise((sent) => sender.send(bytes, port, '127.0.0.1', sent))),
    );
  }

  onLinux("are counted for this process's own sockets, also when one replaces another", async () => {
    const drops = new KernelDrops();
    const [sender, first] = [await openSocket(), await openSocket()];
    expect(await drops.count()).toBe(0);
    await flood(sender, first);
    const before = (await drops.count()) ?? 0;
    expect(before).toBeGreaterThan(0);
    const second = await openSocket();
    first.close();
    expect(await drops.count()).toBe(before);
    await flood(sender, second);
    expect(await drops.count()).toBeGreaterThan(before);
    sender.close();
    second.close();
  });
});
