import { MulticastGroup } from './multicast-group.js';
import { openSocket, type Binding } from './open-socket.js';
import { ANY_ADDRESS, type Route } from './route.js';
import type { UdpSettings } from './udp-broadcast.config.js';
import { UdpSocket } from './udp-socket.js';
import type { UdpTraffic } from './udp-traffic.js';

/**
 * Two sockets, because the kernel gives a broadcast to every socket on a port but a unicast datagram to only one
 * of them: `shared` hears what is sent to all (every node of a host binds the same port), `own` sends everything
 * and hears what is sent to this node alone. There is no order between the two. Mesh mode has only `own`.
 */
export class UdpSockets {
  private constructor(
    private readonly settings: UdpSettings,
    private readonly traffic: UdpTraffic,
    private readonly group: MulticastGroup | null,
    private ownSocket: UdpSocket,
    private sharedSocket: UdpSocket | null,
  ) {}

  /** @throws {ConfigurationError} when a port is taken, or an address is not this machine's; leaves nothing open */
  static async open(
    settings: UdpSettings,
    { target, from }: Route,
    traffic: UdpTraffic,
  ): Promise<UdpSockets> {
    const { UDP_MODE: mode, UDP_INTERFACE: sender } = settings;
    const group = mode === 'multicast' ? new MulticastGroup(target, sender) : null;
    const own = await openOwn(settings, from, traffic);
    try {
      group?.sendFrom(own.raw);
      const shared = mode === 'mesh' ? null : await openShared(settings, group, traffic);
      return new UdpSockets(settings, traffic, group, own, shared);
    } catch (error) {
      await own.close();
      throw error;
    }
  }

  get own(): UdpSocket {
    return this.ownSocket;
  }

  /** What the kernel granted, in bytes, of the smaller of the sockets. Linux counts its bookkeeping in it. */
  get receiveBufferBytes(): number {
    return Math.min(...this.#all.map(({ raw }) => raw.getRecvBufferSize()));
  }

  /**
   * The networks of this machine may have changed: a socket that no longer fits them is replaced by a new one.
   * @throws what can't be done yet: an interface is away, the port is taken at the new address
   */
  async follow({ from }: Route): Promise<void> {
    const { settings, traffic, group, ownSocket: own, sharedSocket: shared } = this;
    if (own.raw.address().address !== from) {
      this.ownSocket = await openOwn(settings, from, traffic);
      await own.close();
      traffic.changed(`sending from ${from}:${this.ownSocket.raw.address().port}`);
    }
    if (group === null || shared === null) return;
    group.sendFrom(this.ownSocket.raw);
    if (!group.isForgottenBy(shared.raw)) return;
    this.sharedSocket = await openShared(settings, group, traffic);
    await shared.close();
    traffic.changed(`a member of ${group.address} again`);
  }

  /** Resolves when they are closed. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map(async (socket) => socket.close()));
  }

  get #all(): UdpSocket[] {
    return this.sharedSocket === null ? [this.ownSocket] : [this.ownSocket, this.sharedSocket];
  }
}

async function openOwn(settings: UdpSettings, address: string, traffic: UdpTraffic): Promise<UdpSocket> {
  const isMesh = settings.UDP_MODE === 'mesh';
  const portVariable = isMesh ? 'UDP_PORT' : 'UDP_UNICAST_PORT';
  const port = settings[portVariable];
  const own = await bind('own', { address, port, portVariable, isShared: false }, settings, traffic);
  own.raw.setBroadcast(!isMesh);
  return own;
}

async function openShared(
  settings: UdpSettings,
  group: MulticastGroup | null,
  traffic: UdpTraffic,
): Promise<UdpSocket> {
  // a socket bound to the host's address hears no broadcast, one bound to the broadcast address hears nothing else
  const binding = { address: ANY_ADDRESS, port: settings.UDP_PORT, isShared: true } as const;
  const shared = await bind('shared', { ...binding, portVariable: 'UDP_PORT' }, settings, traffic);
  try {
    group?.join(shared.raw);
    return shared;
  } catch (error) {
    await shared.close();
    throw error;
  }
}

async function bind(
  arrival: 'shared' | 'own',
  binding: Binding,
  settings: UdpSettings,
  traffic: UdpTraffic,
): Promise<UdpSocket> {
  const raw = await openSocket(binding);
  try {
    raw.setRecvBufferSize(settings.UDP_RECEIVE_BUFFER_BYTES);
  } catch (error) {
    traffic.warnings.warn('buffer', `The receive buffer could not be set: ${(error as Error).message}`);
  }
  return new UdpSocket(raw, arrival, traffic);
}
