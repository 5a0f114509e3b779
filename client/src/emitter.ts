export type Handler<T> = (value: T) => void;

/** What a handler throws goes to the handlers of `error`, or else to the console: it ends nothing. */
export type OnThrown = (error: unknown) => void;

/** Handlers by event, called in the order in which they were added. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<{ handle: Handler<never> }>>();

  constructor(private readonly onThrown: OnThrown) {}

  /** Returns a function that removes the handler. */
  on<E extends keyof Events>(event: E, handle: Handler<Events[E]>): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    // an entry of its own: the same function added twice is called twice
    const entry = { handle };
    this.#handlers.set(event, handlers.add(entry));
    return () => void handlers.delete(entry);
  }

  /** False where there is no handler. */
  emit<E extends keyof Events>(event: E, value: Events[E]): boolean {
    // a copy: handlers come and go while they are called
    const handlers = [...(this.#handlers.get(event) ?? [])];
    for (const { handle } of handlers) {
      try {
        (handle as Handler<Events[E]>)(value);
      } catch (error) {
        this.onThrown(error);
      }
    }
    return handlers.length > 0;
  }
}
