import type { LogBudget } from '../telemetry/log-budget.js';
import type { Datagram } from './datagram.js';

/** Counters since the start. */
export class UdpStatistics {
  datagramsSent = 0;
  datagramsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Datagrams that did not leave. */
  sendErrors = 0;
  socketErrors = 0;
}

/** What sockets report to. It stays when sockets are replaced. */
export interface UdpTraffic {
  readonly statistics: UdpStatistics;
  readonly warnings: LogBudget;
  received(datagram: Datagram): void;
  /** For the log: what this node does from now on, because its networks have changed. */
  changed(what: string): void;
}
