/** Checks what usually goes wrong on a host, and between hosts when it runs on two or more at the same time. */
import { openFilesMax } from '../config/open-files.js';
import { Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { DEVELOPMENT_SECRET } from '../cluster/bus/node-options.js';
import { NatsClient } from '../broker/nats-client.js';
import { natsVariables } from '../broker/nats.config.js';
import { RedisClient } from '../broker/redis-client.js';
import { redisVariables } from '../broker/redis.config.js';
import { BrokerCarrier } from '../cluster/carrier/broker-carrier.js';
import { clusterVariables, isBrokered } from '../cluster/cluster.config.js';
import { ConfigurationError } from '../config/variables.js';
import { checkBroker } from '../doctor/broker-check.js';
import { failure, ok, warning, type Finding } from '../doctor/finding.js';
import { judgeFiles, judgeMtu, judgeReceiveBuffer } from '../doctor/host-checks.js';
import { LanCheck } from '../doctor/lan-check.js';
import { checkWorkers } from '../doctor/workers-check.js';
import { gatewayVariables } from '../gateway/gateway.config.js';
import { addressWarnings } from '../udp-broadcast/address-problems.js';
import { networksOf } from '../udp-broadcast/network.js';
import { udpBroadcastVariables } from '../udp-broadcast/udp-broadcast.config.js';
import { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { CommandLine } from './command-line.js';
import { loadEnvironment } from './environment.js';

const MARKS = { ok: '  ok   ', warning: '  WARN ', failure: '  FAIL ' } as const;

const USAGE = `usage: lanfare doctor [--seconds 5] [--hosts 2]    (in a checkout: npm run doctor -- …)

Checks this host, and the LAN between hosts when it runs on two or more of them at the same time. Where a broker carries
the nodes' datagrams it checks that one instead of the LAN.

  --seconds  how long it listens for others, or waits for the broker, 1 to 60 (5)
  --hosts    how many hosts it runs on: fewer that are heard are a failure (1: nobody else is expected)

Exit code: 0 nothing must be changed, 1 something must, or the configuration is not valid.
`;

const commandLine = CommandLine.read(USAGE, {
  seconds: { type: 'string', default: '5' },
  hosts: { type: 'string', default: '1' },
});
const seconds = commandLine.wholeNumber('seconds', 1, 60);
const hosts = commandLine.wholeNumber('hosts', 1, 128);
const env = loadEnvironment();
const cluster = clusterVariables.parse(env);
const udpConfig = udpBroadcastVariables.parse(env);
const verdicts: Finding['verdict'][] = [];

function report(findings: readonly Finding[]): void {
  for (const { verdict, text } of findings) {
    verdicts.push(verdict);
    process.stdout.write(`${MARKS[verdict]}${text}\n`);
  }
}

Logger.overrideLogger(false);
report([ok('configuration: valid'), secretFinding(), filesFinding()]);

const udp = new UdpBroadcast(udpConfig);
try {
  if (isBrokered(env)) report(await brokerFindings());
  else await checkUdp();
} catch (error) {
  const problems =
    error instanceof ConfigurationError
      ? error.problems
      : [{ variable: 'UDP', message: (error as Error).message }];
  report(problems.map(({ variable, message }) => failure(`${variable}: ${message}`)));
}
process.exitCode = verdicts.includes('failure') ? 1 : 0;

async function brokerFindings(): Promise<Finding[]> {
  const client =
    cluster.CLUSTER_BUS === 'nats'
      ? new NatsClient(natsVariables.parse(env))
      : new RedisClient(redisVariables.parse(env));
  const carrier = new BrokerCarrier(client, cluster.CLUSTER_NAME, randomBytes(12));
  return checkBroker(carrier, `${client.broker} at ${client.servers}`, seconds * 1000);
}

async function checkUdp(): Promise<void> {
  // before this process has one of the ports itself
  report(await checkWorkers(env));
  await udp.open();
  const { address, port } = udp.ownAddress;
  report([
    ok(`UDP ${udpConfig.UDP_MODE}, port ${udpConfig.UDP_PORT}, from ${address}:${port}`),
    judgeReceiveBuffer(
      udpConfig.UDP_RECEIVE_BUFFER_BYTES,
      udp.receiveBufferBytes,
      await numberIn('/proc/sys/net/core/rmem_max'),
    ),
    ...addressWarnings(udpConfig, networksOf(networkInterfaces())).map(warning),
    ...reachFindings(address),
    ...(await mtuFindings(address)),
  ]);
  process.stdout.write(`  ...  listening for ${seconds} s\n`);
  const check = new LanCheck(udp, {
    clusterName: cluster.CLUSTER_NAME,
    secrets: cluster.CLUSTER_SECRET.length === 0 ? [DEVELOPMENT_SECRET] : cluster.CLUSTER_SECRET,
    durationMs: seconds * 1000,
    hosts,
  });
  report(await check.run());
  await udp.close();
}

function secretFinding(): Finding {
  const count = cluster.CLUSTER_SECRET.length;
  return count === 0
    ? warning('CLUSTER_SECRET is empty: the development key, which everybody knows. openssl rand -hex 32')
    : ok(`CLUSTER_SECRET: ${count} of at least 32 bytes`);
}

function filesFinding(): Finding {
  return judgeFiles(openFilesMax(), gatewayVariables.parse(env).WS_MAX_CONNECTIONS);
}

/** Findings about interfaces that drop what is sent, without an error. */
function reachFindings(from: string): Finding[] {
  if (from.startsWith('127.')) {
    return [
      warning(
        `${from} is a loopback address, which reaches no other host: set UDP_ADDRESS to the LAN's broadcast address, or auto`,
      ),
    ];
  }
  if (interfacesWith(from).length > 0) return [];
  return [failure(`no interface that is up has the address ${from}: is its cable in, its link up?`)];
}

/** Findings about the MTU of each interface, which only Linux tells. */
async function mtuFindings(from: string): Promise<Finding[]> {
  const findings = await Promise.all(
    interfacesWith(from).map(async (name) => {
      const mtu = await numberIn(`/sys/class/net/${name}/mtu`);
      return mtu === null ? [] : [judgeMtu(name, mtu, udpConfig.UDP_DATAGRAM_BYTES)];
    }),
  );
  return findings.flat();
}

/** The interface we send from, or all that might be used. Node lists only those that are up and have a link. */
function interfacesWith(from: string): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos]) =>
    (infos ?? []).some(({ address }) => from === '0.0.0.0' || address === from) ? [name] : [],
  );
}

async function numberIn(path: string): Promise<number | null> {
  try {
    return Number(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}
