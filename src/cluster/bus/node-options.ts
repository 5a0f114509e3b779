import { Logger } from '@nestjs/common';
import type { Carrier } from '../carrier/carrier.js';
import type { ClusterNodeOptions } from '../protocol/options.js';
import { loadSodiumCipherSuite, nodeCipherSuite } from './cipher-suites.js';

/** Lets a checkout run at once. Everybody knows it, so it protects nothing. Production refuses to start with it. */
export const DEVELOPMENT_SECRET = 'lanfare: the development secret everybody knows';
/** Larger than what clients may send by default: the HTTP API and modules may send more. */
const MESSAGE_BYTES_MAX = 1_048_576;

export interface ProtocolBusConfig {
  readonly CLUSTER_NAME: string;
  readonly CLUSTER_SECRET: readonly string[];
  readonly NODE_NAME: string;
  /** The version of the software, which peers show. */
  readonly version: string;
}

const logger = new Logger('ProtocolBus');

/** What the protocol's core is told at its start. The carrier must be open. */
export function nodeOptionsOf(
  bootId: Buffer,
  { CLUSTER_NAME, CLUSTER_SECRET, NODE_NAME, version }: ProtocolBusConfig,
  { deafHelp, limits, mode, timing }: Carrier,
): ClusterNodeOptions {
  if (CLUSTER_SECRET.length === 0) {
    logger.warn(
      'CLUSTER_SECRET is not set: the development secret is used, and ANYONE on the network can read and forge messages',
    );
  }
  const secrets = CLUSTER_SECRET.length === 0 ? [DEVELOPMENT_SECRET] : CLUSTER_SECRET;
  const sodium = loadSodiumCipherSuite();
  if (sodium === null) {
    logger.warn('sodium-native is not installed: sealing costs about three times as much CPU');
  }
  return {
    bootId,
    nodeName: NODE_NAME,
    clusterName: CLUSTER_NAME,
    version,
    secrets: secrets.map((secret) => Buffer.from(secret)),
    mode,
    seeds: [],
    datagramBytes: limits.datagramBytes,
    datagramBytesMax: limits.datagramBytesMax,
    deafHelp,
    messageBytesMax: MESSAGE_BYTES_MAX,
    receiveBufferBytes: limits.backlogBytes,
    random: Math.random,
    cipher: sodium ?? nodeCipherSuite,
    startedAt: performance.now(),
    ...(timing !== undefined && { timing }),
  };
}
