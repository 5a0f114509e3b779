import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { BROADCAST_ADDRESS, UDP_PORT, UNICAST_PORT, type LanHost } from './lan.js';

/** Copies of what is sent to host n come to this port and n. */
const COPIES_PORT = 3_000;

/**
 * Broadcasts are heard; copies of unicast datagrams come to a port for each host they were for, and go back to it.
 * Each is played as it was, then a few times with one byte changed.
 */
const PROGRAM = `
  const { createSocket } = require('node:dgram');
  const { broadcast, port, unicastPort, copies } = JSON.parse(process.argv[1]);
  const recorded = [];
  const listen = (at, to, toPort) => new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 4 << 20 });
    socket.on('message', (bytes, { address }) => recorded.push({ bytes: Buffer.from(bytes), from: address, to, toPort }));
    socket.bind(at, '0.0.0.0', () => { socket.setBroadcast(true); resolve(socket); });
  });
  (async () => {
    const sender = await listen(port, broadcast, port);
    for (const { at, to } of copies) await listen(at, to, unicastPort);
    process.stdout.write('recording\\n');
    process.stdin.on('data', async () => {
      const all = recorded.splice(0);
      const played = {};
      for (let round = 0; round < 5; round++) {
        for (const { bytes, from, to, toPort } of all) {
          if (round === 0) played[from + ' to ' + to] = (played[from + ' to ' + to] ?? 0) + 1;
          else bytes[Math.floor(Math.random() * bytes.length)] ^= 1 + Math.floor(Math.random() * 255);
          await new Promise((resolve) => sender.send(bytes, toPort, to, resolve));
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      process.stdout.write(JSON.stringify(played) + '\\n');
    });
  })();
`;

/**
 * Somebody on the LAN who records everything that the others say, to all or to each other, and plays it back. The kernels
 * of the others send it a copy of each unicast datagram (iptables TEE), as a mirroring switch would.
 */
export class Recorder {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
  ) {}

  static async start(at: LanHost, others: readonly LanHost[]): Promise<Recorder> {
    const copies = others.map(({ address }, index) => ({ at: COPIES_PORT + index, to: address }));
    for (const { at: port, to } of copies) {
      const redirect = ['-d', to, '-p', 'udp', '--dport', UNICAST_PORT, '-j', 'REDIRECT', '--to-ports'];
      at.run('iptables', '-t', 'nat', '-A', 'PREROUTING', ...redirect, String(port));
    }
    for (const host of others) {
      const unicast = ['-p', 'udp', '--dport', UNICAST_PORT, '-j', 'TEE', '--gateway', at.address];
      host.run('iptables', '-t', 'mangle', '-A', 'POSTROUTING', ...unicast);
    }
    const told = {
      broadcast: BROADCAST_ADDRESS,
      port: Number(UDP_PORT),
      unicastPort: Number(UNICAST_PORT),
      copies,
    };
    const [file, ...args] = [...at.command, process.execPath, '-e', PROGRAM, JSON.stringify(told)];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const recorder = new Recorder(child, createInterface(child.stdout));
    await recorder.#line();
    return recorder;
  }

  /** Plays back all of it. Returns how many datagrams of whom went to whom: "10.77.0.1 to 10.77.0.2". */
  async play(): Promise<ReadonlyMap<string, number>> {
    const played = this.#line();
    this.child.stdin?.write('play\n');
    return new Map(Object.entries(JSON.parse(await played) as Record<string, number>));
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  async #line(): Promise<string> {
    const [line] = (await once(this.lines, 'line')) as [string];
    return line;
  }
}
