/** What operators see of brokers: the doctor's findings, lines of the log, and what a `.creds` file does. */
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerProcess } from '../src/broker/testing/broker-process.js';
import { NatsOperator } from '../src/broker/testing/nats-operator.js';
import type { Environment } from '../src/config/variables.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';
import { running } from './support/running.js';

// Several processes start, one after another.
jest.setTimeout(60_000);

const SECRET = 'a-secret-of-this-cluster-that-nobody-knows';
const folder = mkdtempSync(join(tmpdir(), 'lanfare-credentials-'));
const creds = join(folder, 'node.creds');
const missing = BrokerProcess.missing('nats-server', 'redis-server');

async function serve(
  program: 'nats-server' | 'redis-server',
  config: readonly string[] = [],
  port?: number,
): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(program, config, port);
  running.set(broker, async () => broker.end());
  return broker;
}

const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** Has Node look for the library where there is none. */
function withoutLibrary(library: string): string {
  const hook = `export const resolve = async (name, context, next) =>
    next(name, name === '${library}' ? { ...context, parentURL: 'file:///nowhere/at.js' } : context);`;
  return `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hook))});`;
}

/** What the doctor finds, and its exit code. */
async function diagnose(env: Environment): Promise<{ code: unknown; output: string }> {
  const options = { entry: 'dist/commands/doctor.js', args: ['--seconds', '3'] };
  const doctor = NodeProcess.launch({ CLUSTER_SECRET: SECRET, ...env }, [], options);
  return { code: await doctor.exited(), output: doctor.output };
}

describe('operators of brokers', () => {
  if (missing.length > 0) {
    it.todo(`are not tested: ${missing.join(', ')} not installed`);
    return;
  }

  afterEach(async () => {
    await Promise.all([...running.values()].map(async (end) => end()));
    running.clear();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('are told by the doctor that a broker carries', async () => {
    const [{ port: nats }, { port: redis }] = [
      await serve('nats-server'),
      await serve('redis-server', ['requirepass hunter2']),
    ];
    expect(await diagnose({ CLUSTER_BUS: 'nats', NATS_URL: `nats://127.0.0.1:${nats}` })).toMatchObject({
      code: 0,
      output: expect.stringContaining(
        `NATS at nats://127.0.0.1:${nats}: what this host publishes comes back`,
      ),
    });
    const REDIS_URL = `redis://:hunter2@127.0.0.1:${redis}`;
    const found = await diagnose({ CLUSTER_BUS: 'redis', REDIS_URL });
    expect(found).toMatchObject({
      code: 0,
      output: expect.stringContaining(
        `Redis at redis://127.0.0.1:${redis}/0: what this host publishes comes back`,
      ),
    });
    expect(found.output).not.toContain('hunter2');
  });

  it('are told by the doctor and the log what is away and where, never with a secret', async () => {
    const port = await freePort();
    const away = {
      CLUSTER_SECRET: SECRET,
      CLUSTER_BUS: 'redis',
      REDIS_URL: `redis://ann:hunter2@127.0.0.1:${port}/3`,
    };
    const line = new RegExp(
      `Nothing is carried between the nodes: Redis at redis://127.0.0.1:${port}/3: .*ECONNREFUSED`,
    );
    const [found, node] = [await diagnose(away), NodeProcess.launch(away)];
    expect(found.code).toBe(1);
    expect(found.output).toMatch(line);
    await node.waitForOutput(line);
    await node.stop();
    for (const output of [found.output, node.output]) {
      expect(output).not.toContain('hunter2');
      expect(output).not.toContain(SECRET);
    }
  });

  it('are told by a start that ends which variable a broker refuses, never with its value', async () => {
    const { port } = await serve('redis-server', ['requirepass right']);
    const node = NodeProcess.launch({
      CLUSTER_BUS: 'redis',
      REDIS_URL: `redis://:hunter2@127.0.0.1:${port}`,
      LOG_LEVEL: 'verbose',
    });
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(/^REDIS_URL: the server refuses this node: WRONGPASS/m);
    expect(node.output).not.toContain('hunter2');
  });

  it.each([
    ['nats', 'NATS_URL', 'nats://127.0.0.1:1', '@nats-io/transport-node'],
    ['redis', 'REDIS_URL', 'redis://127.0.0.1:1', 'ioredis'],
  ])('of %s are told which package to install when it is not', async (bus, variable, url, library) => {
    const NODE_OPTIONS = `--import ${dataUrl(withoutLibrary(library))}`;
    const node = NodeProcess.launch({ CLUSTER_BUS: bus, [variable]: url, NODE_OPTIONS });
    expect(await node.exited()).toBe(1);
    expect(node.output).toMatch(
      new RegExp(
        `^CLUSTER_BUS: needs the package ${library}, which is not installed: npm install ${library}$`,
        'm',
      ),
    );
    expect(node.output).not.toMatch(/^ +at /m);
  });

  it('may give a node the .creds file of a NATS user, and another one while it runs', async () => {
    const [operator, next] = [new NatsOperator(), new NatsOperator()];
    const broker = await serve('nats-server', operator.config);
    const env = { CLUSTER_BUS: 'nats', NATS_URL: `nats://127.0.0.1:${broker.port}`, NATS_CREDS: creds };
    writeFileSync(creds, next.credsFor());
    const refused = await diagnose(env);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/NATS_CREDS: the server refuses this node/);

    const first = operator.credsFor();
    writeFileSync(creds, first);
    const node = NodeProcess.launch(env);
    await node.waitForOutput(/Datagrams are carried by NATS/);
    await broker.kill();
    await serve('nats-server', next.config, broker.port);
    await node.waitForOutput(/Nothing is carried between the nodes: NATS .*the server refuses this node/);
    writeFileSync(creds, next.credsFor());
    await node.waitForOutput(/(Datagrams are carried by NATS[^]*){2}/);
    await node.stop();
    for (const secret of first.split('\n').filter((text) => /^\w/.test(text))) {
      expect(node.output).not.toContain(secret);
    }
  });
});
