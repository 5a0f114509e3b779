import type { INestApplication } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { OperationsDoor } from '../operations/operations-door.js';
import type { PrimaryLink } from './primary-link.js';
import { PRIMARY_KEY_HEADER } from './worker-door.js';

const KEY_BYTES = 32;

/**
 * Opens the operators' door of a worker: on any free port of 127.0.0.1, for its primary alone. Other programs on this
 * machine can find the port, but not the key, which is sent only on the channel between the two processes.
 */
export async function openWorkerDoor(node: INestApplication, primary: PrimaryLink): Promise<OperationsDoor> {
  const key = randomBytes(KEY_BYTES).toString('hex');
  const where = { host: '127.0.0.1', port: 0, onlyWith: { header: PRIMARY_KEY_HEADER, key } };
  const door = await OperationsDoor.openAt(node, where);
  primary.tell({ lanfare: 'door', port: Number(new URL(door.url).port), key });
  return door;
}
