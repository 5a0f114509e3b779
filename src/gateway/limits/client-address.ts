import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, SocketAddress, type Socket } from 'node:net';

/** The least a network hands to one customer (RFC 6177): whoever has one IPv6 address has 2^64 of them. */
const IPV6_COUNTED_BITS = 64;
const IPV6_GROUP_BITS = 16;
const IPV6_GROUPS = 8;
/** RFC 4291 2.5.5.2: how a dual-stack socket writes IPv4. */
const MAPPED = '::ffff:';
const MAPPED_BITS = 96;

/**
 * Finds out where a client really is behind the proxies we trust. X-Forwarded-For is read from the right, the only
 * end a client can't write: the first address that is no trusted proxy is the client's. Where a proxy says something
 * else (`unknown`, a name) nothing further left is believed: the proxy stands for its client.
 */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #areProxiesTrusted: boolean;

  /** @param proxies addresses, or subnets such as 10.0.0.0/8 */
  constructor(proxies: readonly string[]) {
    this.#areProxiesTrusted = proxies.length > 0;
    for (const proxy of proxies) {
      const [written = '', prefix] = proxy.split('/');
      const address = canonicalAddress(written) ?? written;
      if (prefix === undefined) {
        this.#trusted.addAddress(address, family(address));
        continue;
      }
      const bits = Number(prefix) - (isIPv4(address) && !isIPv4(written) ? MAPPED_BITS : 0);
      if (bits >= 0) this.#trusted.addSubnet(address, bits, family(address));
      else this.#trusted.addSubnet(written, Number(prefix), 'ipv6');
    }
  }

  /** In canonical form: one text for each address. */
  of(request: IncomingMessage): string {
    let address = addressOf(request.socket);
    if (!this.#areProxiesTrusted) return address;
    const header = request.headers['x-forwarded-for'];
    const hops = (Array.isArray(header) ? header.join() : (header ?? ''))
      .split(',')
      .map((hop) => hop.trim())
      .filter((hop) => hop !== ''); // RFC 9110 5.6.1: empty elements of a list mean nothing
    while (this.#isTrusted(address)) {
      const hop = canonicalAddress(hops.pop() ?? '');
      if (hop === null) break;
      address = hop;
    }
    return address;
  }

  /** The address of a socket that has sent nothing yet. Null: a trusted proxy, which brings clients of any address. */
  ofPeer(socket: Socket): string | null {
    const address = addressOf(socket);
    return this.#areProxiesTrusted && this.#isTrusted(address) ? null : address;
  }

  #isTrusted(address: string): boolean {
    return isIP(address) !== 0 && this.#trusted.check(address, family(address));
  }
}

/**
 * What an address is counted as where addresses have limits: an IPv4 address as itself, an IPv6 address as the
 * subnet it is in.
 *
 * @param address in canonical form
 */
export function countedAddress(address: string): string {
  // IPv4 hosts behind a translator (RFC 6052) share one subnet, and nothing else
  if (isIP(address) !== 6 || address.startsWith('64:ff9b::')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: IPV6_GROUPS - first.length - last.length }, () => '0');
  const counted = [...first, ...zeros, ...last].slice(0, IPV6_COUNTED_BITS / IPV6_GROUP_BITS);
  return `${counted.join(':')}::/${IPV6_COUNTED_BITS}`;
}

/**
 * The one spelling of an address. Proxies and sockets write it with a port or without, IPv6 in brackets or not, with a
 * zone, or IPv4 as a dual-stack socket sees it (the result is IPv4). Null: the text is no address. (The library for
 * this, proxy-addr, knows no ports, and takes `010.0.0.1` for 8.0.0.1. The check of Node itself is strict.)
 */
export function canonicalAddress(text: string): string | null {
  const [address = ''] = withoutPort(text).split('%', 1);
  if (isIP(address) === 0) return null;
  const canonical = new SocketAddress({ address, family: family(address) }).address;
  return isIPv4(canonical.slice(MAPPED.length)) && canonical.startsWith(MAPPED)
    ? canonical.slice(MAPPED.length)
    : canonical;
}

function addressOf({ remoteAddress = '' }: Socket): string {
  return canonicalAddress(remoteAddress) ?? remoteAddress;
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.indexOf(':');
  // IPv6 has two colons at least
  return colon >= 0 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
