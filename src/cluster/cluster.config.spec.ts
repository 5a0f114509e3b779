import { describe, expect, it } from '@jest/globals';
import { clusterVariables } from './cluster.config.js';

describe('a cluster in production', () => {
  const secret = 'a-secret-of-this-cluster-that-nobody-knows';
  const named = (CLUSTER_BUS: string, CLUSTER_SECRET = '') =>
    clusterVariables
      .problems({ NODE_ENV: 'production', CLUSTER_BUS, CLUSTER_SECRET })
      .map(({ variable }) => variable);

  it('needs a secret, and addresses that reach other hosts', () => {
    expect(named('udp')).toEqual(['CLUSTER_SECRET', 'UDP_ADDRESS']);
    expect(named('udp', secret)).toEqual(['UDP_ADDRESS']);
    expect(clusterVariables.problems({ CLUSTER_BUS: 'udp' })).toEqual([]);
  });

  it.each(['none', 'plain', 'custom'])('needs neither on the bus %s', (bus) => {
    expect(named(bus)).toEqual([]);
  });
});

describe('NODE_NAME', () => {
  it.each(['a\nb', 'a\u001b[2J', 'a\u202eb'])('has no control characters (%j)', (NODE_NAME) => {
    expect(clusterVariables.problems({ NODE_NAME }).map(({ variable }) => variable)).toEqual(['NODE_NAME']);
    expect(clusterVariables.problems({ NODE_NAME: 'nœud 7:8866' })).toEqual([]);
  });
});
