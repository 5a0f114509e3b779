import { Logger, type INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Cluster } from './cluster/cluster.js';
import { within } from './waiting/within.js';
import { ClientGateway } from './gateway/client.gateway.js';
import { Grace } from './gateway/grace.js';
import { moduleFailed } from './telemetry/module-failures.js';
import { UdpBroadcast } from './udp-broadcast/udp-broadcast.js';

/** The part of the grace in which Nest waits for each kind of hook. */
const HOOKS = {
  onModuleDestroy: 'modules',
  beforeApplicationShutdown: 'requests',
  onApplicationShutdown: 'late',
} as const;

/** These limit their waits themselves, and the shutdown consists of them: it never goes on without them. */
const OWN: ReadonlySet<unknown> = new Set([ClientGateway, Cluster, UdpBroadcast]);

type Hook = (...args: unknown[]) => unknown;
type Hooked = Partial<Record<keyof typeof HOOKS, Hook>>;

/**
 * Nest waits for every module's shutdown hooks, without a limit. A hook that does not end must not keep the node from
 * closing its clients and leaving the cluster. So each hook is waited for within its share of the grace. After that it
 * continues in the background.
 */
export class ShutdownHooks {
  readonly #log = new Logger(ShutdownHooks.name);
  readonly #grace: Grace;
  readonly #late = new Map<Promise<unknown>, string>();

  /** @param app its providers must exist already */
  constructor(app: INestApplication) {
    this.#grace = app.get(Grace);
    const seen = new Set<unknown>();
    for (const { providers, controllers, injectables, middlewares } of app.get(ModulesContainer).values()) {
      for (const wrapper of [providers, controllers, injectables, middlewares].flatMap((all) => [
        ...all.values(),
      ])) {
        const transient = wrapper.isTransient ? wrapper.getStaticTransientInstances() : [];
        const instances: unknown[] = [wrapper.instance, ...transient.map((each) => each?.instance)];
        for (const instance of instances) {
          if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
          seen.add(instance);
          if (!OWN.has(wrapper.metatype)) this.#bound(instance, wrapper.name);
        }
      }
    }
  }

  /** Resolves when the late hooks have ended too, or when the grace is over. The log names the hooks that were cut. */
  async ended(): Promise<void> {
    await within(this.#grace.left('late'), Promise.all(this.#late.keys()), undefined);
    for (const name of this.#late.values()) this.#log.warn(`${name} has not ended: it is cut`);
  }

  #bound(instance: Hooked, name: string): void {
    for (const hook of Object.keys(HOOKS) as (keyof typeof HOOKS)[]) {
      const original = instance[hook];
      if (typeof original !== 'function') continue;
      instance[hook] = async (...args) => {
        const what = `${name}.${hook}`;
        const isOver = settle(() => original.apply(instance, args), what);
        const isInTime = await within<boolean>(this.#grace.left(HOOKS[hook]), isOver, false);
        if (!isInTime) this.#follow(isOver, what);
      };
    }
  }

  #follow(isOver: Promise<true>, name: string): void {
    this.#log.warn(`${name} has not ended in its share of SHUTDOWN_GRACE_MS: the node goes on without it`);
    const late = isOver.finally(() => this.#late.delete(late));
    this.#late.set(late, name);
  }
}

/** Resolves when the hook has ended, also when it failed. */
async function settle(hook: () => unknown, what: string): Promise<true> {
  try {
    await hook();
  } catch (error) {
    moduleFailed('hook', what, error);
  }
  return true;
}
