import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../config/variables.js';
import { addressProblems, addressWarnings } from './address-problems.js';
import type { Network } from './network.js';
import { docker0, eth0, eth1, lo, single } from './testing/networks.js';
import { udpBroadcastVariables } from './udp-broadcast.config.js';

const problems = (env: Environment, networks: readonly Network[]) =>
  addressProblems(udpBroadcastVariables.parse(env), networks).map(
    ({ variable, message }) => `${variable}: ${message}`,
  );
const warnings = (env: Environment, networks: readonly Network[]) =>
  addressWarnings(udpBroadcastVariables.parse(env), networks);

describe('addresses that are a mistake on this machine', () => {
  it.each<[string, Environment, readonly Network[], RegExp]>([
    ['its own', { UDP_ADDRESS: '10.1.2.3' }, [lo, eth0], /own address: .* eth0 is 10\.1\.3\.255/],
    ['its loopback', { UDP_ADDRESS: '127.0.0.1' }, [lo, eth0], /own address: .* lo is 127\.255\.255\.255/],
    ['a single one of its own', { UDP_ADDRESS: '10.1.2.3' }, [lo, single], /no broadcast.*UDP_MODE=mesh/],
    ["another host's", { UDP_ADDRESS: '10.1.3.9' }, [lo, eth0], /one host: .* eth0 is 10\.1\.3\.255/],
    ['of a narrower network', { UDP_ADDRESS: '10.1.2.255' }, [lo, eth0], /one host: .*10\.1\.3\.255/],
    ['of the network', { UDP_ADDRESS: '10.1.2.0' }, [lo, eth0], /network itself: .*10\.1\.3\.255/],
  ])('are an UDP_ADDRESS that is %s', (_what, env, networks, message) => {
    expect(problems(env, networks)).toEqual([expect.stringMatching(/^UDP_ADDRESS: /)]);
    expect(problems(env, networks)[0]).toMatch(message);
  });

  it.each<[string, Environment]>([
    ['a broadcast address', { UDP_INTERFACE: '10.1.3.255' }],
    ["a network's address", { UDP_MODE: 'mesh', UDP_INTERFACE: '10.1.2.0' }],
    ['of another network than UDP_ADDRESS', { UDP_ADDRESS: '10.1.3.255', UDP_INTERFACE: '192.168.7.1' }],
  ])('are an UDP_INTERFACE that is %s', (_what, env) => {
    expect(problems(env, [lo, eth0, eth1])).toEqual([expect.stringMatching(/^UDP_INTERFACE: /)]);
  });

  it.each<Environment>([
    {},
    { UDP_ADDRESS: 'auto', UDP_INTERFACE: '10.1.2.3' },
    { UDP_ADDRESS: '10.1.3.255', UDP_INTERFACE: '10.1.2.3' },
    { UDP_ADDRESS: '255.255.255.255', UDP_INTERFACE: '10.1.2.3' },
    { UDP_ADDRESS: '10.1.3.255', UDP_INTERFACE: '0.0.0.0' },
    { UDP_ADDRESS: '10.9.9.255' },
    { UDP_MODE: 'multicast', UDP_INTERFACE: '192.168.7.1' },
    { UDP_MODE: 'mesh', UDP_INTERFACE: '192.168.7.1' },
  ])('are not these: %j', (env) => {
    expect(problems(env, [lo, eth0, eth1])).toEqual([]);
  });
});

describe('addresses that may be a mistake', () => {
  it('are a broadcast address of no interface', () => {
    expect(warnings({ UDP_ADDRESS: '10.9.9.255' }, [lo, eth0, docker0])).toEqual([
      expect.stringMatching(/10\.9\.9\.255 .*there are: eth0 10\.1\.3\.255\)/),
    ]);
    expect(warnings({ UDP_ADDRESS: '10.1.3.255' }, [lo, eth0])).toEqual([]);
    expect(warnings({}, [lo])).toEqual([]);
  });

  it('are none for a group where there is more than one network', () => {
    const group = { UDP_MODE: 'multicast' };
    expect(warnings(group, [lo, eth0, eth1])).toEqual([
      expect.stringMatching(/^UDP_INTERFACE .*eth0 10\.1\.2\.3, eth1 192\.168\.7\.1/),
    ]);
    expect(warnings(group, [lo, eth0, docker0])).toEqual([]);
    expect(warnings({ ...group, UDP_INTERFACE: '10.1.2.3' }, [lo, eth0, eth1])).toEqual([]);
  });
});
