import cluster from 'node:cluster';
import { z } from 'zod';
import { clusterVariables } from '../cluster/cluster.config.js';
import { Variables, type Environment, type Problem } from '../config/variables.js';
import { udpBroadcastVariables } from '../udp-broadcast/udp-broadcast.config.js';
import { processorsAllowed } from './processors.js';

/** A cluster has at most 128 members, and every worker is one. */
const WORKERS_MAX = 128;
const PORT_MAX = 65_535;

export const workersVariables = new Variables(
  {
    WORKERS: z
      .string()
      .refine(
        (text) => text === 'auto' || (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= WORKERS_MAX),
        `must be a whole number from 1 to ${WORKERS_MAX}, or auto`,
      )
      .default('1')
      .describe(
        'processes that serve the public port together, each a node of the cluster; `auto` = as many as processors may be used, quotas of containers included',
      ),
  },
  ({ WORKERS: written }, { env }) => {
    const count = written === undefined ? 1 : countOf(written);
    return count === 1 ? [] : problemsOf(count, env);
  },
);

/** Which one of the workers a process is. Not for operators: a primary sets it. */
export const WORKER_NUMBER = 'LANFARE_WORKER';

/** Whether this process is a worker of ours: other programs use `node:cluster` too. */
export function isWorker(): boolean {
  return cluster.isWorker && process.env[WORKER_NUMBER] !== undefined;
}

/** How many processes are to serve. @param env judged: it has no problems */
export function workersWanted(env: Environment): number {
  return countOf(workersVariables.parse(env).WORKERS);
}

/**
 * The UDP ports of the workers, and one more, so that a replacement finds a free port while the worker before it
 * drains. Null: each worker takes any free port.
 */
export function workersUdpPorts(env: Environment, count: number): WorkersUdpPorts | null {
  const {
    UDP_MODE: mode,
    UDP_PORT: shared = 0,
    UDP_UNICAST_PORT: own = 0,
  } = udpBroadcastVariables.values(env);
  const variable = mode === 'mesh' ? 'UDP_PORT' : 'UDP_UNICAST_PORT';
  const first = mode === 'mesh' ? shared : own;
  if (first === 0) return null;
  return { variable, ports: Array.from({ length: count + 1 }, (_, index) => first + index) };
}

export interface WorkersUdpPorts {
  /** The variable that gives the first port. */
  readonly variable: 'UDP_PORT' | 'UDP_UNICAST_PORT';
  readonly ports: readonly number[];
}

function countOf(written: string): number {
  return written === 'auto' ? Math.min(WORKERS_MAX, processorsAllowed()) : Number(written);
}

function problemsOf(count: number, env: Environment): Problem[] {
  const { CLUSTER_BUS: bus } = clusterVariables.values(env);
  const { UDP_MODE: mode, UDP_PORT: shared = 0, UDP_PEERS: peers } = udpBroadcastVariables.values(env);
  const problems: Problem[] = [];
  if (bus === 'none') {
    const message = `${count} workers would not reach each other's users with CLUSTER_BUS=none`;
    problems.push({ variable: 'WORKERS', message });
  }
  const own = workersUdpPorts(env, count);
  if (bus === 'none' || bus === 'custom' || own === null) return problems;
  const [first, last] = [own.ports[0] as number, own.ports.at(-1) as number];
  const range = `${count} workers take ports ${first} to ${last}, one more than workers`;
  if (last > PORT_MAX) {
    problems.push({ variable: own.variable, message: `${range}, and ${PORT_MAX} is the last` });
  }
  if (mode !== 'mesh' && own.ports.includes(shared)) {
    problems.push({ variable: own.variable, message: `${range}, and ${shared} is UDP_PORT` });
  }
  if (mode === 'mesh' && peers?.length === 0) {
    problems.push({
      variable: 'UDP_PEERS',
      message: `must name this host too, or its workers do not find each other: host:${first}-${last}`,
    });
  }
  return problems;
}
