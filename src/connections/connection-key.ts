/**
 * Names a place in every connection for what a module keeps there, and its type: `connection.get(key)`,
 * `connection.set(key, value)`. Two keys are never the same, even with the same name, so modules do not get in each
 * other's way.
 *
 *     const cart = new ConnectionKey<Cart>('cart');
 */
export class ConnectionKey<T> {
  /** The type of what is kept. It exists for the compiler alone. */
  declare protected readonly kept: T;

  /** @param name for people who read it; it need not be unique */
  constructor(readonly name: string) {}
}
