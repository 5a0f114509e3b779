import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../src/config/variables.js';
import { gatewayVariables } from '../src/gateway/gateway.config.js';
import { operationsVariables } from '../src/operations/operations.config.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';

const SCRIPT = 'deploy/docker/health-check.js';

/** The exit code of the health check in a container with this environment. */
async function check(env: Environment): Promise<number> {
  const [code] = (await once(spawn(process.execPath, [SCRIPT], { env: { ...env } }), 'exit')) as [number];
  return code;
}

describe("docker's health check", () => {
  let door: Server;
  let port: string;
  let closed: string;
  let status = 200;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lanfare-health-'));
    door = createServer(({ url }, answer) => answer.writeHead(url === '/healthz' ? status : 404).end());
    door.listen(0, '0.0.0.0');
    await once(door, 'listening');
    port = String((door.address() as AddressInfo).port);
    closed = await freePort();
  });

  afterAll(() => {
    door.close();
    rmSync(directory, { recursive: true });
  });

  it.each(['', '127.0.0.2', '0.0.0.0'])("asks the operators' door, where OPS_HOST=%s says", async (host) => {
    const env = { OPS_HOST: host, OPS_PORT: port, PORT: closed };
    expect(await check(env)).toBe(0);
    status = 503;
    expect(await check(env)).toBe(1);
    status = 200;
    expect(await check({ ...env, OPS_PORT: closed, PORT: port })).toBe(1);
  });

  it('reads the file that the node reads, where the environment says nothing', async () => {
    const file = join(directory, 'door.env');
    writeFileSync(file, `OPS_PORT=${port}\n`);
    expect(await check({ ENV_FILE: file })).toBe(0);
    expect(await check({ ENV_FILE: file, OPS_PORT: '' })).toBe(0);
    expect(await check({ ENV_FILE: file, OPS_PORT: closed })).toBe(1);
  });

  it("finds a node without an operators' door at its public one, and finds it gone", async () => {
    const env = { OPS_PORT: '0', HOST: '127.0.0.3', PORT: await freePort(), CLUSTER_BUS: 'none' };
    const node = await NodeProcess.start(env);
    expect(await check(env)).toBe(0);
    await node.stop();
    expect(await check(env)).toBe(1);
  });

  it("asks the server's default ports when no variable is set", () => {
    const script = readFileSync(SCRIPT, 'utf8');
    expect(script).toContain(`'${operationsVariables.parse({}).OPS_PORT}'`);
    expect(script).toContain(`'${gatewayVariables.parse({}).PORT}'`);
  });
});
