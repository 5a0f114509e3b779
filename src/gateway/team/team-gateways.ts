import { Inject, Injectable, Logger } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA } from '@nestjs/common/internal';
import type { ConfigType } from '@nestjs/config';
import { DiscoveryService } from '@nestjs/core';
import { GATEWAY_METADATA, GATEWAY_OPTIONS } from '@nestjs/websockets/internal';
import { describeError } from '../../telemetry/excerpt.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import { FrameExceptionFilter } from './frame-exception-filter.js';
import { gatewayConfig } from '../gateway.config.js';
import type { GatewayOptions } from './gateway-options.js';

type Hook = (...args: unknown[]) => unknown;
type Gateway = Partial<Record<'handleConnection' | 'handleDisconnect', Hook>>;

/**
 * The gateways of all modules, prepared before Nest connects them. Nest drops the promises of their life-cycle
 * hooks and knows no global filters for WebSockets; so a rejection would end the process, a shutdown would not wait,
 * and errors would go out in a shape of their own. Each gateway's hooks are watched, and each gets our filter
 * behind its own ones. (Hooks of request-scoped gateways can't be watched: gateways should be singletons.)
 */
@Injectable()
export class TeamGateways {
  readonly #warnings = new LogBudget(new Logger(TeamGateways.name));
  readonly #running = new Set<Promise<unknown>>();
  readonly #authenticateByPath = new Map<string, boolean>();

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** To be called once, when all providers exist and before Nest connects the gateways. */
  prepare(): void {
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY_METADATA, metatype)) continue;
      const { path, authenticate = true } = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ??
        {}) as GatewayOptions;
      const full = this.pathOf(path);
      if (!authenticate && full === this.config.WS_PATH) {
        throw new Error(
          `${metatype.name}: WS_PATH is for users: give a gateway without authentication a path`,
        );
      }
      this.#authenticateByPath.set(full, authenticate || (this.#authenticateByPath.get(full) ?? false));
      addFilter(metatype);
      if (typeof instance === 'object' && instance !== null) this.#watch(instance as Gateway, metatype.name);
    }
  }

  pathOf(path: string | undefined): string {
    return `/${(path ?? this.config.WS_PATH).replace(/^\/+/, '')}`;
  }

  isAnonymous(path: string): boolean {
    return this.#authenticateByPath.get(path) === false;
  }

  /** Resolves when no hook is running any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #watch(gateway: Gateway, name: string): void {
    for (const hook of ['handleConnection', 'handleDisconnect'] as const) {
      const original = gateway[hook];
      if (typeof original !== 'function') continue;
      gateway[hook] = (...args) => {
        try {
          const result = original.apply(gateway, args);
          if (result instanceof Promise) this.#follow(result, `${name}.${hook}`);
        } catch (error) {
          this.#failed(`${name}.${hook}`, error);
        }
      };
    }
  }

  #follow(work: Promise<unknown>, what: string): void {
    const running = work
      .catch((error: unknown) => this.#failed(what, error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #failed(what: string, error: unknown): void {
    this.#warnings.warn('hook', `${what} failed: ${describeError(error)}`);
  }
}

/** The first filter of a class is the last one Nest asks: a team's own win. */
function addFilter(metatype: object): void {
  const present = (Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, metatype) ?? []) as unknown[];
  if (present.some((filter) => filter instanceof FrameExceptionFilter)) return;
  const filters = [new FrameExceptionFilter(), ...present];
  Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, filters, metatype);
}
