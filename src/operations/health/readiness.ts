import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { RunningNode } from '../running-node.js';
import { Load } from './load.js';

/** What must be true of a node before clients are sent to it. A check that fails says why, for people. */
@Injectable()
export class Readiness {
  constructor(
    private readonly node: RunningNode,
    private readonly load: Load,
    private readonly indicators: HealthIndicatorService,
  ) {}

  readonly checks: readonly (() => HealthIndicatorResult)[] = [
    () => this.#door(),
    () => this.#cluster(),
    () => this.#nodes(),
    () => this.#load(),
  ];

  /** Whether all checks succeed. */
  get isReady(): boolean {
    return this.checks.every((check) => Object.values(check()).every(({ status }) => status !== 'down'));
  }

  #door(): HealthIndicatorResult {
    const door = this.indicators.check('door');
    const { isDraining, isListening } = this.node.door;
    if (isDraining) return door.down('draining: this node is shutting down');
    return isListening ? door.up() : door.down('starting: the public port is not open yet');
  }

  #cluster(): HealthIndicatorResult {
    const { ready, problems } = this.node.cluster.health();
    const cluster = this.indicators.check('cluster');
    return ready ? cluster.up() : cluster.down({ problems });
  }

  #nodes(): HealthIndicatorResult {
    const wanted = this.node.nodesWanted;
    const up = this.#nodesUp();
    const nodes = this.indicators.check('nodes');
    return up >= wanted ? nodes.up({ up, wanted }) : nodes.down({ up, wanted });
  }

  /** The workers of one primary count as one: they go down together. */
  #nodesUp(): number {
    const others = this.node.cluster.peers().filter(({ state }) => state === 'up');
    return new Set([
      nodeOf(this.node.name, this.node.cluster.nodeId),
      ...others.map(({ name, nodeId }) => nodeOf(name, nodeId)),
    ]).size;
  }

  #load(): HealthIndicatorResult {
    const load = this.indicators.check('load');
    const data = { lag_ms: Math.round(this.load.lagMs) };
    if (this.load.isOverloaded) return load.down(data);
    return this.load.isHigh ? load.degraded(data) : load.up(data);
  }
}

/** What tells nodes apart: of a worker (`NODE_NAME/1`) the name of its primary, of others their id. */
function nodeOf(name: string, nodeId: string): string {
  return /^(.+)\/\d{1,3}$/.exec(name)?.[1] ?? nodeId;
}
