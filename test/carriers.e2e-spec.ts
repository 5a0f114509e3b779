import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BrokerProcess, isListening } from '../src/broker/testing/broker-process.js';
import { TestClient, V1 } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { freePort } from './support/free-port.js';
import { NodeProcess } from './support/node-process.js';
import { running } from './support/running.js';

const PAGE = readFileSync('docs/carriers.md', 'utf8');
const missing = BrokerProcess.missing('nats-server', 'redis-server');

/** The commands that the page prints for this broker: one that starts it, and one for each of two nodes. */
function commandsFor(title: string): { server: string[]; nodes: Record<string, string>[] } {
  const [, block = ''] = new RegExp(`^## ${title}\\n\\n\`\`\`\\n(.*?)\`\`\``, 'ms').exec(PAGE) ?? [];
  const [server = '', ...nodes] = block.trim().split('\n');
  return {
    server: server.split(' ').map((word) => (word === '""' ? '' : word)),
    nodes: nodes.map((line) => {
      const [, variables = ''] = /^((?:[A-Z_]+=\S+ )+)npm start$/.exec(line) ?? [];
      if (variables === '') throw new Error(`this starts no node: ${line}`);
      return Object.fromEntries(
        variables
          .trim()
          .split(' ')
          .map((pair) => pair.split('=', 2) as [string, string]),
      );
    }),
  };
}

describe.each(['NATS', 'Redis'])(
  'two nodes that %s joins, started as docs/carriers.md prints it',
  (title) => {
    let server: ChildProcess | undefined;

    afterEach(async () => {
      if (server?.exitCode === null && server.signalCode === null) {
        server.kill('SIGKILL');
        await once(server, 'exit');
      }
    });

    if (missing.length > 0) {
      it.todo(`is not tested: ${missing.join(', ')} not installed`);
      return;
    }

    it('carry messages; without the broker they serve their own clients, are not ready, and come back', async () => {
      const { server: printed, nodes } = commandsFor(title);
      expect(nodes).toHaveLength(2);
      // The printed ports are for people. Tests take free ones.
      const [brokerPort, opsPort] = [await freePort(), await freePort()];
      const here = (text: string): string => text.replace(/\b(4222|6379)\b/, brokerPort);
      const startServer = async (): Promise<void> => {
        const [program = '', ...args] = printed.map(here);
        const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
        const child = spawn(program, args, { stdio: 'ignore', env });
        server = child;
        running.set(child, async () => void child.kill('SIGKILL'));
        while (!(await isListening(Number(brokerPort)))) await delay(20);
      };
      await startServer();
      const common = clusterEnvironment({ UDP_PORT: '' });
      const [a, b] = (await Promise.all(
        nodes.map(async (variables, index) =>
          NodeProcess.start({
            ...common,
            ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, here(value)])),
            PORT: '0',
            OPS_PORT: index === 0 ? opsPort : '0',
          }),
        ),
      )) as [NodeProcess, NodeProcess];
      await Promise.all([a.waitForOutput(/ joined: /), b.waitForOutput(/ joined: /)]);
      expect(a.output).not.toContain('Not used with');

      const [ann, bob, cid] = await Promise.all([
        TestClient.ready(a.url('user_id=ann'), [V1]),
        TestClient.ready(b.url('user_id=bob'), [V1]),
        TestClient.ready(a.url('user_id=cid'), [V1]),
      ]);
      expect(await ann.ask({ user_id: 'bob', data: 'over the broker' })).toMatchObject({
        event: 'ack',
        data: { delivered: 1, complete: true },
      });
      expect(JSON.parse(await bob.next())).toMatchObject({ data: { from: 'ann', data: 'over the broker' } });

      server?.kill('SIGKILL');
      await a.waitForOutput(/Nothing is carried between the nodes/);
      expect(await ann.ask({ user_id: 'bob', data: 'refused' })).toMatchObject({
        event: 'error',
        data: { code: 'congested', retryable: true },
      });
      expect(await ann.ask({ user_id: 'cid', data: 'on one node' })).toMatchObject({
        data: { delivered: 1, complete: false },
      });
      expect(JSON.parse(await cid.next())).toMatchObject({ data: { data: 'on one node' } });
      const ready = async (): Promise<string> => {
        const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
        return `${response.status} ${await response.text()}`;
      };
      let answer = await ready();
      while (answer.startsWith('200')) {
        await delay(50);
        answer = await ready();
      }
      expect(answer).toContain('Nothing is carried between the nodes');

      await startServer();
      while (!(await ready()).startsWith('200')) await delay(50);
      for (;;) {
        const { event, data } = await ann.ask({ user_id: 'bob', data: 'again' });
        if (event === 'ack' && (data as { complete: boolean }).complete) break;
        await delay(50);
      }
      expect(JSON.parse(await bob.next())).toMatchObject({ data: { data: 'again' } });
      expect(a.output).not.toMatch(/ (lost|rejoined): /);
      await Promise.all([a.stop(), b.stop()]);
    });
  },
);
