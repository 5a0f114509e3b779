import { excerpt } from '../telemetry/excerpt.js';
import { failure, ok, warning, type Finding } from './finding.js';
import { judgeClock } from './host-checks.js';
import { HEARS_MAX, type HeardProbe } from './probe.js';

/** What was heard of a doctor on another host. */
export interface HeardDoctor {
  readonly address: string;
  readonly port: number;
  readonly firstHeardAt: number;
  readonly lastHeardAt: number;
  readonly latest: HeardProbe;
  readonly clockDifferenceMs: number;
  readonly heardFull: boolean;
  readonly heardBroadcast: boolean;
  /** What it sends to this host alone has arrived, as the answers of nodes must. */
  readonly heardUnicast: boolean;
}

/** This doctor. */
export interface Judge {
  readonly id: string;
  readonly clusterName: string;
  readonly isMesh: boolean;
  readonly datagramBytes: number;
  /** A doctor that was heard for this long has had enough time to hear us and to say so. */
  readonly patienceMs: number;
}

export function isOfOurCluster({ latest }: HeardDoctor, { clusterName }: Judge): boolean {
  return latest.cluster === clusterName && latest.isOurs;
}

const nameOf = ({ latest, address }: HeardDoctor): string => `${excerpt(latest.host)} (${address})`;

/** The finding about a doctor with another name or secret. */
export function judgeStranger(doctor: HeardDoctor, { clusterName }: Judge): Finding {
  const { cluster, isOurs } = doctor.latest;
  if (cluster === clusterName)
    return failure(`${nameOf(doctor)}: has another CLUSTER_SECRET; make them equal`);
  const secret = isOurs ? '' : ', with another CLUSTER_SECRET';
  return warning(
    `${nameOf(doctor)}: belongs to the cluster ${excerpt(cluster)}${secret}. The same? Then set CLUSTER_NAME`,
  );
}

/** The findings about a doctor of our own cluster. */
export function judgeMember(doctor: HeardDoctor, judge: Judge): Finding[] {
  const name = nameOf(doctor);
  return [
    ok(`${name}: heard, same name and secret`),
    ...judgePaths(name, doctor, judge),
    doctor.heardFull
      ? ok(`${name}: datagrams of ${judge.datagramBytes} bytes arrive`)
      : failure(`${name}: only small datagrams arrive: lower UDP_DATAGRAM_BYTES, the path's MTU is smaller`),
    judgeClock(name, doctor.clockDifferenceMs),
  ];
}

/**
 * We know what we hear; only the other doctor knows what it hears. Nodes need unicast in both directions, and
 * broadcast outside a mesh.
 */
function judgePaths(name: string, doctor: HeardDoctor, { id, isMesh, patienceMs }: Judge): Finding[] {
  const { firstHeardAt, lastHeardAt, latest, port } = doctor;
  const hearsBroadcast = latest.hears_broadcast.includes(id);
  const hearsUnicast = latest.hears_unicast.includes(id);
  const isFull = [latest.hears_broadcast, latest.hears_unicast].some(({ length }) => length === HEARS_MAX);
  if (!hearsUnicast && (isFull || lastHeardAt - firstHeardAt < patienceMs)) {
    return [
      warning(
        `${name}: has not said whether it hears this host: run both for longer, on ${HEARS_MAX + 1} hosts at most`,
      ),
    ];
  }
  if (!hearsBroadcast && !hearsUnicast) {
    const address = isMesh ? '' : ', or UDP_ADDRESS here does not reach it';
    return [failure(`${name}: does not hear this host. Its firewall may drop UDP_PORT${address}`)];
  }
  const findings: Finding[] = [];
  if (!isMesh) {
    findings.push(
      hearsBroadcast
        ? ok(`${name}: hears this host's broadcasts`)
        : failure(
            `${name}: does not hear this host's broadcasts. Its firewall may drop UDP_PORT, or UDP_ADDRESS here does not reach it`,
          ),
    );
  }
  findings.push(
    hearsUnicast
      ? ok(`${name}: hears what this host sends to it alone`)
      : failure(
          `${name}: does not hear what this host sends to it alone, so nodes can not join. Its firewall may drop UDP port ${port}: let UDP_UNICAST_PORT pass, which is any port if 0`,
        ),
    doctor.heardUnicast
      ? ok(`${name}: what it sends to this host alone arrives`)
      : failure(
          `${name}: what it sends to this host alone does not arrive, so nodes can not join. The firewall here may drop UDP_UNICAST_PORT, which is any port if 0: let it pass`,
        ),
  );
  return findings;
}
