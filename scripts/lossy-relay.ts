import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/**
 * A LAN between nodes of one machine. It needs no privilege. The nodes are in mesh mode, and have the relay's ports for
 * each other's. For each ordered pair there is a socket on which one node sees the other. What comes in at one socket leaves
 * at the other, or is dropped.
 */
export class LossyRelay {
  lossRate = 0;
  carried = 0;
  dropped = 0;
  /** `${of}>${to}`: the socket on which node `of` sees node `to`. */
  readonly #sockets = new Map<string, Socket>();

  private constructor(private readonly nodePorts: readonly number[]) {}

  static async start(nodePorts: readonly number[]): Promise<LossyRelay> {
    const relay = new LossyRelay(nodePorts);
    for (const of of nodePorts.keys()) {
      for (const to of nodePorts.keys()) if (of !== to) await relay.#open(of, to);
    }
    return relay;
  }

  /** UDP_PEERS of a node. */
  peersOf(node: number): string {
    const others = [...this.nodePorts.keys()].filter((other) => other !== node);
    return others.map((other) => `127.0.0.1:${this.#portOf(node, other)}`).join(',');
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }

  async #open(of: number, to: number): Promise<void> {
    const socket = createSocket('udp4');
    this.#sockets.set(`${of}>${to}`, socket);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (bytes, { port }) => {
      // Peers tell each other these addresses too; each is for one node only, as a cable is.
      if (port !== this.nodePorts[of]) return;
      if (Math.random() < this.lossRate) {
        this.dropped += 1;
        return;
      }
      this.carried += 1;
      this.#sockets.get(`${to}>${of}`)?.send(bytes, this.nodePorts[to] as number, '127.0.0.1');
    });
    // When a node was killed, its port answers with an ICMP error. The demonstration kills a node, so this is expected.
    socket.on('error', () => undefined);
  }

  #portOf(of: number, to: number): number {
    return (this.#sockets.get(`${of}>${to}`) as Socket).address().port;
  }
}
