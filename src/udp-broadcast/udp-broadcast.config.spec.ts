import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../config/variables.js';
import { reachProblems, udpBroadcastVariables } from './udp-broadcast.config.js';

const problems = (env: Environment) => udpBroadcastVariables.problems(env).map(({ variable }) => variable);

describe('the UDP variables', () => {
  it.each<[string, Environment]>([
    ['a group in broadcast mode', { UDP_ADDRESS: '239.1.1.1' }],
    ['a broadcast address in multicast mode', { UDP_MODE: 'multicast', UDP_ADDRESS: '10.0.0.255' }],
    ['auto in multicast mode', { UDP_MODE: 'multicast', UDP_ADDRESS: 'auto' }],
    ['the address of any interface', { UDP_ADDRESS: '0.0.0.0' }],
    ['a name', { UDP_ADDRESS: 'localhost' }],
  ])('refuse %s as UDP_ADDRESS', (_what, env) => {
    expect(problems(env)).toEqual(['UDP_ADDRESS']);
  });

  it.each(['239.1.1.1', '255.255.255.255', 'eth0'])('refuse %s as UDP_INTERFACE', (address) => {
    for (const UDP_MODE of ['broadcast', 'multicast', 'mesh']) {
      expect(problems({ UDP_MODE, UDP_INTERFACE: address })).toEqual(['UDP_INTERFACE']);
    }
  });

  it('refuse to try datagrams smaller than what every path takes', () => {
    expect(problems({ UDP_DATAGRAM_BYTES: '8900', UDP_DATAGRAM_BYTES_MAX: '1200' })).toEqual([
      'UDP_DATAGRAM_BYTES_MAX',
    ]);
    expect(problems({ UDP_DATAGRAM_BYTES: '8900', UDP_DATAGRAM_BYTES_MAX: '8900' })).toEqual([]);
    expect(problems({ UDP_DATAGRAM_BYTES: '8900' })).toEqual([]);
  });

  it.each([
    '10.0.0.1',
    'host:',
    ':2222',
    'host:0',
    'host:00',
    'host:99999',
    'a b:1',
    'host:5-',
    'host:5-4',
    'host:0-4',
    'host:1-129',
    'host:65535-65536',
  ])('refuse %j as a peer', (peer) => {
    expect(problems({ UDP_MODE: 'mesh', UDP_PEERS: peer })).toEqual(['UDP_PEERS']);
  });

  it.each(['broadcast', 'multicast', ''])(
    'refuse peers in mode %j, which does not look at them',
    (UDP_MODE) => {
      expect(problems({ UDP_MODE, UDP_PEERS: '10.0.0.2:2222' })).toEqual(['UDP_PEERS']);
    },
  );

  it.each<[string, Environment]>([
    ['UDP_ADDRESS', { UDP_ADDRESS: 'ff02::1' }],
    ['UDP_ADDRESS', { UDP_MODE: 'multicast', UDP_ADDRESS: 'ff05::22' }],
    ['UDP_INTERFACE', { UDP_INTERFACE: 'fe80::1%eth0' }],
    ['UDP_INTERFACE', { UDP_INTERFACE: '[::1]' }],
    ['UDP_PEERS', { UDP_MODE: 'mesh', UDP_PEERS: '[fd00::2]:2222' }],
    ['UDP_PEERS', { UDP_MODE: 'mesh', UDP_PEERS: 'fd00::2:2222' }],
    ['UDP_PEERS', { UDP_MODE: 'mesh', UDP_PEERS: '10.0.0.2:2222,fd00::2' }],
  ])('say that nodes speak IPv4 where %s is of IPv6: %j', (variable, env) => {
    expect(udpBroadcastVariables.problems(env)).toEqual([
      { variable, message: expect.stringMatching(/nodes speak IPv4 with each other/) },
    ]);
  });

  it('take a mesh of addresses and names', () => {
    const peers = 'lanfare.svc:2222, 10.0.0.2:2222, 10.0.0.3:2222-2226, 10.0.0.4:1-128';
    expect(problems({ UDP_MODE: 'mesh', UDP_PEERS: peers })).toEqual([]);
  });
});

describe('what keeps a node from other hosts', () => {
  it.each<[string, Environment]>([
    ['UDP_ADDRESS', {}],
    ['UDP_ADDRESS', { UDP_ADDRESS: '127.255.255.255' }],
    ['UDP_PEERS', { UDP_MODE: 'mesh' }],
    ['UDP_PEERS', { UDP_MODE: 'mesh', UDP_PEERS: ' , ' }],
  ])('is %s in %j', (variable, env) => {
    expect(reachProblems(env)).toMatchObject([{ variable }]);
  });

  it.each<Environment>([
    { UDP_ADDRESS: '10.0.0.255' },
    { UDP_ADDRESS: 'auto' },
    { UDP_MODE: 'multicast' },
    { UDP_MODE: 'mesh', UDP_PEERS: 'lanfare.svc:2222' },
    // these have errors of their own
    { UDP_ADDRESS: 'localhost' },
    { UDP_MODE: 'pigeon' },
  ])('is nothing in %j', (env) => {
    expect(reachProblems(env)).toEqual([]);
  });
});
