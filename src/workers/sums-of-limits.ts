import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { clientsWithin, openFilesMax } from '../config/open-files.js';
import type { Environment } from '../config/variables.js';
import { gatewayVariables } from '../gateway/gateway.config.js';

const MEBIBYTE = 1_048_576;

/** The limits of one worker, added up for all workers, for people. */
export function sumsOfLimits(env: Environment, count: number): string {
  const { WS_MAX_CONNECTIONS: wanted, WS_BUFFER_TOTAL_BYTES: buffers } = gatewayVariables.parse(env);
  const byFiles = clientsWithin(openFilesMax() ?? Infinity);
  const clients = Math.min(wanted || byFiles, byFiles);
  const heap = getHeapStatistics().heap_size_limit;
  const sums = [
    ...(Number.isFinite(clients) ? [`${count * clients} clients (WS_MAX_CONNECTIONS)`] : []),
    `${mebibytes(count * buffers)} that clients have not taken (WS_BUFFER_TOTAL_BYTES)`,
    `${mebibytes(count * heap)} of JavaScript heap (--max-old-space-size), on a machine of ${mebibytes(memoryAllowed())}`,
  ];
  return `Limits are each worker's own. Together they allow ${sums.join(', ')}`;
}

/** The memory of the machine, or the limit of the cgroup if that is less. */
function memoryAllowed(): number {
  const limit = process.constrainedMemory() || Infinity; // 0, or undefined, when there is no limit
  return Math.min(limit, totalmem());
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MiB`;
}
