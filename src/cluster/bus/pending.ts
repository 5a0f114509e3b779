/** Callbacks that wait for an event of the core. Each has a token, and is called once. */
export class Pending<Callback> {
  readonly #callbacks = new Map<number, Callback>();
  #token = 0;

  /** Returns a new token, never 0. */
  add(callback: Callback): number {
    this.#token += 1;
    this.#callbacks.set(this.#token, callback);
    return this.#token;
  }

  /** Removes the callback with that token, and returns it. */
  take(token: number): Callback | undefined {
    const callback = this.#callbacks.get(token);
    this.#callbacks.delete(token);
    return callback;
  }
}
