import { describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { VirtualLan } from '../testing/virtual-lan.js';
import { DATAGRAM_OVERHEAD_BYTES, PROTOCOL_BYTE } from '../wire/datagram.js';

describe('datagrams that another key sealed', () => {
  it.each([
    ['another secret', { secrets: [Buffer.alloc(32, 9)] }],
    ['another name', { clusterName: 'elsewhere' }],
  ])('are told in the log of both sides, with the address: %s', (_what, options) => {
    const lan = new VirtualLan(nodeCipherSuite);
    const ours = lan.add('ours');
    const other = lan.add('other', options);
    lan.run(10_000);
    for (const [host, heard] of [
      [ours, other],
      [other, ours],
    ] as const) {
      const warnings = lan.of(host, 'warning');
      expect(warnings).toMatchObject([{ code: 'other-key' }]);
      expect(warnings[0]?.message).toMatch(
        `Datagrams sealed with another secret or for another CLUSTER_NAME are heard from ${heard.endpoint}`,
      );
    }
  });

  it('are logged once a minute, however many come, and counted', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const host = lan.add('present');
    lan.run(2_000);
    const strange = Buffer.alloc(DATAGRAM_OVERHEAD_BYTES + 10, 7);
    strange[0] = PROTOCOL_BYTE;
    for (let count = 0; count < 1_000; count += 1) {
      strange.writeUInt16BE(count, 2);
      host.node.handleDatagram(lan.now, 'shared', strange, `10.77.${count % 250}.9:4000`);
      lan.run(100);
    }
    expect(host.node.statistics().datagramsRejected['other-key']).toBe(1_000);
    expect(lan.of(host, 'warning').map(({ code }) => code)).toEqual(['other-key', 'other-key']);
  });
});

describe('a node that is heard, but can not be reached by unicast,', () => {
  it('is named with what to look at', () => {
    const lan = new VirtualLan(nodeCipherSuite);
    const present = lan.add('present');
    lan.add('walled');
    lan.loses = ({ to }) => to !== null;
    lan.run(8_000);
    const [gap] = lan.of(present, 'gap');
    expect(gap?.kind).toBe('not-mutual');
    expect(gap?.reason).toMatch(/has not answered our hello: .*to one host.*firewalls.*UDP_UNICAST_PORT/);
  });
});
