import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { BehaviorSubject, Subject, type Observable } from 'rxjs';
import { ConfigurationError } from '../config/variables.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { addressProblems, addressWarnings } from './address-problems.js';
import type { Datagram } from './datagram.js';
import { isAddressIn } from './network.js';
import { NetworkWatch } from './network-watch.js';
import { PeerAddresses, type ResolvedPeers } from './peer-addresses.js';
import { ANY_ADDRESS, chooseRoute, followRoute, type Route } from './route.js';
import { udpBroadcastConfig } from './udp-broadcast.config.js';
import { UdpSockets } from './udp-sockets.js';
import { UdpStatistics } from './udp-traffic.js';

/** With less, a busy cluster loses datagrams in its own kernel: 208 KiB hold 92 datagrams of 1200 bytes. */
const COMFORTABLE_BUFFER_BYTES = 1_048_576;

/**
 * Owns the UDP sockets. It knows nothing of clusters: bytes go out, datagrams come up.
 *
 * It follows the networks of the machine: a socket whose interface or address is gone is replaced within seconds, and
 * the streams go on. An error of a socket is counted and logged, and never fatal once the sockets are open.
 */
@Injectable()
export class UdpBroadcast implements OnApplicationShutdown {
  readonly #logger = new Logger(UdpBroadcast.name);
  readonly #warnings = new LogBudget(this.#logger);
  readonly #datagrams = new Subject<Datagram>();
  readonly #peers = new BehaviorSubject<ResolvedPeers>({ addresses: [], areAllResolved: true });
  readonly #statistics = new UdpStatistics();
  readonly #watch = new NetworkWatch(
    (change) => this.#follow(change),
    (error) => this.#warnings.warn('networks', `The network interfaces can not be read: ${error.message}`),
  );
  #route: Route = { target: '', from: ANY_ADDRESS };
  #sockets: UdpSockets | undefined;
  #peerAddresses: PeerAddresses | undefined;
  #opening: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  /** The problem with the networks that was logged last. */
  #trouble = '';

  /**
   * Every datagram received, this node's own included, in the order in which the sockets gave them. Hot: no replay.
   * Empty until a bus opens the sockets. Never errors; completes on shutdown. Subscribers run in the receive path and
   * must not block.
   */
  readonly datagrams$: Observable<Datagram> = this.#datagrams.asObservable();

  /** Mesh mode: the configured peers as last resolved, without this node. Replays the latest. */
  readonly peers$: Observable<ResolvedPeers> = this.#peers.asObservable();

  constructor(
    @Inject(udpBroadcastConfig.KEY) private readonly config: ConfigType<typeof udpBroadcastConfig>,
  ) {}

  get isMesh(): boolean {
    return this.config.UDP_MODE === 'mesh';
  }

  /** False before `open`, after `close`, and on a bus that needs no sockets. */
  get isOpen(): boolean {
    return this.#sockets !== undefined;
  }

  /** The largest datagram that surely arrives, in bytes. */
  get datagramBytes(): number {
    return this.config.UDP_DATAGRAM_BYTES;
  }

  /** The largest that may be tried to one node. */
  get datagramBytesMax(): number {
    return this.config.UDP_DATAGRAM_BYTES_MAX;
  }

  /** The address and port that this node sends from, and can be reached at as far as it knows. Needs open sockets. */
  get ownAddress(): { address: string; port: number } {
    const { address, port } = this.#openSockets.own.raw.address();
    return { address, port };
  }

  /** The receive buffer that the kernel granted, in bytes, of the smaller socket. Linux includes its bookkeeping. */
  get receiveBufferBytes(): number {
    return this.#openSockets.receiveBufferBytes;
  }

  /** How many bytes wait to be sent. All are sent from one socket. Needs open sockets. */
  get backlogBytes(): number {
    return this.#openSockets.own.backlogBytes;
  }

  /** Counters since the start. */
  get statistics(): Readonly<UdpStatistics> {
    return this.#statistics;
  }

  /**
   * Opens the sockets; later calls return the same promise.
   * @throws {ConfigurationError} when a port is taken, or an address can't be found or is a mistake
   */
  open(): Promise<void> {
    return (this.#opening ??= this.#open());
  }

  /** Mesh mode. True: no peer is known, so the names of the peers are resolved every second. */
  seekPeers(isSeeking: boolean): void {
    this.#peerAddresses?.seek(isSeeking);
  }

  /** Sends to every node on the LAN, this one included; in mesh mode to each configured peer. Never throws on I/O. */
  broadcast(bytes: Buffer): void {
    if (!this.isMesh) {
      this.send(bytes, this.#route.target, this.config.UDP_PORT);
      return;
    }
    for (const peer of this.#peers.value.addresses) {
      const colon = peer.indexOf(':');
      this.send(bytes, peer.slice(0, colon), Number(peer.slice(colon + 1)));
    }
  }

  /** Sends to one address. The bytes must not change until the next turn of the event loop. Never throws on I/O. */
  send(bytes: Buffer, address: string, port: number): void {
    this.#openSockets.own.send(bytes, address, port);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Closes the sockets, and completes the streams. */
  async close(): Promise<void> {
    if (this.#opening === undefined) return;
    await this.#opening.catch(() => undefined);
    this.#opening = Promise.reject(new Error('UdpBroadcast is closed'));
    this.#opening.catch(() => undefined);
    this.#watch.close();
    this.#peerAddresses?.close();
    await this.#following;
    const sockets = this.#sockets;
    this.#sockets = undefined;
    await sockets?.close();
    this.#datagrams.complete();
    this.#peers.complete();
  }

  async #open(): Promise<void> {
    this.#watch.open();
    try {
      const { networks } = this.#watch;
      const problems = addressProblems(this.config, networks);
      if (problems.length > 0) throw new ConfigurationError(problems);
      for (const warning of addressWarnings(this.config, networks)) this.#logger.warn(warning);
      this.#route = chooseRoute(this.config, networks);
      this.#sockets = await UdpSockets.open(this.config, this.#route, {
        statistics: this.#statistics,
        warnings: this.#warnings,
        received: (datagram) => this.#datagrams.next(datagram),
        changed: (what) => this.#tellChange(what),
      });
      if (this.isMesh) await this.#followPeers();
    } catch (error) {
      this.#watch.close();
      throw error;
    }
    this.#checkReceiveBuffer();
    const { address, port } = this.ownAddress;
    const where = this.isMesh
      ? `${this.config.UDP_PEERS.length} configured peers`
      : `${this.#route.target}:${this.config.UDP_PORT}`;
    this.#logger.log(`UDP ${this.config.UDP_MODE} to ${where}, from ${address}:${port}`);
  }

  /** Interfaces, addresses or routes have changed, or may have. */
  #follow(change: string | null): void {
    if (this.#sockets === undefined) return;
    if (change !== null) this.#logger.log(`The networks of this machine have changed. ${change}`);
    const { target } = this.#route;
    this.#route = followRoute(this.config, this.#watch.networks, this.#route);
    if (this.#route.target !== target) {
      this.#tellChange(`sending to ${this.#route.target}:${this.config.UDP_PORT}`);
    }
    this.#following ??= this.#followWith(this.#sockets).finally(() => (this.#following = undefined));
  }

  async #followWith(sockets: UdpSockets): Promise<void> {
    const { networks } = this.#watch;
    const { from } = this.#route;
    const troubles = addressProblems(this.config, networks).map(
      ({ variable, message }) => `${variable}: ${message}`,
    );
    if (from !== ANY_ADDRESS && !isAddressIn(networks, from)) {
      troubles.push(`${from} is on no interface that is up: waiting for it`);
    }
    await sockets.follow(this.#route).catch((error: Error) => {
      troubles.push(`the networks can't be followed yet, it is tried again: ${error.message}`);
    });
    const trouble = troubles.join('; ');
    // logged once, not at every look
    if (trouble !== '' && trouble !== this.#trouble)
      this.#logger.warn(`UDP ${this.config.UDP_MODE}: ${trouble}`);
    this.#trouble = trouble;
  }

  #tellChange(what: string): void {
    this.#logger.log(`UDP ${this.config.UDP_MODE}: now ${what}`);
  }

  async #followPeers(): Promise<void> {
    this.#peerAddresses = new PeerAddresses(
      this.config.UDP_PEERS,
      (endpoint) =>
        this.#watch.networks.some(({ address }) => endpoint === `${address}:${this.config.UDP_PORT}`),
      (peer, error) =>
        this.#warnings.warn(
          'resolve',
          `UDP_PEERS: ${peer} does not resolve to an IPv4 address, its last addresses are kept: ${error.message}`,
        ),
    );
    await this.#peerAddresses.open();
    this.#peerAddresses.peers$.subscribe((peers) => this.#peers.next(peers));
  }

  #checkReceiveBuffer(): void {
    const granted = this.receiveBufferBytes;
    if (granted >= Math.min(COMFORTABLE_BUFFER_BYTES, this.config.UDP_RECEIVE_BUFFER_BYTES)) return;
    this.#logger.warn(
      `The kernel granted a UDP receive buffer of ${granted} bytes where ${this.config.UDP_RECEIVE_BUFFER_BYTES} were asked for: ` +
        `bursts will be lost and repaired. Raise it: sysctl -w net.core.rmem_max=${this.config.UDP_RECEIVE_BUFFER_BYTES}`,
    );
  }

  get #openSockets(): UdpSockets {
    if (this.#sockets === undefined)
      throw new Error('UdpBroadcast is not open: call open() first, and not after close()');
    return this.#sockets;
  }
}
