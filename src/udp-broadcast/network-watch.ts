import { readNetworks, type Network } from './network.js';

/**
 * Node has no event for changes of networks, so they are read at this interval. It is less than half the time after
 * which a silent node is lost. Reading takes 0.1 ms.
 */
const LOOK_EVERY_MS = 2_000;

/** The networks of this machine. It looks every 2 s, because interfaces, addresses and links come and go. */
export class NetworkWatch {
  #networks: readonly Network[] = [];
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param looked called at every look after the first, with what has changed since the last one, for the log:
   *   "gone: eth0 10.0.0.1/24 (02:42:0a:00:00:01)". Null: nothing has changed
   * @param failed called when the networks could not be read; they count as unchanged
   */
  constructor(
    private readonly looked: (change: string | null) => void,
    private readonly failed: (error: Error) => void,
    private readonly read: () => Network[] = readNetworks,
  ) {}

  /** As of the last look. */
  get networks(): readonly Network[] {
    return this.#networks;
  }

  /** @throws when the networks can't be read */
  open(): void {
    this.#networks = this.read();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const before = this.#networks;
    try {
      this.#networks = this.read();
    } catch (error) {
      this.failed(error as Error);
      return;
    }
    this.looked(difference(before.map(describe), this.#networks.map(describe)));
  }
}

/** An interface that was removed and put back has the same name and address, but another hardware address. */
const describe = ({ name, cidr, mac }: Network): string => `${name} ${cidr} (${mac})`;

function difference(before: readonly string[], now: readonly string[]): string | null {
  const gone = before.filter((network) => !now.includes(network));
  const come = now.filter((network) => !before.includes(network));
  const parts = [
    ...(gone.length > 0 ? [`gone: ${gone.join(', ')}`] : []),
    ...(come.length > 0 ? [`new: ${come.join(', ')}`] : []),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}
