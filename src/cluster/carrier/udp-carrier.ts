import { map, of, Subject, type Observable, type Subscription } from 'rxjs';
import { DEAF_HELP } from '../../udp-broadcast/deaf-help.js';
import type { UdpBroadcast } from '../../udp-broadcast/udp-broadcast.js';
import { Carrier, type CarriedDatagram, type CarrierLimits, type Seeds } from './carrier.js';
import { Endpoints } from './endpoints.js';

/** UDP on the LAN. Endpoints are "10.0.0.7:41234". */
export class UdpCarrier extends Carrier {
  readonly #datagrams = new Subject<CarriedDatagram>();
  #subscription: Subscription | undefined;

  readonly datagrams$: Observable<CarriedDatagram> = this.#datagrams.asObservable();
  /** A LAN is never away: when a cable is pulled, peers fall silent. */
  readonly outage$: Observable<string | null> = of(null);
  readonly seeds$: Observable<Seeds>;
  readonly deafHelp = DEAF_HELP;

  constructor(
    private readonly udp: UdpBroadcast,
    private readonly endpoints = new Endpoints(),
  ) {
    super();
    this.seeds$ = udp.peers$.pipe(
      map(({ addresses, areAllResolved }) => ({ endpoints: addresses, areAllKnown: areAllResolved })),
    );
  }

  get mode(): 'broadcast' | 'mesh' {
    return this.udp.isMesh ? 'mesh' : 'broadcast';
  }

  get limits(): CarrierLimits {
    const { datagramBytes, datagramBytesMax, receiveBufferBytes } = this.udp;
    return { datagramBytes, datagramBytesMax, backlogBytes: receiveBufferBytes };
  }

  async open(): Promise<void> {
    await this.udp.open();
    this.#subscription = this.udp.datagrams$.subscribe(({ bytes, address, port, arrival }) => {
      this.#datagrams.next({ bytes, source: this.endpoints.endpointOf(address, port), arrival });
    });
  }

  /** The sockets are closed by their owner. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#datagrams.complete();
  }

  send(endpoint: string, bytes: Buffer): void {
    const { address, port } = this.endpoints.addressOf(endpoint);
    this.udp.send(bytes, address, port);
  }

  toAll(bytes: Buffer): void {
    this.udp.broadcast(bytes);
  }

  override seek(isSeeking: boolean): void {
    this.udp.seekPeers(isSeeking);
  }
}
