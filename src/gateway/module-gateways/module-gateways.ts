import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA } from '@nestjs/common/internal';
import type { ConfigType } from '@nestjs/config';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { GATEWAY_METADATA, GATEWAY_OPTIONS, MESSAGE_METADATA } from '@nestjs/websockets/internal';
import { moduleFailed } from '../../telemetry/module-failures.js';
import { EVENTS_HANDLED, isCoreEvent } from '../../wire/core-events.js';
import { FrameExceptionFilter } from './frame-exception.filter.js';
import { gatewayConfig } from '../gateway.config.js';
import { isPromiseLike } from '../../waiting/promise-like.js';
import { within } from '../../waiting/within.js';
import type { GatewayOptions } from './gateway-options.js';

/** When a gateway is not initialised after this time, the start fails. */
const INIT_TIMEOUT_MS = 60_000;

type Hook = (this: unknown, ...args: unknown[]) => unknown;
type HookName = 'afterInit' | 'handleConnection' | 'handleDisconnect';
type Gateway = Partial<Record<HookName, Hook>>;
type GatewayClass = (abstract new (...args: never[]) => Gateway) & { readonly prototype: Gateway };

/**
 * The gateways of all modules, prepared before Nest connects them. Nest drops the promises of their life-cycle hooks,
 * and knows no global filters for WebSockets. Without this class a rejection would be lost, a shutdown would not wait
 * for hooks, and errors would not have the protocol's form. So each gateway's hooks are watched, and each gateway gets
 * our filter behind its own ones.
 */
@Injectable()
export class ModuleGateways implements OnApplicationBootstrap {
  readonly #authenticateByPath = new Map<string, boolean>();
  readonly #handlersByEvent = new Map<string, string>();
  readonly #initialising: Promise<void>[] = [];
  #running = 0;
  #settled: (() => void)[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** To be called once, when all providers exist and before Nest connects the gateways. */
  prepare(): void {
    for (const wrapper of this.discovery.getProviders()) {
      const { metatype, instance } = wrapper;
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY_METADATA, metatype)) continue;
      const gateway = metatype as unknown as GatewayClass;
      const { path, authenticate = true } = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ??
        {}) as GatewayOptions;
      const full = this.pathOf(path);
      if (!authenticate && full === this.config.WS_PATH) {
        throw new Error(
          `${gateway.name}: WS_PATH is for users: give a gateway without authentication a path`,
        );
      }
      this.#authenticateByPath.set(full, authenticate || (this.#authenticateByPath.get(full) ?? false));
      this.#learnHandlers(gateway, full);
      addFilter(gateway);
      if (wrapper.isDependencyTreeStatic()) this.#watch(instance as Gateway, gateway.name);
      else this.#watchClass(gateway);
    }
  }

  /** Rejects when a gateway could not be initialised: the node must not serve without it. */
  async onApplicationBootstrap(): Promise<void> {
    await Promise.all(this.#initialising);
  }

  pathOf(path: string | undefined): string {
    return `/${(path ?? this.config.WS_PATH).replace(/^\/+/, '')}`;
  }

  isAnonymous(path: string): boolean {
    return this.#authenticateByPath.get(path) === false;
  }

  /** Who handles an event, for the log: class and event. */
  handlersOf(event: string): string {
    return this.#handlersByEvent.get(event) ?? `A handler of "${event}"`;
  }

  /** Resolves when no hook is running any more. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  #learnHandlers({ name, prototype }: GatewayClass, path: string): void {
    const methods = prototype as Record<string, Hook>;
    for (const method of new MetadataScanner().getAllMethodNames(prototype)) {
      const event: unknown = Reflect.getMetadata(MESSAGE_METADATA, methods[method] as Hook);
      if (typeof event !== 'string') continue;
      const isTaken = (EVENTS_HANDLED as readonly string[]).includes(event);
      if (isTaken || (path === this.config.WS_PATH && isCoreEvent(event))) {
        throw new Error(`${name}.${method}: the event "${event}" is the core's own: give it another name`);
      }
      const others = this.#handlersByEvent.get(event);
      const handler = `${name}.${method}, event "${event}"`;
      this.#handlersByEvent.set(event, others === undefined ? handler : `${others}, or ${handler}`);
    }
  }

  #watch(gateway: Gateway, name: string): void {
    this.#watchHook(gateway, 'afterInit', (...call) => this.#initialise(...call), name);
    this.#watchHook(gateway, 'handleConnection', (...call) => this.#run(...call), name);
    this.#watchHook(gateway, 'handleDisconnect', (...call) => this.#run(...call), name);
  }

  /**
   * Nest makes an instance of a request-scoped gateway for each client when the client connects, whether or not the
   * gateway has hooks. If that fails, Nest reports it as an error of the hook, so a class without hooks gets empty
   * ones.
   */
  #watchClass({ name, prototype }: GatewayClass): void {
    prototype.handleConnection ??= doNothing;
    prototype.handleDisconnect ??= doNothing;
    this.#watch(prototype, name);
  }

  #watchHook(
    gateway: Gateway,
    hook: HookName,
    watched: (work: () => unknown, what: string) => Promise<void> | undefined,
    name: string,
  ): void {
    const original = gateway[hook];
    if (typeof original !== 'function') return;
    gateway[hook] = function (this: unknown, ...args) {
      return watched(() => original.apply(this, args), `${name}.${hook}`);
    };
  }

  #initialise(work: () => unknown, what: string): undefined {
    const late = new Error(`${what} has not ended within ${INIT_TIMEOUT_MS / 1000} s`);
    const initialised = within<unknown>(INIT_TIMEOUT_MS, settle(work), late).then(
      (result) => {
        if (result === late) throw late;
      },
      (error: unknown) => {
        throw new Error(`${what} failed: ${String(error)}`, { cause: error });
      },
    );
    initialised.catch(doNothing); // a rejection is handled where this promise is awaited
    this.#initialising.push(initialised);
    return undefined;
  }

  /** What it returns never rejects. */
  #run(work: () => unknown, what: string): Promise<void> | undefined {
    try {
      const result = work();
      return isPromiseLike(result) ? this.#follow(result, what) : undefined;
    } catch (error) {
      moduleFailed('hook', what, error);
      return undefined;
    }
  }

  async #follow(work: PromiseLike<unknown>, what: string): Promise<void> {
    this.#running++;
    try {
      await work;
    } catch (error) {
      moduleFailed('hook', what, error);
    }
    if (--this.#running > 0) return;
    for (const resolve of this.#settled) resolve();
    this.#settled = [];
  }
}

function doNothing(): void {}

async function settle(work: () => unknown): Promise<unknown> {
  return work();
}

/** Nest asks the first filter of a class last, so a team's own filters come before ours. */
function addFilter(gateway: GatewayClass): void {
  const present = (Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, gateway) ?? []) as unknown[];
  if (present.some((filter) => filter instanceof FrameExceptionFilter)) return;
  const filters = [new FrameExceptionFilter(gateway.name), ...present];
  Reflect.defineMetadata(EXCEPTION_FILTERS_METADATA, filters, gateway);
}
