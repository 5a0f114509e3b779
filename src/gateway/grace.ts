import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { gatewayConfig } from './gateway.config.js';

/**
 * When each part of the shutdown must be over, as a share of the grace. Time that a part does not use is for the next
 * ones.
 */
const OVER_AT = {
  /** Modules' onModuleDestroy: clients are still served, and wait to be told. */
  modules: 0.1,
  clients: 0.7,
  /** Plain HTTP that is still answered, and modules' beforeApplicationShutdown. */
  requests: 0.75,
  /** Modules' onApplicationShutdown. */
  late: 0.8,
  /** The cluster is left. */
  all: 1,
} as const;

/**
 * To take leave of the cluster takes half a second at most. A shorter grace is exceeded for this, and for nothing else.
 */
const LEAVING_MS = 700;

/** SHUTDOWN_GRACE_MS, counted from the beginning of the shutdown, and what each part of the shutdown may take of it. */
@Injectable()
export class Grace {
  #beganAt: number | null = null;
  #graceMsMax = Number.POSITIVE_INFINITY;

  constructor(@Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>) {}

  /** The shutdown begins, and takes SHUTDOWN_GRACE_MS or less. Calling it again is harmless. */
  begin(graceMsMax = Number.POSITIVE_INFINITY): void {
    if (this.#beganAt !== null) return;
    this.#beganAt = performance.now();
    this.#graceMsMax = graceMsMax;
  }

  /** Milliseconds until this part must be over, at least 0. Begins the shutdown if it has not begun. */
  left(part: keyof typeof OVER_AT): number {
    this.begin();
    const grace = Math.min(this.config.SHUTDOWN_GRACE_MS, this.#graceMsMax);
    const total = part === 'all' ? Math.max(grace, grace * OVER_AT.late + LEAVING_MS) : grace * OVER_AT[part];
    return Math.max(0, (this.#beganAt as number) + total - performance.now());
  }
}
