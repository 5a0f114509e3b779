import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gatewayConfig } from '../gateway.config.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { AddressCounts } from '../limits/address-counts.js';
import { Capacity } from '../limits/capacity.js';
import { ClientAddresses, countedAddress } from '../limits/client-address.js';
import { clientErrorOf } from './client-error.js';
import { Clients } from './clients.js';
import { REQUESTS_PER_SOCKET_MAX } from '../limits/handshake-limits.js';
import { within } from '../../waiting/within.js';

/**
 * Sockets of one address that are not clients yet, where no variable limits the clients of an address. That is more
 * than come at a time from an office or a proxy (a handshake takes milliseconds), and takes some 20 MB.
 */
const VISITORS_PER_ADDRESS_MAX = 4096;
/** The share of all sockets that one address may have, so that it cannot shut out the others. */
const SHARE_PER_ADDRESS_MAX = 0.5;
/** So many connections a browser opens to one host, for a page and what it loads. */
const SOCKETS_PER_CLIENT = 6;
/** Requests of a socket that wait for their answers. Browsers and proxies send one at a time. */
const UNANSWERED_MAX = 10;

interface Visit {
  /** The address for which it is counted; null: a trusted proxy, which brings clients of many addresses. */
  readonly address: string | null;
  requests: number;
  unanswered: number;
}

/**
 * Sockets on the public port that are not clients, or not yet: silent ones, handshakes, held upgrades, plain HTTP. A
 * socket is a visitor from its arrival until it closes or its upgrade is answered. There are limits for the visitors of
 * an address and for the requests of a visitor. Visitors that are turned away are counted.
 */
@Injectable()
export class Visitors {
  readonly #log = new Logger(Visitors.name);
  readonly #open = new Map<Socket, Visit>();
  readonly #byAddress = new AddressCounts();
  readonly #addresses: ClientAddresses;
  readonly #perAddressMax: number;
  #isEnding = false;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly statistics: GatewayStatistics,
    private readonly capacity: Capacity,
    private readonly clients: Clients,
    @Inject(gatewayConfig.KEY) config: ConfigType<typeof gatewayConfig>,
  ) {
    this.#addresses = new ClientAddresses(config.WS_TRUSTED_PROXIES);
    const clientsOfOne = config.WS_MAX_CONNECTIONS_PER_IP || Infinity;
    this.#perAddressMax = Math.min(
      VISITORS_PER_ADDRESS_MAX,
      Math.ceil(capacity.socketsMax * SHARE_PER_ADDRESS_MAX),
      (clientsOfOne + 1) * SOCKETS_PER_CLIENT, // one client more, which is told that there are too many
    );
  }

  /** Sockets that are no clients, or not yet. */
  get size(): number {
    return this.#open.size;
  }

  /** The address of the client, behind trusted proxies too. In canonical form: one text for each address. */
  addressOf(request: IncomingMessage): string {
    return this.#addresses.of(request);
  }

  /** To be called once, before `server` listens. */
  watch(server: Server): void {
    server.on('connection', this.#arrive);
    server.on('clientError', this.#fail);
  }

  /** Another request has come. Returns false when the socket has sent more requests than it may: then it is cut. */
  mayAsk(socket: Socket): boolean {
    const visit = this.#open.get(socket);
    if (visit === undefined) return true;
    if (visit.unanswered < UNANSWERED_MAX && ++visit.requests <= REQUESTS_PER_SOCKET_MAX) return true;
    this.statistics.turnedAway.too_many_requests++;
    socket.destroy();
    return false;
  }

  /** `response` will be given. */
  awaits(response: ServerResponse): void {
    const { socket } = response.req;
    const visit = this.#open.get(socket);
    if (visit === undefined) return;
    visit.unanswered++;
    response.once('close', () => {
      if (--visit.unanswered === 0 && this.#isEnding) socket.destroySoon();
    });
  }

  /** Whether an answer is still to be given. */
  isAwaited(socket: Socket): boolean {
    return (this.#open.get(socket)?.unanswered ?? 0) > 0;
  }

  /** The upgrade is answered: from now on the socket is a client's. */
  becomesClient(socket: Socket): void {
    socket.off('close', this.#gone);
    this.#remove(socket);
  }

  /** Resolves when there are no visitors, or when `patienceMs` are over. */
  async allGone(patienceMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    await within(patienceMs, new Promise<void>((resolve) => this.#waiting.add(resolve)), undefined);
  }

  /**
   * Ends all visitors, and those that come from now on. A visitor whose request is being answered ends with the answer,
   * or when `patienceMs` is over. All others end at once.
   */
  async end(patienceMs: number): Promise<void> {
    this.#isEnding = true;
    for (const [socket, { unanswered }] of this.#open) {
      if (unanswered === 0) socket.destroy();
    }
    await this.allGone(patienceMs);
    if (this.#open.size === 0) return;
    this.#log.warn(`${this.#open.size} connections are cut: their HTTP requests are not answered yet`);
    for (const socket of this.#open.keys()) socket.destroy();
  }

  readonly #arrive = (socket: Socket): void => {
    const { turnedAway } = this.statistics;
    const peer = this.#addresses.ofPeer(socket);
    const address = peer === null ? null : countedAddress(peer);
    const reason = this.#reasonAgainst(address);
    if (reason !== null) {
      turnedAway[reason]++;
      socket.destroy();
      return;
    }
    if (address !== null) this.#byAddress.add(address);
    this.#open.set(socket, { address, requests: 0, unanswered: 0 });
    socket.on('close', this.#gone);
  };

  #reasonAgainst(address: string | null): 'draining' | 'full' | 'too_many_from_address' | null {
    if (this.#isEnding) return 'draining';
    // the server's maxConnections is of no use: where processes share the port, it would offer the socket to them for
    // ever
    if (this.size + this.clients.size >= this.capacity.socketsMax) return 'full';
    return address !== null && this.#byAddress.of(address) >= this.#perAddressMax
      ? 'too_many_from_address'
      : null;
  }

  /** Does what Node does where nobody listens. */
  readonly #fail = (error: Error, socket: Socket): void => {
    const found = clientErrorOf(error);
    if (found !== null && socket.writable) {
      const { reason, status } = found;
      this.statistics.turnedAway[reason]++;
      // not while an answer is under way: this text would become part of it
      if (!this.isAwaited(socket)) {
        socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
      }
    }
    socket.destroy();
  };

  #remove(socket: Socket): void {
    const visit = this.#open.get(socket);
    if (visit === undefined) return;
    this.#open.delete(socket);
    if (visit.address !== null) this.#byAddress.remove(visit.address);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** One listener for all sockets: `this` is the socket. */
  readonly #gone = ((visitors: Visitors) =>
    function (this: Socket): void {
      visitors.#remove(this);
    })(this);
}
