import type { Socket } from 'node:dgram';
import type { Datagram } from './datagram.js';
import type { UdpTraffic } from './udp-traffic.js';

/**
 * How much may wait to be sent when the network is slower than the node. It is as much as a burst, and no more, because
 * peers ask again for records that are late.
 */
const BACKLOG_BYTES_MAX = 4_194_304;
const BACKLOG_DATAGRAMS_MAX = 4_096;
/**
 * So many datagrams may always wait, whatever their size. Some may have left already, but that is known only when their
 * callbacks run.
 */
const UNSENT_UNSUSPICIOUS = 128;

/**
 * One UDP socket. It counts traffic, and bounds what waits to leave. Its errors are counted and logged, never fatal.
 */
export class UdpSocket {
  #unsent = 0;

  /** @param raw a bound socket */
  constructor(
    readonly raw: Socket,
    private readonly arrival: Datagram['arrival'],
    private readonly traffic: UdpTraffic,
  ) {
    raw.on('error', (error) => {
      traffic.statistics.socketErrors++;
      traffic.warnings.warn('socket', `UDP socket error: ${error.message}`);
    });
    raw.on('message', (bytes, { address, port }) => {
      traffic.statistics.datagramsReceived++;
      traffic.statistics.bytesReceived += bytes.length;
      traffic.received({ bytes, address, port, arrival: this.arrival });
    });
  }

  /**
   * The bytes must not change until the next turn of the event loop. What can't leave is dropped, counted and logged.
   */
  send(bytes: Buffer, address: string, port: number): void {
    this.traffic.statistics.datagramsSent++;
    this.traffic.statistics.bytesSent += bytes.length;
    if (this.#unsent >= UNSENT_UNSUSPICIOUS && this.#isBacklogFull()) {
      this.#failed('too many datagrams wait to leave: the network takes less than is sent');
      return;
    }
    this.#unsent++;
    this.raw.send(bytes, port, address, this.#sent);
  }

  /** Resolves when it is closed. What waits to leave is dropped. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.raw.close(resolve));
  }

  /** What waits to leave. */
  get backlogBytes(): number {
    return this.raw.getSendQueueSize();
  }

  #isBacklogFull(): boolean {
    return this.backlogBytes >= BACKLOG_BYTES_MAX || this.raw.getSendQueueCount() >= BACKLOG_DATAGRAMS_MAX;
  }

  // One function for all sends. Without a callback Node drops errors silently. A closure would be made for each send.
  readonly #sent = (error: Error | null): void => {
    this.#unsent--;
    if (error !== null) this.#failed(isTooLarge(error) ? TOO_LARGE : error.message);
  };

  #failed(reason: string): void {
    this.traffic.statistics.sendErrors++;
    this.traffic.warnings.warn('send', `UDP send failed: ${reason}`);
  }
}

/** The system sends no datagram of that size, whatever the network takes: macOS none above 9,216 bytes. */
const TOO_LARGE =
  'this system sends no datagrams of that size (EMSGSIZE). Larger ones are only tried, see UDP_DATAGRAM_BYTES_MAX';

function isTooLarge(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'EMSGSIZE';
}
