import { Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describeError } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import type { UpgradeRefusalCode } from '../../wire/codes.js';
import { Capacity } from '../limits/capacity.js';
import type { ClientConnection } from '../client/client-connection.js';
import type { ClientSocket } from '../client/client-socket.js';
import { Clients } from './clients.js';
import type { Entrance } from './entrances.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { Handshake, type Introduction } from './handshake.js';
import { closeUpgrade, refuseUpgrade } from './upgrade-refusal.js';
import { Visitors } from './visitors.js';

interface Visitor {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  readonly address: string;
}

/**
 * Lets clients in, or says why not, before there is a WebSocket. The order of the checks is part of the contract. The
 * cheap checks that a stranger can fail come first.
 */
@Injectable()
export class Door {
  readonly #warnings = new LogBudget(new Logger(Door.name));
  #isDraining = false;

  constructor(
    private readonly handshake: Handshake,
    private readonly capacity: Capacity,
    private readonly visitors: Visitors,
    private readonly clients: Clients,
    private readonly statistics: GatewayStatistics,
  ) {
    clients.gone$.subscribe(({ address }) => capacity.release(address));
  }

  /** The node shuts down: it takes no new clients, even if everything else works. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** From now on every upgrade gets 503. */
  stopAdmitting(): void {
    this.#isDraining = true;
  }

  /** Decides on one request that asks for WebSocket, and whose path is served. Never rejects. */
  async admit(request: IncomingMessage, socket: Socket, head: Buffer, entrance: Entrance): Promise<void> {
    socket.on('error', ignore); // a visitor may go away while it is held; later ws has its own listener
    const address = this.visitors.addressOf(request);
    const refusal = this.#judge(request) ?? this.capacity.take(address);
    if (refusal !== null) {
      this.refuse(socket, refusal);
      return;
    }
    const visitor = { request, socket, head, address };
    let verdict: Introduction | UpgradeRefusalCode;
    try {
      verdict = await this.handshake.introduce(request, entrance);
    } catch (error) {
      this.#warnings.warn('handshake', `A handshake could not be judged: ${describeError(error)}`);
      verdict = 'authentication_unavailable';
    }
    if (typeof verdict === 'string') this.#turnAway(visitor, verdict);
    else await this.#letIn(visitor, entrance, verdict);
  }

  /** Answers an upgrade that is not let in, and counts it. */
  refuse(socket: Duplex, code: UpgradeRefusalCode): void {
    this.statistics.handshakes[code]++;
    refuseUpgrade(socket, code);
  }

  #judge(request: IncomingMessage): UpgradeRefusalCode | null {
    if (!this.handshake.isOfOurVersion(request)) return 'upgrade_required';
    return this.#isDraining ? 'draining' : null;
  }

  async #letIn(visitor: Visitor, entrance: Entrance, introduction: Introduction): Promise<void> {
    const { identity, isEnveloped, extensions } = introduction;
    // ws sees only what was granted: otherwise it would refuse some clients, and grant others more than we do
    visitor.request.headers['sec-websocket-extensions'] = extensions;
    const { isMain, params } = entrance;
    // no turn of the event loop may come between this check and the join
    if (isMain && !this.capacity.hasRoomFor(identity.userId)) {
      this.#turnAway(visitor, 'too_many_for_user');
      return;
    }
    const { address } = visitor;
    const connection = await this.clients.hold({ identity, isEnveloped, address, params, isMain });
    if (this.#isDraining) {
      this.clients.discard(connection);
      this.#turnAway(visitor, 'draining');
      return;
    }
    this.#upgrade(visitor, entrance, connection);
  }

  #upgrade({ request, socket, head }: Visitor, { server }: Entrance, connection: ClientConnection): void {
    let ws: ClientSocket | null = null;
    socket.cork(); // the 101, `ready` and what has come meanwhile leave in one write
    try {
      server.handleUpgrade(request, socket, head, (opened) => {
        ws = opened as ClientSocket;
        this.statistics.handshakes.accepted++;
        socket.off('error', ignore);
        this.visitors.becomesClient(socket);
        this.clients.open(connection, ws, socket);
        server.emit('connection', connection, request);
      });
    } catch (error) {
      this.#warnings.warn('upgrade', `A gateway failed to take a client: ${describeError(error)}`);
      if (ws === null) socket.destroy();
      else connection.closeFor('failed');
    }
    socket.uncork();
    if (ws !== null) {
      connection.outgoing.written();
      return;
    }
    // the client has gone, or ws refused it
    this.clients.discard(connection);
    this.capacity.release(connection.address);
  }

  #turnAway({ request, socket, address }: Visitor, code: UpgradeRefusalCode): void {
    const acceptance = this.handshake.acceptanceOf(request);
    if (acceptance === null || socket.destroyed) {
      this.capacity.release(address);
      this.refuse(socket, code);
      return;
    }
    this.statistics.handshakes[code]++;
    // the client can delay the end of its socket, and an open socket takes up a place
    socket.once('close', () => this.capacity.release(address));
    closeUpgrade(socket, acceptance, code);
  }
}

function ignore(): void {}
