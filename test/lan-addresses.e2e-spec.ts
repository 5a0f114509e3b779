import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Environment } from '../src/config/variables.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';

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
    ["the node's own address", { UDP_ADDRESS: '10.77.0.1' }, /^UDP_ADDRESS: .* eth0 is 10\.77\.0\.255/m],
    ['one host', { UDP_ADDRESS: '10.77.0.7', UDP_INTERFACE: '' }, /^UDP_ADDRESS: .* eth0 is 10\.77\.0\.255/m],
    ['a broadcast address to send from', { UDP_INTERFACE: '10.77.0.255' }, /^UDP_INTERFACE: /m],
  ])('with %s as address of all is refused, and names the variable', async (_what, addresses, message) => {
    const node = lan.host(0).launch(clusterEnvironment({ CLUSTER_BUS: 'udp', ...addresses }));
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(message);
  });

  it('that shall find a broadcast address where there is none is refused', async () => {
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
