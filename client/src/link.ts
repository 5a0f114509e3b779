import { Backoff } from './backoff.js';
import { deadline } from './deadline.js';
import { Liveness } from './liveness.js';
import type { ConnectOptions, Socket, WebSocketClass } from './options.js';
import { BEARER_PREFIX, REFUSALS, REFUSED, SUBPROTOCOL, TOKEN_EXPIRED, type Frame } from './protocol.js';
import { pageSignals, type Signals } from './signals.js';
import type { Session, State } from './state.js';
import { TokenSource } from './token.js';

const OPEN = 1;
const TOKEN_MS = 20_000;
const READY_MS = 10_000;
/** The wait while the platform says that it is offline. The platform may be wrong. */
const OFFLINE_MS = 20_000;

export interface LinkUser {
  /** The server's `ready` came. */
  opened(session: Session): void;
  /** A connection that was open is gone; another one may come. */
  lost(): void;
  /** Not `ready`. */
  received(frame: Frame): void;
  changed(state: State): void;
}

/** Keeps one WebSocket open to one of the addresses: attempts, waits, close codes, dead links. */
export class Link {
  state: State = { name: 'connecting', reason: '', code: 0 };
  readonly tokens: TokenSource;
  readonly #urls: readonly string[];
  readonly #WebSocket: WebSocketClass;
  readonly #backoff: Backoff;
  readonly #signals: Signals;
  readonly #liveness: Liveness;
  readonly #stopListening: () => void;
  readonly #print: ((line: string) => void) | undefined;
  #socket: Socket | undefined;
  /** Decides which of the addresses is next. */
  #turn = 0;
  /** The number of the current attempt. Events of older attempts are ignored. */
  #attempt = 0;
  #isRefused = false;
  /** Cancels the only timer: the end of an attempt, or of a wait. */
  #cancelTimer: () => void = () => undefined;

  constructor(
    { url, token, WebSocket, backoff, signals, debug }: ConnectOptions,
    private readonly user: LinkUser,
  ) {
    const found = WebSocket ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
    if (found === undefined) throw new TypeError('There is no WebSocket here: pass one, for instance of ws');
    this.#WebSocket = found;
    this.#urls = [url].flat();
    if (this.#urls.length === 0) throw new TypeError('There is no url');
    this.tokens = new TokenSource(token);
    this.#backoff = new Backoff(backoff?.minMs ?? 300, backoff?.maxMs ?? 20_000);
    // oxlint-disable-next-line no-console -- that is what debugging asks for
    this.#print = debug === true ? (line) => console.debug(line) : debug || undefined;
    this.#liveness = new Liveness({
      ping: () => this.send('{"event":"ping"}'),
      buffered: () => this.buffered,
      dead: () => this.#lost(0, 'no answer to a ping', true),
    });
    this.#signals = signals ?? pageSignals;
    this.#stopListening = this.#signals.listen(() => this.#wake());
    // not in this call: its caller wants to add handlers first
    queueMicrotask(() => this.#connect());
  }

  get isOpen(): boolean {
    return this.state.name === 'open' && this.#socket?.readyState === OPEN;
  }

  /** Bytes that wait to be sent. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(text: string): void {
    this.#debug('>', text);
    this.#socket?.send(text);
  }

  close(): void {
    this.#end(1000, 'closed here');
  }

  #connect(): void {
    if (this.state.name === 'closed') return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#cancelTimer = deadline(TOKEN_MS, () => {
      this.tokens.forgetCall();
      this.#lost(0, 'token() takes too long');
    });
    const token = this.tokens.get();
    token.then(
      (value) => attempt === this.#attempt && this.#open(value),
      (error) => attempt === this.#attempt && this.#lost(0, `token() failed: ${error}`),
    );
    this.#become({ name: 'connecting', reason: '', code: 0 });
  }

  #open(token: string | undefined): void {
    const offers = [SUBPROTOCOL, REFUSALS];
    if (token) offers.push(BEARER_PREFIX + token);
    const url = this.#urls[this.#turn % this.#urls.length] as string;
    this.#debug('=', `connecting to ${url}`);
    let socket: Socket;
    try {
      socket = new this.#WebSocket(url, offers);
    } catch (error) {
      // an address or a token that can not be one
      this.#end(0, (error as Error).message);
      return;
    }
    this.#socket = socket;
    const attempt = this.#attempt;
    socket.addEventListener('message', (event) => {
      if (attempt === this.#attempt) this.#receive((event as { data: string }).data);
    });
    socket.addEventListener('close', (event) => {
      const { code, reason } = event as { code: number; reason: string };
      if (attempt === this.#attempt) this.#lost(code, reason);
    });
    // a close follows and says the same, but ws throws an `error` that has no listener
    socket.addEventListener('error', () => undefined);
    this.#cancelTimer();
    this.#cancelTimer = deadline(READY_MS, () => this.#lost(0, 'the server does not get ready', true));
  }

  #receive(text: string): void {
    this.#liveness.heard();
    this.#debug('<', text);
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      return;
    }
    if (frame.event !== 'ready' || this.state.name === 'open') {
      this.user.received(frame);
      return;
    }
    this.#cancelTimer();
    this.#isRefused = false;
    this.#backoff.opened();
    this.#liveness.start();
    this.state = { name: 'open', reason: '', code: 0 };
    this.user.opened(frame.data as Session);
    this.user.changed(this.state);
  }

  /** `isSilent`: the other side sends nothing, so it will not answer a close either. */
  #lost(code: number, reason: string, isSilent = false): void {
    const wasOpen = this.state.name === 'open';
    this.#leave(isSilent);
    const isRefusal = code === TOKEN_EXPIRED || (code === REFUSED && reason === 'unauthorized');
    const mayRetry = isRefusal ? this.tokens.canRenew && !this.#isRefused : code < 4500 || code > 4999;
    if (!mayRetry) {
      this.#end(code, reason);
      return;
    }
    let retryInMs = wasOpen ? this.#backoff.broke() : this.#backoff.failed();
    if (isRefusal) {
      this.#isRefused = true;
      this.tokens.drop(code === TOKEN_EXPIRED ? 'expired' : 'refused');
      if (this.#backoff.isFirst) retryInMs = 0;
    } else this.#turn += 1;
    if (!this.#signals.isOnline()) retryInMs = OFFLINE_MS;
    const timer = setTimeout(() => this.#connect(), retryInMs);
    this.#cancelTimer = () => clearTimeout(timer);
    this.#become({ name: 'waiting', code, reason, retryInMs }, wasOpen);
  }

  #end(code: number, reason: string): void {
    if (this.state.name === 'closed') return;
    this.#leave(false);
    this.#stopListening();
    this.#become({ name: 'closed', code, reason }, true);
  }

  /** Ends the attempt or connection and tells the user nothing. */
  #leave(isSilent: boolean): void {
    this.#attempt += 1;
    this.#cancelTimer();
    this.#liveness.stop();
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    if (isSilent && socket.terminate !== undefined) socket.terminate();
    else socket.close();
  }

  #wake(): void {
    if (this.state.name === 'open') this.#liveness.probe();
    if (this.state.name !== 'waiting') return;
    this.#cancelTimer();
    this.#connect();
  }

  #become(state: State, isLoss = false): void {
    if (this.state.name === 'closed') return;
    this.state = state;
    this.#debug('=', `${state.name} ${state.reason}`);
    // first what was lost: who is told of the new state sees the rooms as they are
    if (isLoss) this.user.lost();
    // a handler may have closed it meanwhile
    if (this.state === state) this.user.changed(state);
  }

  #debug(direction: string, text: string): void {
    if (this.#print === undefined) return;
    const { current } = this.tokens;
    const masked = current ? text.replaceAll(current, '***') : text;
    this.#print(`${direction} ${masked.replace(/([?&]token=)[^&"]*/g, '$1***')}`);
  }
}
