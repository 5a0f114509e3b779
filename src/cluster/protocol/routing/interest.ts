/**
 * R1: what this node tells the others that it holds. The first connection that joins an address announces it, in the same
 * step, and the last that leaves withdraws it.
 *
 * A room lingers before it is withdrawn: a page that is loaded anew, or a room that one person enters and leaves, then
 * costs no announcement and no wait for its acks. While it lingers, messages to it still come here, and reach nobody.
 * Users do not linger: a message to a user who is offline costs no datagram.
 */
import type { Address } from '../contract.js';
import type { NodeParts } from '../node-parts.js';
import type { Routing } from './routing.js';

type Parts = Pick<NodeParts, 'limits' | 'localAddresses' | 'routes' | 'timers' | 'timing'>;

export class Interest {
  constructor(
    private readonly parts: Parts,
    private readonly routing: Routing,
  ) {}

  /** Returns the number of the broadcast record that announces the address. */
  join(now: number, address: Address): number {
    const { localAddresses, routes } = this.parts;
    const key = routes.ownKey(address);
    const held =
      localAddresses.addConnection(key) ?? localAddresses.announce(key, this.routing.announce(now, key));
    this.#setTimer();
    return held.announcedIn;
  }

  leave(now: number, address: Address): void {
    const { limits, localAddresses, routes, timing } = this.parts;
    const key = routes.ownKey(address);
    if (!localAddresses.removeConnection(key)) return;
    if (address.kind === 'user') {
      localAddresses.withdraw(key);
      this.routing.withdraw(now, key);
      return;
    }
    localAddresses.linger(key, now + timing.lingerMs);
    if (localAddresses.lingering > limits.lingeringMax) this.#withdrawOldest(now);
    this.#setTimer();
  }

  /** Withdraws what has lingered for long enough. */
  expire(now: number): void {
    while (this.parts.localAddresses.lingersUntil <= now) this.#withdrawOldest(now);
    this.#setTimer();
  }

  #withdrawOldest(now: number): void {
    this.routing.withdraw(now, this.parts.localAddresses.withdrawOldest());
  }

  #setTimer(): void {
    const { localAddresses, timers } = this.parts;
    timers.linger.set(localAddresses.lingersUntil);
  }
}
