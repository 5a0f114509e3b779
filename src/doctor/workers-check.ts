import { ConfigurationError, type Environment } from '../config/variables.js';
import { openSocket } from '../udp-broadcast/open-socket.js';
import { udpBroadcastVariables } from '../udp-broadcast/udp-broadcast.config.js';
import { processorsAllowed } from '../workers/processors.js';
import { workersUdpPorts, workersWanted } from '../workers/workers.config.js';
import { failure, ok, warning, type Finding } from './finding.js';

/**
 * Findings about the processes that WORKERS asks for. None for one process.
 *
 * @param env judged: it has no problems
 * @param processors that this process may use, quotas included
 */
export async function checkWorkers(env: Environment, processors = processorsAllowed()): Promise<Finding[]> {
  const count = workersWanted(env);
  if (count === 1 && env['WORKERS'] !== 'auto') return [];
  return [judgeWorkers(count, processors), ...(await checkPorts(env, count))];
}

export function judgeWorkers(count: number, processors: number): Finding {
  const text = `workers: ${count}, and ${processors} processors may be used`;
  return count <= processors
    ? ok(text)
    : warning(`${text}: they take turns. WORKERS=auto takes no more than there are`);
}

/** The ports of all workers, and the one more that a replacement needs. */
async function checkPorts(env: Environment, count: number): Promise<Finding[]> {
  const own = count === 1 ? null : workersUdpPorts(env, count);
  if (own === null) return [];
  const { UDP_INTERFACE: address = '0.0.0.0' } = udpBroadcastVariables.values(env);
  const bad: string[] = [];
  for (const port of own.ports) {
    try {
      const binding = { address: address || '0.0.0.0', port, portVariable: own.variable, isShared: false };
      (await openSocket(binding)).close();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      bad.push(...error.problems.map(({ variable, message }) => `${variable}: ${message}`));
    }
  }
  const range = `${own.ports[0]} to ${own.ports.at(-1)}`;
  return bad.length === 0 ? [ok(`UDP ports of the workers, ${range}: free`)] : bad.map(failure);
}
