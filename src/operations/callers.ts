import { Injectable } from '@nestjs/common';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * More than the probes, scrapers and backends of a node hold at a time. They, the sockets of handshakes and the node's
 * own files must fit into what the file limit leaves (FILES_RESERVED).
 */
export const CALLERS_MAX = 64;
/** Requests of a socket that wait for their answers. Probes, scrapers and backends send one at a time. */
const UNANSWERED_MAX = 10;
/** Within this time a request must be complete. A body has 1 MiB at most. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often Node looks for requests that are too slow. */
const SLOWNESS_CHECK_MS = 1000;

/**
 * The sockets of the operators' door. Their number is limited. When one more comes, the socket that was idle longest is
 * cut. When none is idle, the one that has waited longest for its answer is cut. So a caller that holds many sockets
 * can neither keep probes out nor take the files of clients.
 */
@Injectable()
export class Callers {
  /** Sockets without a request, the one that is idle longest first. */
  readonly #idle = new Set<Socket>();
  /** Sockets that wait for answers, and for how many. */
  readonly #waiting = new Map<Socket, number>();
  #cut = 0;

  get size(): number {
    return this.#idle.size + this.#waiting.size;
  }

  /** Sockets that were cut because there were too many, or because they had too many requests. Only grows. */
  get cut(): number {
    return this.#cut;
  }

  /** To be called once, before `server` listens. */
  watch(server: Server): void {
    server.headersTimeout = server.requestTimeout = REQUEST_TIMEOUT_MS;
    // read by Node when the server starts to listen
    Object.assign(server, { connectionsCheckingInterval: SLOWNESS_CHECK_MS });
    server.on('connection', (socket: Socket) => {
      if (this.size >= CALLERS_MAX) this.#makeRoom();
      this.#idle.add(socket);
      socket.once('close', () => this.#forget(socket));
    });
  }

  /** A middleware that runs before all others: a refused request must cost nothing more. */
  readonly admit = ({ socket }: IncomingMessage, response: ServerResponse, next: () => void): void => {
    if (socket.destroyed) return; // it was cut, and this is the rest of what it sent
    const waiting = this.#waiting.get(socket) ?? 0;
    if (waiting >= UNANSWERED_MAX) {
      this.#end(socket);
      return;
    }
    this.#idle.delete(socket);
    this.#waiting.set(socket, waiting + 1);
    response.once('close', () => this.#answered(socket));
    next();
  };

  #answered(socket: Socket): void {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return; // it has closed
    if (waiting > 1) {
      this.#waiting.set(socket, waiting - 1);
    } else {
      this.#waiting.delete(socket);
      this.#idle.add(socket);
    }
  }

  #makeRoom(): void {
    const [longest] = this.#idle.size > 0 ? this.#idle : this.#waiting.keys();
    if (longest !== undefined) this.#end(longest);
  }

  #end(socket: Socket): void {
    this.#cut++;
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    this.#idle.delete(socket);
    this.#waiting.delete(socket);
  }
}
