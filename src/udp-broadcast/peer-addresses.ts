import { lookup } from 'node:dns/promises';
import { BehaviorSubject, distinctUntilChanged, type Observable } from 'rxjs';
import { parsePeer, type Peer } from './peer.js';

/** How often names are asked again: pods and machines come and go under one name. */
const RESOLVE_INTERVAL_MS = 15_000;
/** The same while no peer was met: a node that starts before its DNS must not be alone for long. */
const SEEK_INTERVAL_MS = 1_000;
/** A name that resolves to more is a mistake: a cluster has at most 128 nodes. */
const ADDRESSES_PER_NAME_MAX = 256;

export interface ResolvedPeers {
  /** "10.0.0.7:2222" of every peer but this node, as last resolved. */
  readonly addresses: readonly string[];
  /** False: some name has never resolved, so there may be a node that is not known. */
  readonly areAllResolved: boolean;
}

/**
 * The addresses of UDP_PEERS. Names are resolved again and again: every second until a peer was met, then more
 * rarely. A name that does not resolve now keeps its last addresses: a broken DNS server must not break the cluster.
 */
export class PeerAddresses {
  readonly #resolved = new Map<string, string[]>();
  readonly #peers = new BehaviorSubject<ResolvedPeers>({ addresses: [], areAllResolved: false });
  #isSeeking = true;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  /** Hot; replays the latest; completes on `close`. */
  readonly peers$: Observable<ResolvedPeers> = this.#peers.pipe(
    distinctUntilChanged(
      (before, now) =>
        before.areAllResolved === now.areAllResolved && before.addresses.join() === now.addresses.join(),
    ),
  );

  constructor(
    private readonly peers: readonly string[],
    private readonly isOwn: (endpoint: string) => boolean,
    private readonly failed: (peer: string, error: Error) => void,
    private readonly resolve: (host: string) => Promise<string[]> = resolveIPv4,
  ) {}

  get addresses(): readonly string[] {
    return this.#peers.value.addresses;
  }

  /** Resolves when every name has been asked once. */
  async open(): Promise<void> {
    await this.#refresh();
    this.#askLater();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#peers.complete();
  }

  /** True: no peer is known, so names are resolved more often. */
  seek(isSeeking: boolean): void {
    if (isSeeking === this.#isSeeking) return;
    this.#isSeeking = isSeeking;
    // If no timer is set, names are being asked at this moment.
    if (this.#timer !== undefined) this.#askLater();
  }

  /** One round after the other: a slow DNS server is not asked the same twice at once. */
  #askLater(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const delayMs = this.#isSeeking ? SEEK_INTERVAL_MS : RESOLVE_INTERVAL_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#refresh().then(() => this.#askLater());
    }, delayMs).unref();
  }

  async #refresh(): Promise<void> {
    await Promise.all(
      this.peers.map(async (peer) => {
        const { host, ports } = parsePeer(peer) as Peer; // judged with the configuration
        try {
          const hosts = (await this.resolve(host)).slice(0, ADDRESSES_PER_NAME_MAX);
          this.#resolved.set(
            peer,
            hosts.flatMap((address) => ports.map((port) => `${address}:${port}`)),
          );
        } catch (error) {
          this.failed(peer, error as Error);
        }
      }),
    );
    const addresses = [...new Set([...this.#resolved.values()].flat())]
      .filter((address) => !this.isOwn(address))
      .sort();
    this.#peers.next({ addresses, areAllResolved: this.peers.every((peer) => this.#resolved.has(peer)) });
  }
}

async function resolveIPv4(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, family: 4 })).map(({ address }) => address);
}
