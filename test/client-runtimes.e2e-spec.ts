import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { TestNode } from './support/node.js';

/** The time that a cold runtime may take on a busy machine. */
jest.setTimeout(60_000);

/** This Node, and those that LANFARE_RUNTIMES names: comma-separated programs of Node, Bun or Deno. */
const others = (process.env['LANFARE_RUNTIMES'] ?? '').split(',').filter((file) => file !== '');
if (others.length === 0) {
  process.stderr.write(`The client is tested in ${process.version} alone: LANFARE_RUNTIMES names no other\n`);
}
const runtimes = [process.execPath, ...others].map((file) => {
  const [version = ''] = /\d[\d.]+/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' })) ?? [];
  return [`${basename(file)} ${version}`, file] as const;
});

/** The first program that a page shows. */
const exampleOf = (page: string) => /```js\n(.*?)```/s.exec(readFileSync(page, 'utf8'))?.[1] ?? '';
/** Node 20 has no WebSocket of its own. */
const WITH_WEB_SOCKET = 'globalThis.WebSocket ??= (await import("ws")).WebSocket;\n';

/** A proxy in front of a node. It breaks the connections that go through it. */
class Link {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((client) => {
      const node = connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [client, node],
        [node, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => other.destroy());
        socket.pipe(other);
      }
    });
  }

  async open(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  break(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  close(): void {
    this.#server.close();
    this.break();
  }
}

describe('lanfare-client', () => {
  let node: TestNode;
  let link: Link;
  let port: number;

  beforeAll(async () => {
    node = await TestNode.start({ CLUSTER_BUS: 'none', ROOM_ACCESS: 'open' });
    link = new Link(node.port);
    port = await link.open();
  });

  afterAll(async () => {
    link.close();
    await node.stop();
  });

  it.each(runtimes)(
    'connects, sends, and joins its room again in %s, and leaves nothing running',
    async (_, file) => {
      const permissions =
        basename(file) === 'deno' ? ['run', '--allow-net', '--allow-env', '--allow-read'] : [];
      const url = `ws://127.0.0.1:${port}/chat?user_id=ann`;
      const child = spawn(file, [...permissions, 'test/support/runtime-client.mjs', url], {
        timeout: 50_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          const before = output;
          output += chunk.toString();
          if (output.includes('break it') && !before.includes('break it')) link.break();
        });
      }
      const [code] = (await once(child, 'close')) as [number];
      const outcome = '{"delivered":1,"complete":true}';
      const answers = [`sent ${outcome}`, `published ${outcome}`];
      const came = ['got first', 'room first', 'got second', 'room second'];
      // which of the two lines of a message is first, the message or its answer, is not promised
      expect(output.trim().split('\n').toSorted()).toEqual(
        ['break it', ...answers, ...answers, ...came].toSorted(),
      );
      expect(code).toBe(0);
    },
  );

  it("does what its README's first example says, which is the one in README.md too", async () => {
    const example = exampleOf('client/README.md');
    expect(readFileSync('README.md', 'utf8')).toContain(example);
    const program = example
      .replace("'lanfare-client'", "'./client/dist/esm/index.js'")
      .replace('127.0.0.1:8866', `127.0.0.1:${node.port}`);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', WITH_WEB_SOCKET + program], {
      timeout: 50_000,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      if (lines.push(line) === 2) child.kill(); // it stays connected
    }
    // what its comment says that it prints
    const [, outcome = ''] = /console\.log\(await .*\/\/ (.*)/.exec(example) ?? [];
    expect(lines.toSorted()).toEqual(['ann says haha', outcome].toSorted());
  });
});
