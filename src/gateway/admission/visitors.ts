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
 * Sockets of one address that are no clients' yet, where nothing says how many clients an address may have: more
 * than come at a time from an office or a proxy (a handshake takes milliseconds), for some 20 MB.
 */
const VISITORS_PER_ADDRESS_MAX = 4096;
/** And of all sockets there may be, so that one address can't shut out the others. */
const SHARE_PER_ADDRESS_MAX = 0.5;
/** What browsers open to one host, for a page and what it loads. */
const SOCKETS_PER_CLIENT = 6;
/** Requests of a socket that wait for their answers. Browsers and proxies send one at a time. */
const UNANSWERED_MAX = 10;

interface Visit {
  /** As which it is counted; null: a trusted proxy, which stands for many. */
  readonly address: string | null;
  requests: number;
  unanswered: number;
}

/**
 * Sockets on the public port that are not clients' (yet): silent ones, handshakes, held upgrades, plain HTTP. A socket
 * is one from its arrival until it closes or its upgrade is answered. How many an address may have, and what one may
 * ask, is bounded; who is turned away is counted.
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
      (clientsOfOne + 1) * SOCKETS_PER_CLIENT, // one more, who is told that there are too many
    );
  }

  /** Sockets that are no clients, or not yet. */
  get size(): number {
    return this.#open.size;
  }

  /** Where who asks really is. In canonical form: one text for each address. */
  addressOf(request: IncomingMessage): string {
    return this.#addresses.of(request);
  }

  /** To be called once, before `server` listens. */
  watch(server: Server): void {
    server.on('connection', this.#arrive);
    server.on('clientError', this.#fail);
  }

  /** Another request has come. False: the socket has asked for more than one may, and is cut. */
  mayAsk(socket: Socket): boolean {
    const visit = this.#open.get(socket);
    if (visit === undefined) return true;
    if (visit.unanswered < UNANSWERED_MAX && ++visit.requests <= REQUESTS_PER_SOCKET_MAX) return true;
    this.statistics.turnedAway.too_many_requests++;
    socket.destroy();
    return false;
  }

  /** `response` is going to be given. */
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

  /** Resolves when there is none, or when `patienceMs` are over. */
  async allGone(patienceMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    await within(patienceMs, new Promise<void>((resolve) => this.#waiting.add(resolve)), undefined);
  }

  /**
   * Ends all of them, those that come from now on too: at once those for which no request is being answered, the
   * others with their answer, or when `patienceMs` is over.
   */
  async end(patienceMs: number): Promise<void> {
    this.#isEnding = true;
    for (const [socket, { unanswered }] of this.#open) {
      if (unanswered === 0) socket.destroy();
    }
    await this.allGone(patienceMs);
    if (this.#open.size === 0) return;
    this.#log.warn(`Cut: ${this.#open.size} connections whose HTTP requests were still being answered`);
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
    // not by the server's maxConnections: where processes share the port, it would offer the socket to them for ever
    if (this.size + this.clients.size >= this.capacity.socketsMax) return 'full';
    return address !== null && this.#byAddress.of(address) >= this.#perAddressMax
      ? 'too_many_from_address'
      : null;
  }

  /** As Node does of itself where nobody listens. */
  readonly #fail = (error: Error, socket: Socket): void => {
    const found = clientErrorOf(error);
    if (found !== null && socket.writable) {
      const { reason, status } = found;
      this.statistics.turnedAway[reason]++;
      // not into an answer that is under way
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
