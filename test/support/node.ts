import type { LoggerService, ModuleMetadata } from '@nestjs/common';
import type { Environment } from '../../src/config/variables.js';
import { PlaygroundModule } from '../../src/playground/playground.module.js';
import { TestNode as Node } from '../../src/testing/test-node.js';
import { nodeEnvironment } from './environment.js';
import { running } from './running.js';

/** A node in this process that ends with its test at the latest, also when the test fails. */
export class TestNode {
  #stopped: Promise<void> | undefined;

  private constructor(private readonly node: Node) {
    running.set(this, async () => this.stop());
  }

  /** `imports`: modules as a team would add them to its own. */
  static async start(
    env: Environment,
    imports: ModuleMetadata['imports'] = [],
    logger: LoggerService | false = false,
    { operations = false } = {},
  ): Promise<TestNode> {
    const all = { CLUSTER_BUS: 'udp', ...nodeEnvironment, ...env };
    return new TestNode(
      await Node.start({ env: all, imports: [PlaygroundModule, ...imports], logger, operations }),
    );
  }

  get app(): Node['app'] {
    return this.node.app;
  }

  get port(): number {
    return this.node.port;
  }

  get operationsUrl(): string {
    return this.node.operationsUrl;
  }

  url(query: string, path?: string): string {
    return this.node.url(query, path);
  }

  /** A second time it waits for the first: what ends a failed test's nodes comes before the test file's own hooks. */
  async stop(): Promise<void> {
    running.delete(this);
    this.#stopped ??= this.node.stop();
    await this.#stopped;
  }
}
