import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { Environment } from '../src/config/variables.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';

// Doctors listen for seconds, one pair after another.
jest.setTimeout(60_000);

const impediment = lanImpediment();
if (impediment !== null)
  process.stdout.write(`The tests of the doctor on a LAN are skipped: ${impediment}\n`);

(impediment === null ? describe : describe.skip)('the doctor, on hosts of a real LAN,', () => {
  let lan: Lan;
  let env: Environment;

  beforeEach(() => {
    lan = new Lan(3);
    env = clusterEnvironment();
  });

  afterEach(() => lan.destroy());

  /** On the first hosts at the same time, each with an environment of its own. */
  const diagnose = async (...overrides: Environment[]) =>
    Promise.all(
      overrides.map(async (own, index) =>
        lan.host(index).diagnose({ ...env, ...own }, '--seconds', '2', '--hosts', String(overrides.length)),
      ),
    );

  it('finds nothing to change where all is well', async () => {
    const reports = await diagnose({}, {});
    reports.forEach(({ exitCode, output }, index) => {
      const other = `10\\.77\\.0\\.${2 - index}`;
      expect(output).toMatch('own broadcast: heard');
      expect(output).toMatch(new RegExp(`ok .*\\(${other}\\): heard, same name and secret`));
      expect(output).toMatch(new RegExp(`ok .*\\(${other}\\): hears this host's broadcasts`));
      expect(output).toMatch(new RegExp(`ok .*\\(${other}\\): hears what this host sends to it alone`));
      expect(output).toMatch(new RegExp(`ok .*\\(${other}\\): what it sends to this host alone arrives`));
      expect(output).toMatch(new RegExp(`ok .*\\(${other}\\): datagrams of 1200 bytes arrive`));
      expect(output).toMatch(new RegExp(`ok .*clock of .*\\(${other}\\): agrees`));
      expect(output).not.toMatch('FAIL');
      expect(exitCode).toBe(0);
    });
  });

  it('finds the other in mesh mode, where one of the two needs to know the other', async () => {
    const mesh = { UDP_MODE: 'mesh', UDP_ADDRESS: '' };
    const reports = await diagnose({ ...mesh, UDP_PEERS: '10.77.0.2:2222' }, mesh);
    for (const { exitCode, output } of reports) {
      expect(output).toMatch(/ok .*: hears what this host sends to it alone/);
      expect(exitCode).toBe(0);
    }
  });

  it('tells another name from another secret', async () => {
    const [first, otherName, otherSecret] = await diagnose(
      {},
      { CLUSTER_NAME: 'elsewhere' },
      { CLUSTER_SECRET: randomBytes(32).toString('hex') },
    );
    expect(first?.output).toMatch(
      /WARN .*\(10\.77\.0\.2\): belongs to the cluster "elsewhere"\. .*CLUSTER_NAME/,
    );
    expect(first?.output).toMatch(/FAIL .*\(10\.77\.0\.3\): has another CLUSTER_SECRET; make them equal/);
    expect(otherName?.output).toMatch(/WARN .*\(10\.77\.0\.1\): belongs to the cluster "test-.*CLUSTER_NAME/);
    expect(otherSecret?.output).toMatch(
      /FAIL .*\(10\.77\.0\.1\): has another CLUSTER_SECRET; make them equal/,
    );
    for (const report of [first, otherName, otherSecret]) {
      // what differs is said first, and nothing is said of links
      expect(report?.output).toMatch(/CLUSTER_NAME[^]*FAIL other hosts: 0 of 2 heard/);
      expect(report?.output).not.toContain('is the link up');
      expect(report?.exitCode).toBe(1);
    }
  });

  it('finds a firewall, on the host that has it and on the one that it keeps out', async () => {
    lan.host(1).lose(1);
    const [open, walled] = await diagnose({}, {});
    expect(walled?.output).toMatch(/FAIL own broadcast: not heard.*firewall may drop UDP_PORT/);
    expect(walled?.output).toMatch(/FAIL other hosts: 0 of 1 heard.*do firewalls pass UDP_PORT/);
    expect(open?.output).toMatch(
      /FAIL .*\(10\.77\.0\.2\): does not hear this host\. Its firewall may drop UDP_PORT/,
    );
    expect([open?.exitCode, walled?.exitCode]).toEqual([1, 1]);
  });

  it('finds a firewall that passes broadcasts, and nothing that is sent to one host alone', async () => {
    lan.host(1).passOnly('2222');
    const [open, walled] = await diagnose({}, {});
    expect(open?.output).toMatch(
      /FAIL .*\(10\.77\.0\.2\): does not hear what this host sends to it alone.*UDP_UNICAST_PORT/,
    );
    expect(walled?.output).toMatch(
      /FAIL .*\(10\.77\.0\.1\): what it sends to this host alone does not arrive.*UDP_UNICAST_PORT/,
    );
    for (const report of [open, walled]) {
      expect(report?.output).toMatch(/ok .*: hears this host's broadcasts/);
      expect(report?.exitCode).toBe(1);
    }
  });

  it('names running nodes with another secret, and nodes of its own cluster', async () => {
    await Promise.all([
      lan.host(1).start({ ...env, CLUSTER_SECRET: randomBytes(32).toString('hex') }),
      lan.host(2).start(env),
    ]);
    const [report] = await diagnose({});
    expect(report?.output).toMatch(
      /WARN datagrams sealed with another secret or for another CLUSTER_NAME are heard from 10\.77\.0\.2:2223/,
    );
    expect(report?.output).toMatch(/ok .*nodes with this name and secret: 1/);
  });

  it('names the variable of a port that a node of this host has', async () => {
    await lan.host(0).start(env);
    const [report] = await diagnose({});
    expect(report?.output).toMatch(/FAIL UDP_UNICAST_PORT: .*2223 is taken.*stop/);
    expect(report?.exitCode).toBe(1);
  });

  it('finds a path that is too narrow for full datagrams', async () => {
    lan.host(1).narrowCable(1000);
    for (const { exitCode, output } of await diagnose({}, {})) {
      expect(output).toMatch(/FAIL .*: only small datagrams arrive: lower UDP_DATAGRAM_BYTES/);
      expect(exitCode).toBe(1);
    }
  });

  it('finds a cable that is out, and misses the host behind it', async () => {
    lan.host(1).cutCable();
    const [there, cut] = await diagnose({}, {});
    expect(cut?.output).toMatch(/FAIL no interface that is up has the address 10\.77\.0\.2: is its cable in/);
    for (const report of [there, cut]) {
      expect(report?.output).toMatch(/FAIL other hosts: 0 of 1 heard. On each: is the link up/);
      expect(report?.exitCode).toBe(1);
    }
  });

  it('finds a host that hears and sends to itself alone', async () => {
    const [first, loopback] = await diagnose({}, { UDP_ADDRESS: '127.255.255.255', UDP_INTERFACE: '' });
    expect(loopback?.output).toMatch(/WARN 127\.0\.0\.1 is a loopback address.*set UDP_ADDRESS/);
    expect(loopback?.output).toMatch(/FAIL .*\(10\.77\.0\.1\): does not hear this host.*UDP_ADDRESS here/);
    expect(first?.output).toMatch(/FAIL other hosts: 0 of 1 heard/);
    expect([first?.exitCode, loopback?.exitCode]).toEqual([1, 1]);
  });
});
