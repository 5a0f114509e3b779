import { describe, expect, it } from '@jest/globals';
import { workersUdpPorts, workersVariables, workersWanted } from './workers.config.js';

const problems = (env: Record<string, string>) =>
  workersVariables.problems(env).map(({ variable, message }) => `${variable}: ${message}`);

describe('WORKERS', () => {
  it('is 1 unless it is set, and may be auto', () => {
    expect(workersWanted({})).toBe(1);
    expect(workersWanted({ WORKERS: '3' })).toBe(3);
    expect(workersWanted({ WORKERS: 'auto' })).toBeGreaterThanOrEqual(1);
  });

  it.each(['0', '-1', '2.5', 'all', '129', ' 2', '02'])('can not be "%s"', (WORKERS) => {
    expect(problems({ WORKERS })).toEqual(['WORKERS: must be a whole number from 1 to 128, or auto']);
  });

  it('can not be more than 1 without a cluster', () => {
    expect(problems({ WORKERS: '2', CLUSTER_BUS: 'none' })).toEqual([
      "WORKERS: 2 workers would not reach each other's users with CLUSTER_BUS=none",
    ]);
    expect(problems({ WORKERS: '1', CLUSTER_BUS: 'none' })).toEqual([]);
  });

  it('of a mesh needs ports for all and one more, and peers that name this host', () => {
    const mesh = { WORKERS: '2', UDP_MODE: 'mesh', UDP_PORT: '2222' };
    expect(problems({ ...mesh, UDP_PEERS: 'here:2222-2224' })).toEqual([]);
    expect(problems(mesh)).toEqual([
      'UDP_PEERS: must name this host too, or its workers do not find each other: host:2222-2224',
    ]);
    expect(problems({ ...mesh, UDP_PORT: '65534', UDP_PEERS: 'here:65534' })).toEqual([
      'UDP_PORT: 2 workers take ports 65534 to 65536, one more than workers, and 65535 is the last',
    ]);
  });

  it('needs UDP_UNICAST_PORT not to run into UDP_PORT', () => {
    expect(problems({ WORKERS: '2', UDP_UNICAST_PORT: '2223' })).toEqual([]);
    expect(problems({ WORKERS: '2', UDP_UNICAST_PORT: '2220' })).toEqual([
      'UDP_UNICAST_PORT: 2 workers take ports 2220 to 2222, one more than workers, and 2222 is UDP_PORT',
    ]);
    expect(problems({ WORKERS: '1', UDP_UNICAST_PORT: '2222' })).toEqual([]);
  });
});

describe('the UDP ports of workers', () => {
  it('are any free ones, unless the first is set', () => {
    expect(workersUdpPorts({}, 2)).toBeNull();
    expect(workersUdpPorts({ UDP_UNICAST_PORT: '2300' }, 2)).toEqual({
      variable: 'UDP_UNICAST_PORT',
      ports: [2300, 2301, 2302],
    });
    expect(workersUdpPorts({ UDP_MODE: 'mesh' }, 1)).toEqual({ variable: 'UDP_PORT', ports: [2222, 2223] });
  });
});
