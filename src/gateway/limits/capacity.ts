import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { clientsWithin, openFilesMax } from '../../config/open-files.js';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import type { UpgradeRefusalCode } from '../../wire/codes.js';
import { gatewayConfig } from '../gateway.config.js';
import { AddressCounts } from './address-counts.js';
import { countedAddress } from './client-address.js';
import { TokenBucket } from './token-bucket.js';

/** Files reserved for sockets that are in their handshake, or that are told that the node is full. */
const HANDSHAKES_RESERVED = 128;
/** Used when the file limit is not known. */
const CONNECTIONS_FALLBACK = 10_000;

/**
 * How many clients this node takes: in total, per address, per second and per user. A place is held from upgrade to
 * close.
 */
@Injectable()
export class Capacity {
  /** Clients at a time. */
  readonly connectionsMax: number;
  readonly #perAddress: number;
  readonly #perUser: number;
  readonly #byAddress = new AddressCounts();
  readonly #rate: TokenBucket | null;
  #taken = 0;

  constructor(
    private readonly connections: ConnectionRegistry,
    @Inject(gatewayConfig.KEY) config: ConfigType<typeof gatewayConfig>,
  ) {
    const byFiles = connectionsAllowedByFiles();
    const wanted = config.WS_MAX_CONNECTIONS || byFiles;
    this.connectionsMax = Math.min(wanted, byFiles);
    if (wanted > byFiles) {
      new Logger(Capacity.name).warn(
        `WS_MAX_CONNECTIONS=${wanted} is more than the file limit allows: taking ${byFiles}. Raise it (ulimit -n)`,
      );
    }
    this.#perAddress = config.WS_MAX_CONNECTIONS_PER_IP;
    this.#perUser = config.WS_MAX_CONNECTIONS_PER_USER;
    const perSecond = config.WS_CONNECTIONS_PER_SECOND;
    this.#rate = perSecond === 0 ? null : new TokenBucket(perSecond, perSecond, performance.now());
  }

  /** Sockets the node may keep: clients, and those that are not clients yet. More would end in EMFILE. */
  get socketsMax(): number {
    return this.connectionsMax + HANDSHAKES_RESERVED;
  }

  /** Takes a place, to be given back by `release`; or says why there is none. */
  take(address: string): UpgradeRefusalCode | null {
    if (this.#taken >= this.connectionsMax) return 'full';
    // counted only when it is limited: the map would cost memory for every client
    const counted = this.#perAddress > 0 ? countedAddress(address) : null;
    if (counted !== null && this.#byAddress.of(counted) >= this.#perAddress) return 'too_many_from_address';
    if (this.#rate !== null && !this.#rate.takeWithoutDebt(performance.now())) return 'connecting_too_fast';
    this.#taken++;
    if (counted !== null) this.#byAddress.add(counted);
    return null;
  }

  /** Whether the user may have another device here. Upgrades that are held count as devices. */
  hasRoomFor(userId: string): boolean {
    return this.#perUser === 0 || this.connections.count(userId) < this.#perUser;
  }

  release(address: string): void {
    this.#taken--;
    if (this.#perAddress > 0) this.#byAddress.remove(countedAddress(address));
  }
}

/** A node must answer 503 before it runs into EMFILE. */
function connectionsAllowedByFiles(): number {
  const files = openFilesMax();
  return files === null ? CONNECTIONS_FALLBACK : Math.max(1, clientsWithin(files));
}
