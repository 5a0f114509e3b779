import { describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { KernelDrops, parseUdpTable } from './kernel-drops.js';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 2222: 00000000:08AE 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41234 2 0000000000000000 0
 9999: 0100007F:C350 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41235 2 0000000000000000 17
`;

describe('kernel drops', () => {
  it('are read by socket', () => {
    expect(parseUdpTable(TABLE)).toEqual([
      { inode: '41234', drops: 0 },
      { inode: '41235', drops: 17 },
    ]);
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux("are counted for this process's own sockets", async () => {
    const receiver = createSocket('udp4');
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    receiver.setRecvBufferSize(2048);
    const sender = createSocket('udp4');
    const drops = new KernelDrops();
    expect(await drops.count()).toBe(0);
    // nobody reads while this turn lasts: the buffer fills up
    await Promise.all(
      Array.from(
        { length: 200 },
        async () =>
          new Promise((sent) => sender.send(Buffer.alloc(1000), receiver.address().port, '127.0.0.1', sent)),
      ),
    );
    const dropped = await drops.count();
    sender.close();
    receiver.close();
    expect(dropped).toBeGreaterThan(0);
  });
});
