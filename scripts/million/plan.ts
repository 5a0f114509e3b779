/** How many nodes and connections this machine has room for, and what stands in the way. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Sockets between the nodes, files, the listening socket, and room for the clients of a node that has died. */
const FILES_BESIDE = 1_500;
/** Of a node and its holder, before the first client, with a young generation of 16 MB. */
const NODE_BYTES = 110e6;
/** Of a connection: 5.5 kB of its node, 0.2 of its holder, 8.2 of the kernel for both ends of its socket. */
const CONNECTION_BYTES = 14_000;
/** A user in each node's directory. */
const DIRECTORY_BYTES = 17;
const MEMORY_LEFT_BYTES = 1.5e9;
/** When there is less, no further connections are opened. */
export const MEMORY_LEFT_MIN_BYTES = 2 ** 30;
/** The kernel gives one address some 28,000 ports towards each port of a node. */
const CONNECTIONS_MAX = 18_000;
const NODES_MAX = 100;
const PAGE_BYTES = 4_096;

export interface Plan {
  readonly nodes: number;
  /** Of each node. */
  readonly connections: number;
  readonly heartbeats: boolean;
  /** For so long nothing happens. */
  readonly idleMs: number;
  readonly messagesPerSecond: number;
  readonly messageSeconds: number;
  /** Nodes that are replaced one after the other. */
  readonly replaced: number;
  /** A client whose node has gone waits for so long at most. */
  readonly jitterMs: number;
  /**
   * Nodes that are filled at the same time: as many as processors. With few of them an announcement to all others has many
   * joins, so all pay less.
   */
  readonly filling: number;
  /** Upgrades of each holder that wait at the same time. */
  readonly waiting: number;
  /** Half of the size of V8's young generation in each node. */
  readonly youngMb: number;
  /** Messages are sent for so long before they are measured: a process that has just begun runs code that is not compiled. */
  readonly warmUpMs: number;
  /** The whole run. Filling takes at most half of it, and no node is replaced after it. */
  readonly minutes: number;
}

export interface Machine {
  readonly processors: number;
  readonly memoryBytes: number;
  readonly filesMax: number;
  readonly hasCompiler: boolean;
}

export function thisMachine(): Machine {
  return {
    processors: availableParallelism(),
    memoryBytes: memoryLeftBytes(),
    filesMax: Number(
      /Max open files\s+\S+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity,
    ),
    hasCompiler: spawnSync('cc', ['--version']).status === 0,
  };
}

/** What can be had without swapping. */
export function memoryLeftBytes(): number {
  return meminfoBytes('MemAvailable');
}

/** What the kernel itself holds: its objects, buffers of sockets among them, tables and stacks. */
export function kernelBytes(): number {
  const pages = Number(/^TCP: .* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1]);
  const own = ['Slab', 'KernelStack', 'PageTables'].reduce((sum, name) => sum + meminfoBytes(name), 0);
  return own + pages * PAGE_BYTES;
}

function meminfoBytes(name: string): number {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}

/** As many connections a node as one process may have files, and as many nodes as there is memory for. */
export function defaultsFor(machine: Machine): Pick<Plan, 'nodes' | 'connections'> {
  const connections = Math.min(CONNECTIONS_MAX, machine.filesMax - FILES_BESIDE);
  let nodes = 2;
  while (nodes < NODES_MAX && memoryBytes(nodes + 1, connections) + MEMORY_LEFT_BYTES < machine.memoryBytes)
    nodes += 1;
  return { nodes, connections };
}

/** What is missing on this machine; empty: nothing. */
export function problemsOf({ connections }: Plan, machine: Machine): string[] {
  const problems: string[] = [];
  if (!machine.hasCompiler) problems.push('There is no C compiler (cc): the clients are a program in C.');
  if (connections + FILES_BESIDE > machine.filesMax) {
    problems.push(
      `A process may have ${machine.filesMax} files open: ulimit -n ${connections + FILES_BESIDE}.`,
    );
  }
  return problems;
}

/** Whether it will end where the memory does. */
function isTooLarge({ nodes, connections }: Plan, machine: Machine): boolean {
  return memoryBytes(nodes, connections) + MEMORY_LEFT_MIN_BYTES > machine.memoryBytes;
}

export function describe(plan: Plan, machine: Machine): string {
  const { nodes, connections } = plan;
  return [
    `${nodes} nodes with ${connections} connections each: ${(nodes * connections).toLocaleString('en')} in all`,
    `memory: about ${gigabytes(memoryBytes(nodes, connections))} of ${gigabytes(machine.memoryBytes)}` +
      `${isTooLarge(plan, machine) ? ': TOO LITTLE' : ''}; filling stops when ${gigabytes(MEMORY_LEFT_MIN_BYTES)} are left`,
    `open files a process: ${connections + FILES_BESIDE} of ${machine.filesMax}`,
    `processes: ${nodes} nodes and ${nodes} holders of clients, on ${machine.processors} processors`,
    `${plan.filling} nodes are filled at the same time; young generation of each node's heap: ${2 * plan.youngMb} MB`,
    `then ${plan.messagesPerSecond} messages a second for ${plan.messageSeconds} s, a room, a killed node, ${plan.replaced} replaced`,
    `at most ${plan.minutes} minutes: filling takes half of them at most`,
  ].join('\n');
}

export function memoryBytes(nodes: number, connections: number): number {
  return nodes * (NODE_BYTES + connections * (CONNECTION_BYTES + DIRECTORY_BYTES * (nodes - 1)));
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
