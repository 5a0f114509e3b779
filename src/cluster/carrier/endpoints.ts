/** Many more than there are members: only a cluster whose nodes change their addresses all day gets there. */
const ENDPOINTS_MAX = 4_096;

export interface Address {
  readonly address: string;
  readonly port: number;
}

/**
 * "10.0.0.7:41234" and its two halves. Members send and get thousands of datagrams a second, so their endpoints are not
 * spelled anew each time. Remembered is only to whom something is sent: strangers get nothing, so that a flood with
 * forged senders leaves nothing behind.
 */
export class Endpoints {
  readonly #addresses = new Map<string, Address>();
  readonly #spelled = new Map<string, Map<number, string>>();

  /** How many are remembered. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Where to send; remembered from now on. */
  addressOf(endpoint: string): Address {
    return this.#addresses.get(endpoint) ?? this.#remember(endpoint);
  }

  /** As a sender is named. */
  endpointOf(address: string, port: number): string {
    return this.#spelled.get(address)?.get(port) ?? `${address}:${port}`;
  }

  #remember(endpoint: string): Address {
    if (this.#addresses.size >= ENDPOINTS_MAX) {
      this.#addresses.clear();
      this.#spelled.clear();
    }
    const colon = endpoint.lastIndexOf(':');
    const found = { address: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) };
    this.#addresses.set(endpoint, found);
    const byPort = this.#spelled.get(found.address);
    if (byPort === undefined) this.#spelled.set(found.address, new Map([[found.port, endpoint]]));
    else byPort.set(found.port, endpoint);
    return found;
  }
}
