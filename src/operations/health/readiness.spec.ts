import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { PeerView } from '../../cluster/bus/bus.js';
import type { RunningNode } from '../running-node.js';
import type { Load } from './load.js';
import { Readiness } from './readiness.js';

type Seen = Pick<PeerView, 'name' | 'state'>;

/** How many nodes are counted by a node of this name that sees these others. */
function counted(name: string, others: readonly Seen[]): unknown {
  const node = {
    name,
    nodesWanted: 1,
    door: { isDraining: false, isListening: true },
    cluster: {
      nodeId: 'own',
      health: () => ({ ready: true, problems: [] }),
      peers: () => others.map((other, index) => ({ ...other, nodeId: `id-${index}` })),
    },
  };
  const load = { lagMs: 0, isOverloaded: false, isHigh: false };
  const readiness = new Readiness(node as unknown as RunningNode, load as Load, new HealthIndicatorService());
  const found = readiness.checks.map((check) => check()).find((result) => 'nodes' in result);
  return found?.['nodes']?.['up'];
}

const up = (...names: string[]): Seen[] => names.map((name) => ({ name, state: 'up' }));

describe('the nodes that CLUSTER_MIN_NODES counts', () => {
  it('are this one and those that are up', () => {
    expect(counted('a', [])).toBe(1);
    expect(counted('a', [...up('b', 'c'), { name: 'd', state: 'silent' }])).toBe(3);
  });

  it('are the primaries of workers: those of one go down together', () => {
    expect(counted('a/1', up('a/2', 'a/3'))).toBe(1);
    expect(counted('a/1', up('a/2', 'b/1', 'b/2', 'c'))).toBe(3);
  });

  it('are told apart by their ids where they have the same name', () => {
    expect(counted('a', up('a', 'a'))).toBe(3);
  });
});
