/**
 * R1: what this node tells the others that it holds. The first connection that joins an address announces it, in the same
 * step, and the last that leaves withdraws it.
 *
 * A room lingers before it is withdrawn: a page that is loaded anew, or a room that one person enters and leaves, then
 * costs no announcement and no wait for its acks. While it lingers, messages to it still come here, and reach nobody.
 * Users do not linger: a message to a user who is offline costs no datagram.
 */
import type { Address } from '../contract.js';
import { HASH_BYTES, writeHash } from '../directory/name-hash.js';
import type { NodeParts } from '../node-parts.js';
import { MESSAGE_ANNOUNCE, MESSAGE_HEADER_BYTES, MESSAGE_WITHDRAW } from '../wire/frames.js';

const MESSAGE_BYTES = MESSAGE_HEADER_BYTES + HASH_BYTES;

type Parts = Pick<NodeParts, 'broadcast' | 'limits' | 'localAddresses' | 'routes' | 'timers' | 'timing'>;

export class Interest {
  readonly #message = Buffer.alloc(MESSAGE_BYTES);

  constructor(private readonly parts: Parts) {}

  /** Returns the number of the broadcast record that announces the address. */
  join(now: number, address: Address): number {
    const { localAddresses, routes } = this.parts;
    const key = routes.ownKey(address);
    const held = localAddresses.addConnection(key) ?? localAddresses.announce(key, this.#announce(now, key));
    this.#setTimer();
    return held.announcedIn;
  }

  leave(now: number, address: Address): void {
    const { limits, localAddresses, routes, timing } = this.parts;
    const key = routes.ownKey(address);
    if (!localAddresses.removeConnection(key)) return;
    if (address.kind === 'user') {
      localAddresses.withdraw(key);
      this.#withdraw(now, key);
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
    this.#withdraw(now, this.parts.localAddresses.withdrawOldest());
  }

  /** Returns the number of the broadcast record that carries it. */
  #announce(now: number, key: number): number {
    this.#append(now, MESSAGE_ANNOUNCE, key, true);
    return this.parts.broadcast.nextSequence;
  }

  #withdraw(now: number, key: number): void {
    this.#append(now, MESSAGE_WITHDRAW, key, false);
  }

  #append(now: number, type: number, key: number, isUrgent: boolean): void {
    this.#message[0] = type;
    writeHash(this.#message, MESSAGE_HEADER_BYTES, key);
    this.parts.broadcast.append(now, this.#message, MESSAGE_BYTES, null, 0, isUrgent);
  }

  #setTimer(): void {
    const { localAddresses, timers } = this.parts;
    timers.linger.set(localAddresses.lingersUntil);
  }
}
