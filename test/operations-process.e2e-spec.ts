import { describe, expect, it } from '@jest/globals';
import { clusterEnvironment } from './support/environment.js';
import { freePort, takePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';

const DOOR = /Health, metrics and API on (http:\/\/[\d.:]+)/;

describe("a process and its operators' door", () => {
  it('answers probes while it joins the cluster, is ready then, and drains to exit code 0', async () => {
    const node = NodeProcess.launch(clusterEnvironment({ OPS_PORT: await freePort() }));
    const [, url = ''] = await node.waitForOutput(DOOR);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const joining = await fetch(`${url}/readyz`);
    expect({ status: joining.status, report: await joining.json() }).toMatchObject({
      status: 503,
      report: { error: { door: { status: 'down' } } },
    });
    await node.waitForOutput(/Serving on/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await node.stop();
    expect(await node.exited()).toBe(0);
    expect(node.output).toContain('Drained');
  });

  it('does not start, and names the variable, when the port it was told is taken', async () => {
    const { port, server } = await takePort();
    const node = NodeProcess.launch(clusterEnvironment({ OPS_PORT: port, CLUSTER_BUS: 'none' }));
    expect(await node.exited()).toBe(1);
    expect(node.output).toContain(`OPS_PORT: cannot listen on 127.0.0.1:${port}`);
    server.close();
  });

  it('writes JSON lines, none of them chatter, and no secret', async () => {
    const secrets = {
      API_KEYS: 'key-that-nobody-may-see',
      CLUSTER_SECRET: 'secret-that-nobody-may-see-in-logs',
    };
    const node = await NodeProcess.start(
      clusterEnvironment({ ...secrets, OPS_PORT: await freePort(), LOG_FORMAT: 'json', CLUSTER_BUS: 'none' }),
    );
    await node.stop();
    const lines = node.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { context: string; level: string });
    expect(lines.map(({ context }) => context)).toEqual(
      expect.arrayContaining(['OperationsDoor', 'Lanfare']),
    );
    expect(
      lines.map(({ context }) => context).filter((context) => /Loader|Router|Routes|Nest/.test(context)),
    ).toEqual([]);
    for (const secret of Object.values(secrets)) expect(node.output).not.toContain(secret);
  });
});
