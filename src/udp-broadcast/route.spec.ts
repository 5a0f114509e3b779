import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../config/variables.js';
import type { Network } from './network.js';
import { chooseRoute, followRoute } from './route.js';
import { docker0, eth0, eth1, lo, network, single } from './testing/networks.js';
import { udpBroadcastVariables } from './udp-broadcast.config.js';

const choose = (env: Environment, networks: readonly Network[]) =>
  chooseRoute(udpBroadcastVariables.parse(env), networks);

describe('UDP_ADDRESS=auto', () => {
  const auto = { UDP_ADDRESS: 'auto' };

  it("is the only LAN interface's broadcast address", () => {
    expect(choose(auto, [lo, eth0])).toMatchObject({ target: '10.1.3.255', from: '10.1.2.3' });
  });

  it('ignores bridges of container engines', () => {
    const bridges = [docker0, network('br-12ab', '172.18.0.1'), network('veth9', '172.19.0.1')];
    expect(choose(auto, [lo, ...bridges, eth0]).from).toBe('10.1.2.3');
  });

  it('refuses to choose between two, and names both', () => {
    expect(() => choose(auto, [eth0, eth1])).toThrow(/^UDP_ADDRESS: .*eth0 10.1.3.255, eth1 192.168.7.255/);
    expect(choose({ ...auto, UDP_INTERFACE: '192.168.7.1' }, [eth0, eth1])).toMatchObject({
      target: '192.168.7.255',
      from: '192.168.7.1',
    });
  });

  it('says so when there is none', () => {
    expect(() => choose(auto, [lo])).toThrow(/^UDP_ADDRESS: .*no LAN interface/);
    expect(() => choose({ ...auto, UDP_INTERFACE: '10.9.9.9' }, [lo, eth0])).toThrow(
      'UDP_INTERFACE: 10.9.9.9 is not an address of this machine',
    );
  });

  it.each([
    ['a single address', single],
    ['point to point', network('eth0', '10.1.2.3', 31)],
  ])('finds no broadcast address on %s, and says what else to do', (_kind, mute) => {
    for (const env of [auto, { ...auto, UDP_INTERFACE: '10.1.2.3' }]) {
      expect(() => choose(env, [lo, mute])).toThrow(/^UDP_ADDRESS: .*only eth0 10.1.2.3: set UDP_MODE=mesh/);
    }
    expect(choose(auto, [lo, mute, eth1]).target).toBe('192.168.7.255');
  });
});

describe('a route', () => {
  it('leaves from the interface that the broadcast address belongs to', () => {
    expect(choose({ UDP_ADDRESS: '10.1.3.255' }, [lo, eth0]).from).toBe('10.1.2.3');
    expect(choose({}, [lo, eth0])).toMatchObject({ target: '127.255.255.255', from: '127.0.0.1' });
  });

  it('is left to the kernel when no interface has the broadcast address', () => {
    expect(choose({ UDP_ADDRESS: '10.9.9.255' }, [lo, eth0]).from).toBe('0.0.0.0');
  });

  it.each(['multicast', 'mesh'])(
    'leaves from UDP_INTERFACE in mode %s, or from where the kernel likes',
    (mode) => {
      expect(choose({ UDP_MODE: mode }, [lo, eth0]).from).toBe('0.0.0.0');
      expect(choose({ UDP_MODE: mode, UDP_INTERFACE: '10.1.2.3' }, [lo, eth0]).from).toBe('10.1.2.3');
    },
  );
});

describe('a route when the networks have changed', () => {
  const follow = (env: Environment, before: readonly Network[], now: readonly Network[]) => {
    const settings = udpBroadcastVariables.parse(env);
    return followRoute(settings, now, chooseRoute(settings, before));
  };
  const auto = { UDP_ADDRESS: 'auto' };
  const explicit = { UDP_ADDRESS: '10.1.3.255' };
  const readdressed = network('eth0', '10.1.2.9', 23);
  const renumbered = network('eth0', '10.9.0.1');

  it.each([explicit, auto])('leaves from the new address of its interface: %j', (env) => {
    expect(follow(env, [lo, eth0], [lo, readdressed])).toMatchObject({
      target: '10.1.3.255',
      from: '10.1.2.9',
    });
  });

  it.each([explicit, auto])('keeps its address while that is there: %j', (env) => {
    expect(follow(env, [lo, eth0], [lo, readdressed, eth0])).toMatchObject({ from: '10.1.2.3' });
  });

  it.each([explicit, auto])('stays as it was while its interface is away: %j', (env) => {
    expect(follow(env, [lo, eth0], [lo])).toMatchObject({ target: '10.1.3.255', from: '10.1.2.3' });
  });

  it('moves with UDP_ADDRESS=auto to the network that its interface is in now', () => {
    expect(follow(auto, [lo, eth0], [lo, renumbered, eth1])).toMatchObject({
      target: '10.9.0.255',
      from: '10.9.0.1',
    });
    expect(follow(explicit, [lo, eth0], [lo, renumbered])).toMatchObject({ target: '10.1.3.255' });
  });

  it('moves to the only other interface, not to one of several, and returns to the first one', () => {
    const settings = udpBroadcastVariables.parse(auto);
    const away = follow(auto, [lo, eth0], [lo, eth1]);
    expect(away.from).toBe('192.168.7.1');
    expect(followRoute(settings, [lo, eth1, eth0], away).from).toBe('10.1.2.3');
    expect(follow(auto, [lo, eth0], [lo, eth1, network('eth2', '10.8.0.1')]).from).toBe('10.1.2.3');
  });

  it.each<Environment>([
    { ...explicit, UDP_INTERFACE: '10.1.2.3' },
    { UDP_MODE: 'mesh', UDP_INTERFACE: '10.1.2.3' },
    { UDP_MODE: 'multicast', UDP_INTERFACE: '10.1.2.3' },
    { UDP_MODE: 'multicast' },
    { UDP_ADDRESS: '10.7.7.255' },
  ])('stays where somebody said, or where the kernel chooses: %j', (env) => {
    const settings = udpBroadcastVariables.parse(env);
    const before = chooseRoute(settings, [lo, eth0]);
    expect(followRoute(settings, [lo, readdressed, network('eth1', '10.7.7.1')], before)).toEqual(before);
  });
});
