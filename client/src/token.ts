/** Why a token is asked for: `connect` is the first time. */
export type TokenReason = 'connect' | 'expiring' | 'expired' | 'refused';

/** A JWT, or a function that gets one. It is called again when the last one expires or is refused. */
export type TokenOption = string | ((request: { reason: TokenReason }) => string | Promise<string>);

/** The token of the connection. One call at a time, whoever asks. */
export class TokenSource {
  #token: string | undefined;
  #call: Promise<string> | undefined;
  #reason: TokenReason = 'connect';

  constructor(private readonly source: TokenOption | undefined) {
    if (typeof source === 'string') this.#token = source;
  }

  get canRenew(): boolean {
    return typeof this.source === 'function';
  }

  /** The one in use: debugging masks it. */
  get current(): string | undefined {
    return this.#token;
  }

  async get(): Promise<string | undefined> {
    return this.#token ?? (this.canRenew ? this.renew(this.#reason) : undefined);
  }

  async renew(reason: TokenReason): Promise<string> {
    const source = this.source as Exclude<TokenOption, string>;
    const call = (this.#call ??= (async () => source({ reason }))());
    try {
      const token = await call;
      if (call === this.#call) this.#token = token;
      return token;
    } finally {
      this.forgetCall(call);
    }
  }

  /** The next `get` asks for another one. */
  drop(reason: TokenReason): void {
    this.#token = undefined;
    this.#reason = reason;
  }

  /** A call that takes too long: its result is not waited for. */
  forgetCall(call = this.#call): void {
    if (call === this.#call) this.#call = undefined;
  }
}
