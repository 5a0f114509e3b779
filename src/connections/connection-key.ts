/**
 * Names a place in every connection for what a module keeps there, and its type: `connection.get(key)`, `connection.set(key,
 * value)`. Two keys are never the same, whatever they are called, so modules don't meet.
 *
 *     const cart = new ConnectionKey<Cart>('cart');
 */
export class ConnectionKey<T> {
  /** The type of what is kept. It exists for the compiler alone. */
  declare protected readonly kept: T;

  /** @param name for people who read it; it need not be unique */
  constructor(readonly name: string) {}
}
