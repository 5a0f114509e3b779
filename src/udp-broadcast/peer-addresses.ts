import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { BehaviorSubject, distinctUntilChanged, type Observable } from 'rxjs';

/** How often names are asked again: pods and machines come and go under one name. */
const RESOLVE_INTERVAL_MS = 15_000;
/** A name that resolves to more is a mistake; the cluster itself holds at most 128 nodes. */
const ADDRESSES_PER_NAME_MAX = 256;

/**
 * UDP_PEERS as addresses, resolved again and again. A name that does not resolve now keeps the addresses it had:
 * a sick DNS server must not take the cluster apart.
 */
export class PeerAddresses {
  readonly #resolved = new Map<string, string[]>();
  readonly #addresses = new BehaviorSubject<readonly string[]>([]);
  #timer: NodeJS.Timeout | undefined;

  /** "10.0.0.7:2222" of every peer but this node. Hot; replays the latest; completes on `close`. */
  readonly addresses$: Observable<readonly string[]> = this.#addresses.pipe(
    distinctUntilChanged((before, now) => before.join() === now.join()),
  );

  constructor(
    private readonly peers: readonly string[],
    private readonly ownPort: number,
    private readonly failed: (peer: string, error: Error) => void,
    private readonly resolve: (host: string) => Promise<string[]> = resolveIPv4,
  ) {}

  get addresses(): readonly string[] {
    return this.#addresses.value;
  }

  async open(): Promise<void> {
    await this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), RESOLVE_INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#addresses.complete();
  }

  async #refresh(): Promise<void> {
    await Promise.all(
      this.peers.map(async (peer) => {
        const [host = '', port = ''] = peer.split(':');
        try {
          const hosts = await this.resolve(host);
          this.#resolved.set(
            peer,
            hosts.slice(0, ADDRESSES_PER_NAME_MAX).map((address) => `${address}:${port}`),
          );
        } catch (error) {
          this.failed(peer, error as Error);
        }
      }),
    );
    const own = ownEndpoints(this.ownPort);
    this.#addresses.next(
      [...new Set([...this.#resolved.values()].flat())].filter((address) => !own.has(address)).sort(),
    );
  }
}

async function resolveIPv4(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, family: 4 })).map(({ address }) => address);
}

function ownEndpoints(port: number): Set<string> {
  const addresses = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return new Set(addresses.map(({ address }) => `${address}:${port}`));
}
