import type { Socket } from 'node:dgram';
import { ConfigurationError } from '../config/variables.js';

/** Routers must not carry the cluster's datagrams off the LAN. */
const TTL = 1;

/** A multicast group, and the interface by which it is reached. */
export class MulticastGroup {
  /** @param from address of the interface; undefined: the kernel chooses by its routes */
  constructor(
    readonly address: string,
    private readonly from: string | undefined,
  ) {}

  /** @throws {ConfigurationError} when no interface leads to the group */
  join(shared: Socket): void {
    try {
      shared.addMembership(this.address, this.from);
    } catch (error) {
      const message = `no way to the group ${this.address}: ${(error as Error).message}`;
      throw new ConfigurationError([{ variable: 'UDP_INTERFACE', message }]);
    }
  }

  /** The kernel remembers the interface, not its address. So call this again when the interface may be another. */
  sendFrom(own: Socket): void {
    if (this.from !== undefined) own.setMulticastInterface(this.from);
    own.setMulticastLoopback(true);
    own.setMulticastTTL(TTL);
  }

  /**
   * The kernel forgets the membership when the interface goes away. It does not report that, and does not restore the
   * membership. Joining again shows whether the membership was lost.
   * @throws while no interface leads to the group
   */
  isForgottenBy(shared: Socket): boolean {
    try {
      shared.addMembership(this.address, this.from);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE') return false;
      // a socket has room for 20 memberships, and those whose interface is gone count too
      if (code === 'ENOBUFS') return true;
      throw error;
    }
  }
}
