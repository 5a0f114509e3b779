import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { running } from './running.js';

/** Where the nodes' doors are: at 127.0.0.11 and 127.0.0.12, as they are at 10.0.0.11 and 10.0.0.12 in deploy/. */
export interface Upstreams {
  readonly port: string;
  readonly opsPort: string;
}

interface Kind {
  readonly program: string;
  readonly file: string;
  /** Fails, or warns, where the configuration is not as the program wants it. */
  readonly check: (path: string) => string[];
  readonly run: (path: string) => string[];
  /** The file as it is in deploy/, with this machine's files and ports. */
  readonly adapt: (text: string, place: { readonly directory: string; readonly port: string }) => string;
}

const KINDS = {
  nginx: {
    program: '/usr/sbin/nginx',
    file: 'deploy/nginx/lanfare.conf',
    check: (path) => ['-t', '-e', 'stderr', '-c', path],
    run: (path) => ['-e', 'stderr', '-c', path],
    adapt: (text, { directory, port }) => {
      const site = text
        .replaceAll('/etc/nginx/tls/', `${directory}/`)
        .replace('/var/log/nginx/', `${directory}/`)
        .replace('listen 443', `listen 127.0.0.1:${port}`);
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      const paths = temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n');
      const own = `daemon off;\nmaster_process off;\npid ${directory}/nginx.pid;\nerror_log stderr;\n`;
      return `${own}events {}\nhttp {\n${paths}\n${site}}\n`;
    },
  },
  HAProxy: {
    program: '/usr/sbin/haproxy',
    file: 'deploy/haproxy/haproxy.cfg',
    check: (path) => ['-c', '-f', path],
    run: (path) => ['-db', '-f', path],
    adapt: (text, { directory, port }) =>
      text
        .replace('/etc/haproxy/tls/', `${directory}/`)
        .replace('bind :443', `bind 127.0.0.1:${port}`)
        .replace('maxconn 200000', 'maxconn 500'),
  },
  Caddy: {
    program: '/usr/bin/caddy',
    file: 'deploy/caddy/Caddyfile',
    check: (path) => ['validate', '--adapter', 'caddyfile', '--config', path],
    run: (path) => ['run', '--adapter', 'caddyfile', '--config', path],
    adapt: (text, { directory, port }) => {
      const certificate = `${directory}/chat.example.com.crt ${directory}/chat.example.com.key`;
      const isOld = /^v?2\.[0-6]\./.test(execFileSync('/usr/bin/caddy', ['version'], { encoding: 'utf8' }));
      const known = isOld ? text.replace('stream_close_delay 5m', '') : text;
      return `{\nadmin off\nauto_https disable_redirects\n}\n${known}`
        .replace('chat.example.com {', `https://127.0.0.1:${port} {\nbind 127.0.0.1\ntls ${certificate}`)
        .replace('# trusted_proxies 192.0.2.0/24', 'trusted_proxies 127.0.0.3');
    },
  },
} as const satisfies Record<string, Kind>;

export type ProxyName = keyof typeof KINDS;

/** A proxy in a process of its own, with the file that deploy/ has for it. */
export class ReverseProxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    readonly port: string,
    readonly certificate: Buffer,
  ) {
    running.set(this, async () => this.stop());
  }

  /** The programs are not everywhere: CI has them, a developer's machine may not. */
  static isInstalled(name: ProxyName): boolean {
    return existsSync(KINDS[name].program);
  }

  /** Waits until it answers. @throws with its output when it does not take its configuration, or warns about it */
  static async start(name: ProxyName, { port, opsPort }: Upstreams): Promise<ReverseProxy> {
    const kind: Kind = KINDS[name];
    const directory = mkdtempSync(join(tmpdir(), 'lanfare-proxy-'));
    makeCertificate(directory);
    const place = { directory, port: await freePort() };
    const text = kind
      .adapt(readFileSync(kind.file, 'utf8'), place)
      .replaceAll('10.0.0.', '127.0.0.')
      .replaceAll('8866', port)
      .replaceAll('9866', opsPort);
    const path = join(directory, 'proxy.conf');
    writeFileSync(path, text);
    const env = { ...process.env, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    const checked = execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', kind.program, ...kind.check(path)], { env });
    // nginx' and HAProxy's; Caddy warns of what is this test's own
    if (/\[warn(ing)?\]/i.test(checked.toString())) throw new Error(checked.toString());
    const child = spawn(kind.program, kind.run(path), { cwd: directory, env, stdio: 'ignore' });
    const certificate = readFileSync(join(directory, 'chat.example.com.crt'));
    const proxy = new ReverseProxy(child, directory, place.port, certificate);
    while (!(await proxy.get('/').catch(() => null))) {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${child.exitCode}`);
      await setImmediate();
    }
    return proxy;
  }

  /** The status of a plain request. */
  async get(path: string): Promise<number> {
    const request = get({ host: '127.0.0.1', port: this.port, path, ca: this.certificate, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode as number;
  }

  /** What it has written into a file of its own. */
  read(file: string): string {
    return readFileSync(join(this.directory, file), 'utf8');
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await once(this.child, 'exit');
    }
    rmSync(this.directory, { recursive: true });
  }
}

/** Writes a certificate and its key into files with the names that deploy/ uses. */
function makeCertificate(directory: string): void {
  const [key, certificate] = ['chat.example.com.key', 'chat.example.com.crt'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=chat.example.com', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate], {
    cwd: directory,
    stdio: 'ignore',
  });
  const both = [certificate, key].map((file) => readFileSync(join(directory, file), 'utf8')).join('');
  writeFileSync(join(directory, 'chat.example.com.pem'), both);
}
