import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Finds out where a client really is behind the proxies we trust. X-Forwarded-For is read from the right, the only
 * end a client can't write: the first address that is no trusted proxy is the client's.
 */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #areProxiesTrusted: boolean;

  /** @param proxies addresses, or subnets such as 10.0.0.0/8 */
  constructor(proxies: readonly string[]) {
    this.#areProxiesTrusted = proxies.length > 0;
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/');
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  of(request: IncomingMessage): string {
    let address = normal(request.socket.remoteAddress ?? '');
    if (!this.#areProxiesTrusted) return address;
    const header = request.headers['x-forwarded-for'];
    const hops = (Array.isArray(header) ? header.join() : (header ?? ''))
      .split(',')
      .map((hop) => normal(hop.trim()));
    while (this.#isTrusted(address)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    return isIP(address) !== 0 && this.#trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
}

/** IPv4 as seen by a dual-stack socket is IPv4. */
function normal(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}
