import { TokenBucket } from './token-bucket.js';
import type { UpgradeRefusalCode } from '../wire/codes.js';

/** Open files that are not clients': listening sockets, UDP, logs, DNS, the operators' door, and refusals under way. */
const FILES_RESERVED = 256;
/** Where the file limit can't be told. */
const CONNECTIONS_FALLBACK = 10_000;

export interface CapacityLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly connectionsPerSecond: number;
}

/** How many clients this node takes, altogether, by address and by second. A place is held from upgrade to close. */
export class Capacity {
  readonly #byAddress = new Map<string, number>();
  readonly #rate: TokenBucket | null;
  #taken = 0;

  constructor(private readonly limits: CapacityLimits) {
    const perSecond = limits.connectionsPerSecond;
    this.#rate = perSecond === 0 ? null : new TokenBucket(perSecond, perSecond, performance.now());
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place, to be given back by `release`; or says why there is none. */
  take(address: string): UpgradeRefusalCode | null {
    if (this.#taken >= this.limits.connections) return 'full';
    if (this.#rate !== null && !this.#rate.take(performance.now())) return 'connecting_too_fast';
    const fromAddress = this.#byAddress.get(address) ?? 0;
    if (this.limits.connectionsPerAddress > 0 && fromAddress >= this.limits.connectionsPerAddress) {
      return 'too_many_from_address';
    }
    this.#taken++;
    // counted only when it is limited: the map would cost memory for every client
    if (this.limits.connectionsPerAddress > 0) this.#byAddress.set(address, fromAddress + 1);
    return null;
  }

  release(address: string): void {
    this.#taken--;
    if (this.limits.connectionsPerAddress === 0) return;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }
}

/** What the process's file limit allows, less a reserve: a node must answer 503, never meet EMFILE. */
export function connectionsAllowedByFiles(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  if (!Number.isFinite(soft)) return CONNECTIONS_FALLBACK;
  return Math.max(1, soft - FILES_RESERVED);
}
