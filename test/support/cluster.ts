import type { ModuleMetadata } from '@nestjs/common';
import type { Environment } from '../../src/config/variables.js';
import { clusterEnvironment } from './environment.js';
import { TestNode } from './node.js';

/** Nodes of one cluster in this process, each of which knows the others. Each has an operators' door. */
export async function startCluster(
  count: number,
  env: Environment = {},
  imports: ModuleMetadata['imports'] = [],
): Promise<TestNode[]> {
  const shared = clusterEnvironment({ CLUSTER_MIN_NODES: String(count), ...env });
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index) =>
      TestNode.start({ ...shared, NODE_NAME: `n${index}` }, imports, false, {
        operations: true,
      }),
    ),
  );
  for (const { operationsUrl } of nodes) {
    while ((await fetch(`${operationsUrl}/readyz`)).status !== 200);
  }
  return nodes;
}
