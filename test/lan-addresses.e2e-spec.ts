import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Environment } from '../src/config/variables.js';
import { clusterEnvironment } from './support/environment.js';
import type { TestClient } from '../src/testing/test-client.js';
import { BROADCAST_ADDRESS, Lan, lanImpediment } from './support/lan.js';
import type { NodeProcess } from './support/node-process.js';
import { untilReached } from './support/reached.js';

// Whole nodes start here.
jest.setTimeout(60_000);

const impediment = lanImpediment();
if (impediment !== null) process.stdout.write(`The tests of addresses on a LAN are skipped: ${impediment}\n`);

(impediment === null ? describe : describe.skip)('a start on a LAN', () => {
  let lan: Lan;

  beforeEach(() => {
    lan = new Lan(1);
  });

  afterEach(() => lan.destroy());

  it.each<[string, Environment, RegExp]>([
    [
      "the node's own address as address of all",
      { UDP_ADDRESS: '10.77.0.1' },
      /^UDP_ADDRESS: .* eth0 is 10\.77\.0\.255/m,
    ],
    [
      'one host as address of all',
      { UDP_ADDRESS: '10.77.0.7', UDP_INTERFACE: '' },
      /^UDP_ADDRESS: .* eth0 is 10\.77\.0\.255/m,
    ],
    ['a broadcast address to send from', { UDP_INTERFACE: '10.77.0.255' }, /^UDP_INTERFACE: /m],
    [
      'a group that no route leads to',
      { UDP_MODE: 'multicast', UDP_ADDRESS: '', UDP_INTERFACE: '' },
      /^UDP_INTERFACE: no way to the group/m,
    ],
  ])('with %s is refused, and names the variable', async (_what, addresses, message) => {
    const node = lan.host(0).launch(clusterEnvironment({ CLUSTER_BUS: 'udp', ...addresses }));
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(message);
  });

  it('that must find a broadcast address where there is none is refused', async () => {
    const host = lan.host(0);
    host.run('ip', 'addr', 'flush', 'dev', 'eth0');
    host.run('ip', 'addr', 'add', '10.77.0.1/32', 'dev', 'eth0');
    const node = host.launch(
      clusterEnvironment({ CLUSTER_BUS: 'udp', UDP_ADDRESS: 'auto', UDP_INTERFACE: '' }),
    );
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(/^UDP_ADDRESS: .*only eth0 10\.77\.0\.1: set UDP_MODE=mesh/m);
  });

  it('at a broadcast address of no interface is warned about, by the doctor too', async () => {
    const { exitCode, output } = await lan
      .host(0)
      .diagnose(clusterEnvironment({ UDP_ADDRESS: '10.78.0.255' }), '--seconds', '1');
    expect(output).toMatch(/WARN UDP_ADDRESS 10\.78\.0\.255 .*there are: eth0 10\.77\.0\.255/);
    expect(exitCode).toBe(1);
  });
});

(impediment === null ? describe : describe.skip)('nodes on a LAN that changes under them', () => {
  let lan: Lan;

  beforeEach(() => {
    lan = new Lan(2);
  });

  afterEach(() => lan.destroy());

  const byRoute = { UDP_INTERFACE: '' };
  const broadcast = { UDP_ADDRESS: BROADCAST_ADDRESS };
  const multicast = { UDP_MODE: 'multicast', UDP_ADDRESS: '' };
  const mesh = { UDP_MODE: 'mesh', UDP_ADDRESS: '', UDP_PEERS: '10.77.0.1:2222,10.77.0.2:2222' };

  /** Two nodes, and a client of each that has reached the other. */
  async function startTwo(env: Environment) {
    const cluster = clusterEnvironment({ CLUSTER_BUS: 'udp', ...env });
    for (const host of lan.hosts) host.routeAll();
    const nodes = await Promise.all(lan.hosts.map(async (host) => host.start(cluster)));
    const clients = await Promise.all(lan.hosts.map(async (host, index) => host.connect(`user-${index}`)));
    const [a, b] = nodes as [NodeProcess, NodeProcess];
    const [ofA, ofB] = clients as [TestClient, TestClient];
    const untilOne = async () => {
      await untilReached(ofA, 'user-1', 8_000);
      await untilReached(ofB, 'user-0', 8_000);
    };
    const untilLost = async () => Promise.all([a, b].map(async (node) => node.waitForOutput(/Node .* lost/)));
    await untilOne();
    return { b, untilLost, untilOne };
  }

  it.each<[string, Environment]>([
    ['broadcast', { UDP_ADDRESS: 'auto', ...byRoute }],
    ['multicast', { ...multicast, ...byRoute }],
    ['mesh', { ...mesh, ...byRoute }],
  ])(
    'are one cluster again after an interface went and came with another address: %s',
    async (_mode, env) => {
      const { b, untilLost, untilOne } = await startTwo(env);
      lan.host(1).unplug();
      await untilLost();
      lan.host(1).plug('10.77.0.9');
      lan.host(1).routeAll();
      await untilOne();
      await b.waitForOutput(/networks of this machine have changed. gone: eth0 10\.77\.0\.2\/24/);
      await b.waitForOutput(/networks of this machine have changed. new: eth0 10\.77\.0\.9\/24/);
    },
  );

  it('join their group again where the kernel has room for one membership, and counts the dead', async () => {
    lan.host(1).run('sysctl', '-w', 'net.ipv4.igmp_max_memberships=1');
    const { b, untilLost, untilOne } = await startTwo(multicast);
    lan.host(1).unplug();
    await untilLost();
    await b.waitForOutput(/10\.77\.0\.2 is on no interface that is up/);
    lan.host(1).plug();
    await untilOne();
    await b.waitForOutput(/UDP multicast: now a member of 239\.255\.22\.22 again/);
  });

  it.each<[string, Environment]>([
    ['broadcast', broadcast],
    ['multicast', multicast],
  ])('are one cluster again after a link was down: %s', async (_mode, env) => {
    const { untilLost, untilOne } = await startTwo(env);
    lan.host(1).run('ip', 'link', 'set', 'eth0', 'down');
    await untilLost();
    lan.host(1).run('ip', 'link', 'set', 'eth0', 'up');
    await untilOne();
  });

  it('are one cluster when a host gets another address, as by DHCP', async () => {
    const { b, untilOne } = await startTwo({ ...broadcast, ...byRoute });
    lan.host(1).readdress('10.77.0.9/24');
    await b.waitForOutput(/UDP broadcast: now sending from 10\.77\.0\.9:2223/);
    await untilOne();
  });

  it('move to another network together where UDP_ADDRESS=auto finds it', async () => {
    const { b, untilOne } = await startTwo({ UDP_ADDRESS: 'auto', ...byRoute });
    lan.host(0).readdress('10.78.0.1/24');
    lan.host(1).readdress('10.78.0.2/24');
    await b.waitForOutput(/UDP broadcast: now sending to 10\.78\.0\.255:2222/);
    await untilOne();
  });
});
