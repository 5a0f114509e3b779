/** Many more than there are members. Only a cluster whose nodes often change their addresses reaches this. */
const ENDPOINTS_MAX = 4_096;

export interface Address {
  readonly address: string;
  readonly port: number;
}

/**
 * Endpoints such as "10.0.0.7:41234", with their two halves. Members exchange thousands of datagrams a second, so
 * endpoints are not built anew each time. Only endpoints that something is sent to are remembered. Strangers are sent
 * nothing, so a flood with forged senders leaves nothing behind.
 */
export class Endpoints {
  readonly #addresses = new Map<string, Address>();
  readonly #spelled = new Map<string, Map<number, string>>();

  /** How many are remembered. */
  get size(): number {
    return this.#addresses.size;
  }

  /** The address and port of an endpoint. They are remembered from now on. */
  addressOf(endpoint: string): Address {
    return this.#addresses.get(endpoint) ?? this.#remember(endpoint);
  }

  /** The endpoint of a sender. */
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
