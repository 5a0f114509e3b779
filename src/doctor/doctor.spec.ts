import { describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { udpBroadcastVariables } from '../udp-broadcast/udp-broadcast.config.js';
import { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { judgeClock, judgeFiles, judgeMtu, judgeReceiveBuffer } from './host-checks.js';
import { LanCheck } from './lan-check.js';
import { decodeProbe, encodeProbe } from './probe.js';

const SECRET = 's'.repeat(32);

describe('the doctor', () => {
  it.each([
    [judgeReceiveBuffer(4_194_304, 8_388_608, 4_194_304), 'ok', '8388608'],
    [judgeReceiveBuffer(4_194_304, 425_984, 212_992), 'warning', 'sysctl -w net.core.rmem_max=4194304'],
    [judgeMtu('eth0', 1500, 1200), 'ok', 'eth0'],
    [judgeMtu('eth0', 1450, 1430), 'failure', 'UDP_DATAGRAM_BYTES=1422'],
    [judgeFiles(1_048_576, 0), 'ok', '1048320 clients'],
    [judgeFiles(1024, 0), 'warning', 'LimitNOFILE'],
    [judgeFiles(1024, 10_000), 'failure', 'WS_MAX_CONNECTIONS=10000'],
    [judgeClock('b', 200), 'ok', 'agrees'],
    [judgeClock('b', -2000), 'warning', 'NTP'],
  ])('says %j', ({ verdict, text }, expected, words) => {
    expect(verdict).toBe(expected);
    expect(text).toContain(words);
  });

  it('recognises a probe of another secret, and a datagram that is no probe', () => {
    const probe = {
      id: 'a',
      host: 'a',
      cluster: 'lanfare',
      at: 1,
      hears_broadcast: ['b'],
      hears_unicast: [],
    };
    expect(decodeProbe(encodeProbe(probe, SECRET, 1200), ['x'.repeat(32), SECRET])).toEqual({
      ...probe,
      isOurs: true,
      bytes: 1200,
    });
    expect(decodeProbe(encodeProbe(probe, SECRET), ['x'.repeat(32)])).toMatchObject({ isOurs: false });
    expect(decodeProbe(Buffer.from('{"user_id":2,"data":"haha"}'), [SECRET])).toBeNull();
    expect(decodeProbe(Buffer.from([1, 2, 3]), [SECRET])).toBeNull();
  });

  it.each([
    ['finds another that is well', 'lanfare', SECRET, /same name and secret/],
    ['is told that the other hears its broadcasts', 'lanfare', SECRET, /hears this host's broadcasts/],
    [
      'is told that the other hears what is for it alone',
      'lanfare',
      SECRET,
      /hears what this host sends to it alone/,
    ],
    ['misses those who should be there', 'lanfare', SECRET, /1 of 2 heard/],
    ['finds a secret that is not ours', 'lanfare', 'x'.repeat(32), /another CLUSTER_SECRET/],
    ['finds a cluster of another name', 'other', SECRET, /belongs to the cluster "other"/],
  ])('%s', async (_what, clusterName, secret, expected) => {
    const config = udpBroadcastVariables.parse({ UDP_PORT: String(randomInt(10_000, 32_000)) });
    const sockets = [new UdpBroadcast(config), new UdpBroadcast(config)] as const;
    await Promise.all(sockets.map(async (udp) => udp.open()));
    const [findings] = await Promise.all([
      new LanCheck(sockets[0], {
        clusterName: 'lanfare',
        secrets: [SECRET],
        durationMs: 1000,
        hosts: 3,
      }).run(),
      new LanCheck(sockets[1], { clusterName, secrets: [secret], durationMs: 1000, hosts: 3 }).run(),
    ]);
    await Promise.all(sockets.map(async (udp) => udp.close()));
    const texts = findings.map(({ text }) => text);
    expect(texts).toContain('own broadcast: heard');
    expect(texts).toContainEqual(expect.stringMatching(expected));
  });
});
