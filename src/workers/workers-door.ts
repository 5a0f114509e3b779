import { Logger } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { urlOf } from '../config/listening.js';
import { API_ERRORS, errorBody, type ApiErrorCode } from '../operations/api/api-error.js';
import { Callers } from '../operations/callers.js';
import { LogBudget } from '../telemetry/log-budget.js';
import { mergeMetrics } from './merged-metrics.js';
import type { Place } from './place.js';
import type { WorkerDoor } from './worker-door.js';
import { WorkerMetrics } from './worker-metrics.js';

/** How long a probe waits for a worker. Kubernetes and Docker give up after some seconds themselves. */
const HEALTH_PATIENCE_MS = 1_000;
/** Modules' metrics may take 2 s. Prometheus gives up after 10. */
const METRICS_PATIENCE_MS = 4_000;

/** What the door needs to know of the workers. */
interface Workers {
  readonly places: readonly Place[];
  readonly isEnding: boolean;
}

/**
 * The operators' door of a primary. It answers for health and metrics of all its workers together. A worker answers
 * everything else, such as the HTTP API: each worker can do so for the whole cluster.
 */
export class WorkersDoor {
  readonly #warnings = new LogBudget(new Logger('OperationsDoor'));
  readonly #metrics = new WorkerMetrics();
  readonly #callers = new Callers();
  readonly #server: Server;
  /** Which worker answers next. */
  #turn = 0;

  private constructor(private readonly workers: Workers) {
    this.#server = createServer((request, response) =>
      this.#callers.admit(request, response, () => void this.#answer(request, response)),
    );
    this.#callers.watch(this.#server);
  }

  /** Rejects when it cannot listen at this address. */
  static async open(workers: Workers, { host, port }: { host: string; port: number }): Promise<WorkersDoor> {
    const door = new WorkersDoor(workers);
    door.#server.listen({ host, port });
    await once(door.#server, 'listening');
    return door;
  }

  get url(): string {
    return urlOf(this.#server.address() as AddressInfo);
  }

  /** Ends it, and with it all requests. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/'] = (request.url ?? '/').split('?');
    if (request.method === 'GET' || request.method === 'HEAD') {
      if (path === '/healthz') return send(response, 200, { status: 'ok', info: {}, error: {}, details: {} });
      if (path === '/readyz') return this.#ready(response);
      if (path === '/metrics') return this.#scrape(response);
    }
    const door = this.#choose(request.headers['idempotency-key']);
    if (door === null) return refuse(response, 'unavailable');
    door.forward(request, response, (error) => {
      this.#warnings.warn('forward', `A worker has not answered ${request.method} ${path}: ${error.message}`);
      refuse(response, 'internal');
    });
  }

  /** Ready when all workers are ready, except one that is being started again. */
  async #ready(response: ServerResponse): Promise<void> {
    const reports = await Promise.all(
      this.workers.places.map(async (place) => [`worker_${place.number}`, await reportOf(place)] as const),
    );
    const isUp = ([, { status }]: (typeof reports)[number]) => status === 'up';
    const missing = reports.filter((report) => !isUp(report));
    const isOneMissed = missing.length === 1 && missing[0]?.[1].status === 'starting' && reports.length > 1;
    const isReady = (missing.length === 0 || isOneMissed) && !this.workers.isEnding;
    send(response, isReady ? 200 : 503, {
      status: isReady ? 'ok' : 'error',
      info: Object.fromEntries(reports.filter(isUp)),
      error: Object.fromEntries(missing),
      details: Object.fromEntries(reports),
    });
  }

  async #scrape(response: ServerResponse): Promise<void> {
    const { places } = this.workers;
    const answers = await Promise.all(
      places.map(async ({ number, worker }) => {
        const answer = await worker?.door?.get('/metrics', METRICS_PATIENCE_MS).catch(() => undefined);
        return answer?.status === 200 ? [{ number, text: answer.body }] : [];
      }),
    );
    const answered = answers.flat();
    const own = await this.#metrics.text(places, new Set(answered.map(({ number }) => number)));
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(
      mergeMetrics([
        { worker: null, text: own },
        ...answered.map(({ number, text }) => ({ worker: String(number), text })),
      ]),
    );
  }

  /**
   * The worker that answers next. Requests with the same key go to the same worker as long as it serves, because what
   * was done for a key is in the memory of one worker (rendezvous hashing, Thaler and Ravishankar 1998).
   */
  #choose(key: string | string[] | undefined): WorkerDoor | null {
    const serving = this.workers.places.flatMap(({ number, worker }) =>
      worker?.isServing === true && worker.door !== null ? [{ number, door: worker.door }] : [],
    );
    if (serving.length === 0) return null;
    if (key === undefined) return (serving[this.#turn++ % serving.length] as (typeof serving)[number]).door;
    const weighed = serving.map(({ number, door }) => ({ door, weight: weightOf(number, String(key)) }));
    return weighed.reduce((best, each) => (each.weight > best.weight ? each : best)).door;
  }
}

type Report = { readonly status: 'up' | 'down' | 'starting' } & Record<string, unknown>;

async function reportOf({ worker, hasServed }: Place): Promise<Report> {
  if (worker === null || !worker.isServing) {
    return hasServed ? { status: 'starting' } : { status: 'down', problem: 'it is starting' };
  }
  try {
    const { status, body } = (await worker.door?.get('/readyz', HEALTH_PATIENCE_MS)) ?? {
      status: 0,
      body: '{}',
    };
    const { details } = JSON.parse(body) as { details?: Record<string, unknown> };
    return { status: status === 200 ? 'up' : 'down', ...(details === undefined ? {} : { checks: details }) };
  } catch {
    return { status: 'down', problem: `it has not answered within ${HEALTH_PATIENCE_MS} ms` };
  }
}

function weightOf(number: number, key: string): string {
  return createHash('sha256').update(`${number} ${key}`).digest('hex');
}

function refuse(response: ServerResponse, code: ApiErrorCode): void {
  send(response, API_ERRORS[code].status, errorBody(code));
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
