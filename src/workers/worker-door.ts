import { request, type IncomingMessage, type ServerResponse } from 'node:http';

/** The header in which the primary brings the key that it got from the worker. */
export const PRIMARY_KEY_HEADER = 'lanfare-primary-key';

/** The largest answer of a worker's door to the primary itself. Metrics of a worker have some 50 kB. */
const ANSWER_BYTES_MAX = 16 << 20;

/** RFC 9110, 7.6.1: headers that belong to one connection and are not forwarded. */
const OF_ONE_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The part of the operators' door that is in a worker, as the primary sees it. */
export class WorkerDoor {
  constructor(
    private readonly port: number,
    private readonly key: string,
  ) {}

  /** Rejects when the whole answer has not come in time. */
  async get(path: string, patienceMs: number): Promise<Answer> {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ ...this.#to('GET', path), headers: { [PRIMARY_KEY_HEADER]: this.key }, signal }, resolve)
        .on('error', reject)
        .end();
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > ANSWER_BYTES_MAX) throw new RangeError(`more than ${ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk as Buffer);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  }

  /**
   * Lets the worker answer a request.
   *
   * @param failed called when the worker can't, and nothing was answered yet
   */
  forward(incoming: IncomingMessage, response: ServerResponse, failed: (error: Error) => void): void {
    const outgoing = request(this.#to(incoming.method ?? 'GET', incoming.url ?? '/'));
    // each value by itself: a header that comes twice must reach the worker twice
    for (const [name, values] of Object.entries(incoming.headersDistinct)) {
      if (values !== undefined && !OF_ONE_CONNECTION.has(name)) outgoing.setHeader(name, values);
    }
    outgoing.setHeader(PRIMARY_KEY_HEADER, this.key);
    outgoing.on('response', (answer) => {
      for (const [name, values] of Object.entries(answer.headersDistinct)) {
        if (values !== undefined && !OF_ONE_CONNECTION.has(name)) response.setHeader(name, values);
      }
      response.writeHead(answer.statusCode ?? 500);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    outgoing.on('error', (error) => {
      if (response.headersSent) response.destroy();
      else failed(error);
    });
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  #to(method: string, path: string) {
    // each request has its own connection: one that is kept may be closed at the moment in which it is used again
    return { host: '127.0.0.1', port: this.port, agent: false as const, method, path };
  }
}
