import type { Socket } from 'node:dgram';
import type { Datagram } from './datagram.js';
import type { UdpTraffic } from './udp-traffic.js';

/** One UDP socket: counts what passes. Its errors are counted and logged, never fatal. */
export class UdpSocket {
  /** @param raw bound already */
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

  /** The bytes must not be changed until the event loop has turned. What can't leave is dropped, counted and logged. */
  send(bytes: Buffer, address: string, port: number): void {
    this.traffic.statistics.datagramsSent++;
    this.traffic.statistics.bytesSent += bytes.length;
    this.raw.send(bytes, port, address, this.#sent);
  }

  /** Resolves when it is closed. What waits to leave is dropped. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.raw.close(resolve));
  }

  // One function for all sends: without a callback Node drops errors silently, with a closure each send costs one.
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(error.message);
  };

  #failed(reason: string): void {
    this.traffic.statistics.sendErrors++;
    this.traffic.warnings.warn('send', `UDP send failed: ${reason}`);
  }
}
