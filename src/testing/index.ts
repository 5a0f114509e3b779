/** `lanfare/testing`: a node, a client and a cluster in one process, for tests of an application's own modules. */
export { MemoryBus, MemoryNetwork } from '../cluster/bus/memory-bus.js';
export { TestClient, type ConnectOptions, type TestSocket } from './test-client.js';
export type { ClaimsByUser } from './test-claims.js';
export { TestNode, type TestNodeOptions } from './test-node.js';
