import { Logger } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { listenProblem } from '../config/listening.js';
import type { operationsConfig } from './operations.config.js';

const logger = new Logger('OperationsDoor');

/**
 * Opens the operators' door at OPS_HOST and OPS_PORT, by `open`, and says where it is.
 *
 * @returns null when it is switched off, or when its port is taken and nobody has chosen that
 * @throws {ConfigurationError} when OPS_PORT is taken, or OPS_HOST is no address of this machine
 */
export async function openAtOpsPort<Door extends { readonly url: string }>(
  {
    OPS_HOST: host,
    OPS_PORT: port,
    API_KEYS: apiKeys,
    isPortNegotiable,
  }: ConfigType<typeof operationsConfig>,
  open: (where: { host: string; port: number }) => Promise<Door>,
): Promise<Door | null> {
  if (port === 0) return null;
  try {
    const door = await open({ host, port });
    const off = apiKeys.length === 0 ? ' (API off: API_KEYS is empty)' : '';
    logger.log(`Health, metrics and API on ${door.url}${off}`);
    return door;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE' && isPortNegotiable) {
      logger.warn(
        `Port ${port} is taken, by another node of this machine perhaps: this one has no health, metrics and API. Set OPS_PORT`,
      );
      return null;
    }
    throw listenProblem(error, { host, port, variables: { host: 'OPS_HOST', port: 'OPS_PORT' } }) ?? error;
  }
}
