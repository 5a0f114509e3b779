import { map, of, Subject, type Observable, type Subscription } from 'rxjs';
import type { UdpBroadcast } from '../../udp-broadcast/udp-broadcast.js';
import { Carrier, type CarriedDatagram, type CarrierLimits, type Seeds } from './carrier.js';

/** Endpoints that are kept in both spellings: many more than there are members. */
const ENDPOINTS_MAX = 4_096;

interface Address {
  readonly address: string;
  readonly port: number;
}

/** UDP on the LAN. Endpoints are "10.0.0.7:41234". */
export class UdpCarrier extends Carrier {
  readonly #datagrams = new Subject<CarriedDatagram>();
  #subscription: Subscription | undefined;

  /**
   * Members send thousands of datagrams a second: their endpoints are not spelled anew each time. Strangers get in too,
   * whose addresses may be forged: a flood of them empties the maps, and members are entered again.
   */
  readonly #endpoints = new Map<string, Map<number, string>>();
  readonly #addresses = new Map<string, Address>();
  #endpointCount = 0;

  readonly datagrams$: Observable<CarriedDatagram> = this.#datagrams.asObservable();
  /** A LAN is never away: a cable that is pulled looks like peers that are silent. */
  readonly isUp$: Observable<boolean> = of(true);
  readonly seeds$: Observable<Seeds>;

  constructor(private readonly udp: UdpBroadcast) {
    super();
    this.seeds$ = udp.peers$.pipe(
      map(({ addresses, areAllResolved }) => ({ endpoints: addresses, areAllKnown: areAllResolved })),
    );
  }

  get mode(): 'broadcast' | 'mesh' {
    return this.udp.isMesh ? 'mesh' : 'broadcast';
  }

  get limits(): CarrierLimits {
    return { datagramBytes: this.udp.datagramBytesMax, receiveBufferBytes: this.udp.receiveBufferBytes };
  }

  async open(): Promise<void> {
    await this.udp.open();
    this.#subscription = this.udp.datagrams$.subscribe(({ bytes, address, port, arrival }) => {
      this.#datagrams.next({ bytes, source: this.#endpointOf(address, port), arrival });
    });
  }

  /** The sockets are closed by their owner. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#datagrams.complete();
  }

  send(endpoint: string, bytes: Buffer): void {
    const { address, port } = this.#addressOf(endpoint);
    this.udp.send(bytes, address, port);
  }

  toAll(bytes: Buffer): void {
    this.udp.broadcast(bytes);
  }

  override seek(isSeeking: boolean): void {
    this.udp.seekPeers(isSeeking);
  }

  #endpointOf(address: string, port: number): string {
    const known = this.#endpoints.get(address)?.get(port);
    if (known !== undefined) return known;
    if (this.#endpointCount >= ENDPOINTS_MAX) {
      this.#endpoints.clear();
      this.#endpointCount = 0;
    }
    const endpoint = `${address}:${port}`;
    const byPort = this.#endpoints.get(address);
    if (byPort === undefined) this.#endpoints.set(address, new Map([[port, endpoint]]));
    else byPort.set(port, endpoint);
    this.#endpointCount += 1;
    return endpoint;
  }

  #addressOf(endpoint: string): Address {
    let found = this.#addresses.get(endpoint);
    if (found === undefined) {
      if (this.#addresses.size >= ENDPOINTS_MAX) this.#addresses.clear();
      const colon = endpoint.lastIndexOf(':');
      found = { address: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) };
      this.#addresses.set(endpoint, found);
    }
    return found;
  }
}
