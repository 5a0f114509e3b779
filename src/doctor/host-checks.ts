import { clientsWithin } from '../config/open-files.js';
import { failure, ok, warning, type Finding } from './finding.js';

/** The length of the IPv4 and UDP headers. */
const HEADER_BYTES = 28;
/** A larger difference of clocks matters for tokens, and confuses the logs of two hosts. */
const CLOCK_TOLERANCE_MS = 1000;
const FILES_COMFORTABLE = 65_536;

/** Findings about the host's own limits, from numbers that are read elsewhere. */

export function judgeReceiveBuffer(asked: number, granted: number, rmemMax: number | null): Finding {
  // Linux grants twice the size it accepts, for its own bookkeeping
  if (granted >= asked) return ok(`receive buffer: ${granted} bytes`);
  return warning(
    `receive buffer: ${granted} bytes granted of ${asked}; bursts will be lost and repaired. ` +
      (rmemMax === null
        ? "raise the system's limit for socket buffers"
        : `net.core.rmem_max is ${rmemMax}: sysctl -w net.core.rmem_max=${asked}`),
  );
}

export function judgeMtu(name: string, mtu: number, datagramBytes: number): Finding {
  const whole = datagramBytes + HEADER_BYTES;
  if (whole <= mtu) return ok(`MTU of ${name}: ${mtu}, datagrams have at most ${whole}`);
  return failure(
    `MTU of ${name} is ${mtu}, datagrams would have ${whole}: set UDP_DATAGRAM_BYTES=${mtu - HEADER_BYTES}`,
  );
}

export function judgeFiles(limit: number | null, connectionsWanted: number): Finding {
  if (limit === null) return ok('file descriptors: no limit');
  const clients = clientsWithin(limit);
  if (connectionsWanted > clients) {
    return failure(
      `file descriptors: ${limit}, which is enough for ${clients} clients and not for WS_MAX_CONNECTIONS=${connectionsWanted}: raise ulimit -n or LimitNOFILE`,
    );
  }
  const text = `file descriptors: ${limit}, enough for ${clients} clients`;
  return limit < FILES_COMFORTABLE ? warning(`${text}; raise ulimit -n or LimitNOFILE for more`) : ok(text);
}

export function judgeClock(name: string, differenceMs: number): Finding {
  const rounded = Math.round(differenceMs);
  return Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS
    ? ok(`clock of ${name}: agrees`)
    : warning(`clock of ${name} differs by ${rounded} ms: run NTP on both hosts, tokens carry times`);
}
