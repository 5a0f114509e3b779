/** More than the nodes of one cluster can be: a range that is longer is a mistake. */
const PORTS_PER_PEER_MAX = 128;

/** One entry of UDP_PEERS. */
export interface Peer {
  /** A name, or an IPv4 address. */
  readonly host: string;
  readonly ports: readonly number[];
}

/** "host:2222", or "host:2222-2226" for several nodes of a host. Null: it is neither. */
export function parsePeer(text: string): Peer | null {
  const [, host, first, last = first] = /^([^\s:]+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) return null;
  const from = Number(first);
  const count = Number(last) - from + 1;
  if (from < 1 || Number(last) > 65_535 || count < 1 || count > PORTS_PER_PEER_MAX) return null;
  return { host, ports: Array.from({ length: count }, (_, index) => from + index) };
}
