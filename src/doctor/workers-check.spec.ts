import { describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { checkWorkers, judgeWorkers } from './workers-check.js';

/** A UDP port that is held until the end of `work`, such that the next ones are most likely free. */
async function withPort<T>(work: (port: number) => Promise<T>): Promise<T> {
  const socket = createSocket('udp4');
  socket.bind({ port: 0, address: '0.0.0.0', exclusive: true });
  await once(socket, 'listening');
  try {
    return await work(socket.address().port);
  } finally {
    socket.close();
  }
}

describe('the doctor of workers', () => {
  it('says nothing of one process', async () => {
    expect(await checkWorkers({})).toEqual([]);
    expect(await checkWorkers({ WORKERS: '1', UDP_UNICAST_PORT: '2300' })).toEqual([]);
  });

  it('says how many there are where their number is not written, and warns of more than processors', async () => {
    const [first] = await checkWorkers({ WORKERS: 'auto' });
    expect(first).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/^workers: \d+, and \d+ processors may be used/),
    });
    expect(judgeWorkers(2, 2)).toMatchObject({ verdict: 'ok' });
    expect(judgeWorkers(4, 2)).toMatchObject({
      verdict: 'warning',
      text: 'workers: 4, and 2 processors may be used: they take turns. WORKERS=auto takes no more than there are',
    });
  });

  it('names each port of the range that is taken, that of a replacement too', async () => {
    await withPort(async (taken) => {
      const findings = await checkWorkers({ WORKERS: '2', UDP_UNICAST_PORT: String(taken - 2) });
      const failures = findings.filter(({ verdict }) => verdict === 'failure');
      expect(failures.map(({ text }) => text)).toContainEqual(
        expect.stringMatching(new RegExp(`^UDP_UNICAST_PORT: port ${taken} is taken`)),
      );
    });
  });

  it("checks the nodes' own ports in a mesh", async () => {
    await withPort(async (taken) => {
      const env = {
        WORKERS: '2',
        UDP_MODE: 'mesh',
        UDP_PORT: String(taken),
        UDP_PEERS: `127.0.0.1:${taken}`,
      };
      expect(await checkWorkers(env)).toContainEqual({
        verdict: 'failure',
        text: expect.stringMatching(new RegExp(`^UDP_PORT: port ${taken} is taken`)),
      });
    });
  });
});
