import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import type { Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { BehaviorSubject, Subject, type Observable } from 'rxjs';
import { LogBudget } from '../telemetry/log-budget.js';
import { ConfigurationError } from '../config/variables.js';
import { addressProblems, addressWarnings } from './address-problems.js';
import type { Datagram } from './datagram.js';
import { networksOf } from './network.js';
import { openSocket, type Binding } from './open-socket.js';
import { PeerAddresses, type ResolvedPeers } from './peer-addresses.js';
import { ANY_ADDRESS, chooseRoute, type Route } from './route.js';
import { udpBroadcastConfig } from './udp-broadcast.config.js';

/** Routers must not carry the cluster's datagrams off the LAN. */
const MULTICAST_TTL = 1;
/** Less than this and a busy cluster loses datagrams to its own kernel: 92 datagrams of 1200 bytes fit 208 KiB. */
const COMFORTABLE_BUFFER_BYTES = 1_048_576;

export interface UdpStatistics {
  datagramsSent: number;
  datagramsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  sendErrors: number;
  socketErrors: number;
}

/**
 * Owns the UDP sockets. It knows nothing of clusters: bytes go out, datagrams come up.
 *
 * Two sockets, because the kernel gives a broadcast to every socket on a port but a unicast datagram to only one
 * of them: `shared` hears what is sent to all (every node of a host binds the same port), `own` sends everything
 * and hears what is sent to this node alone. Nothing orders one against the other. Mesh mode has only `own`.
 *
 * An error of a socket is counted and logged, never fatal once the sockets are open.
 */
@Injectable()
export class UdpBroadcast implements OnApplicationShutdown {
  readonly #logger = new Logger(UdpBroadcast.name);
  readonly #warnings = new LogBudget(this.#logger);
  readonly #datagrams = new Subject<Datagram>();
  readonly #peers = new BehaviorSubject<ResolvedPeers>({ addresses: [], areAllResolved: true });
  readonly #statistics: UdpStatistics = {
    datagramsSent: 0,
    datagramsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    sendErrors: 0,
    socketErrors: 0,
  };
  #shared: Socket | undefined;
  #own: Socket | undefined;
  #peerAddresses: PeerAddresses | undefined;
  #opening: Promise<void> | undefined;
  #route: Route = { target: '', from: ANY_ADDRESS };

  /**
   * Every datagram received, those of this node itself among them, in the order the sockets gave them. Hot: no
   * replay; silent until a bus opens the sockets. Never errors; completes on shutdown. Subscribers run in the
   * receive path: they must not block.
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
    return this.#own !== undefined;
  }

  /** The largest datagram that may be sent, in bytes. */
  get datagramBytesMax(): number {
    return this.config.UDP_DATAGRAM_BYTES;
  }

  /** "address:port" this node sends from and can be reached at, as far as it knows itself. Open sockets only. */
  get ownAddress(): { address: string; port: number } {
    const { address, port } = this.#requireOwn().address();
    return { address, port };
  }

  /** What the kernel granted, in bytes, of the smaller of the sockets. Linux counts its bookkeeping in it. */
  get receiveBufferBytes(): number {
    const sockets = [this.#shared, this.#own].filter((socket) => socket !== undefined);
    return Math.min(...sockets.map((socket) => socket.getRecvBufferSize()));
  }

  /** Counters since the start. */
  get statistics(): Readonly<UdpStatistics> {
    return this.#statistics;
  }

  /**
   * Opens the sockets; later calls return the same promise.
   * @throws {ConfigurationError} when a port is taken, or an address can't be found or can't be what was meant
   */
  open(): Promise<void> {
    return (this.#opening ??= this.#open());
  }

  /** Mesh mode: the names of the peers are asked every second while nobody has been met. */
  seekPeers(isSeeking: boolean): void {
    this.#peerAddresses?.seek(isSeeking);
  }

  /** To every node on the LAN, this one included; in mesh mode to each configured peer. Never throws on I/O. */
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

  /** To one address. The bytes must not be changed until the event loop has turned. Never throws on I/O. */
  send(bytes: Buffer, address: string, port: number): void {
    this.#statistics.datagramsSent++;
    this.#statistics.bytesSent += bytes.length;
    this.#requireOwn().send(bytes, port, address, this.#sent);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Closes the sockets once what was sent has left, and completes the streams. */
  async close(): Promise<void> {
    if (this.#opening === undefined) return;
    await this.#opening.catch(() => undefined);
    this.#opening = Promise.reject(new Error('UdpBroadcast is closed'));
    this.#opening.catch(() => undefined);
    this.#peerAddresses?.close();
    const sockets = [this.#shared, this.#own].filter((socket) => socket !== undefined);
    this.#shared = this.#own = undefined;
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
    this.#datagrams.complete();
    this.#peers.complete();
  }

  async #open(): Promise<void> {
    const { UDP_MODE: mode, UDP_PORT: port, UDP_UNICAST_PORT: unicastPort } = this.config;
    const networks = networksOf(networkInterfaces());
    const problems = addressProblems(this.config, networks);
    if (problems.length > 0) throw new ConfigurationError(problems);
    for (const warning of addressWarnings(this.config, networks)) this.#logger.warn(warning);
    this.#route = chooseRoute(this.config, networks);
    const { target, from } = this.#route;
    try {
      if (mode === 'mesh') {
        this.#own = await this.#bind('own', {
          address: from,
          port,
          portVariable: 'UDP_PORT',
          isShared: false,
        });
        await this.#followPeers(port);
      } else {
        // a socket bound to the host's address hears no broadcast, one bound to the broadcast address hears nothing else
        this.#shared = await this.#bind('shared', {
          address: ANY_ADDRESS,
          port,
          portVariable: 'UDP_PORT',
          isShared: true,
        });
        this.#own = await this.#bind('own', {
          address: from,
          port: unicastPort,
          portVariable: 'UDP_UNICAST_PORT',
          isShared: false,
        });
        this.#own.setBroadcast(true);
        if (mode === 'multicast') this.#joinGroup(this.#shared, this.#own);
      }
    } catch (error) {
      this.#shared?.close();
      this.#own?.close();
      this.#shared = this.#own = undefined;
      throw error;
    }
    this.#checkReceiveBuffer();
    const where = mode === 'mesh' ? `${this.config.UDP_PEERS.length} configured peers` : `${target}:${port}`;
    const { address, port: ownPort } = this.ownAddress;
    this.#logger.log(`UDP ${mode} to ${where}, from ${address}:${ownPort}`);
  }

  async #bind(arrival: Datagram['arrival'], binding: Binding): Promise<Socket> {
    const socket = await openSocket(binding);
    socket.on('error', (error) => {
      this.#statistics.socketErrors++;
      this.#warnings.warn('socket', `UDP socket error: ${error.message}`);
    });
    socket.on('message', (bytes, { address, port }) => {
      this.#statistics.datagramsReceived++;
      this.#statistics.bytesReceived += bytes.length;
      this.#datagrams.next({ bytes, address, port, arrival });
    });
    try {
      socket.setRecvBufferSize(this.config.UDP_RECEIVE_BUFFER_BYTES);
    } catch (error) {
      this.#logger.warn(`The receive buffer could not be set: ${(error as Error).message}`);
    }
    return socket;
  }

  #joinGroup(shared: Socket, own: Socket): void {
    shared.addMembership(this.#route.target, this.config.UDP_INTERFACE);
    if (this.config.UDP_INTERFACE !== undefined) own.setMulticastInterface(this.config.UDP_INTERFACE);
    own.setMulticastLoopback(true);
    own.setMulticastTTL(MULTICAST_TTL);
  }

  async #followPeers(port: number): Promise<void> {
    this.#peerAddresses = new PeerAddresses(this.config.UDP_PEERS, port, (peer, error) =>
      this.#warnings.warn(
        'resolve',
        `UDP_PEERS: ${peer} does not resolve, its last addresses are kept: ${error.message}`,
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

  // One function for all sends: without a callback Node drops errors silently, with a closure each send costs one.
  readonly #sent = (error: Error | null): void => {
    if (error === null) return;
    this.#statistics.sendErrors++;
    this.#warnings.warn('send', `UDP send failed: ${error.message}`);
  };

  #requireOwn(): Socket {
    if (this.#own === undefined)
      throw new Error('UdpBroadcast is not open: call open() first, and not after close()');
    return this.#own;
  }
}
