import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { environmentSuspicions, features, knownVariables } from '../src/lanfare.environment.js';
import { validateEnvironment } from '../src/config/environment.js';
import type { Environment } from '../src/config/variables.js';
import { version } from '../src/config/version.js';
import { gatewayVariables } from '../src/gateway/gateway.config.js';
import { udpBroadcastVariables } from '../src/udp-broadcast/udp-broadcast.config.js';

const read = (path: string) => readFileSync(path, 'utf8');

const SECRETS = {
  CLUSTER_SECRET: 'c'.repeat(64),
  AUTH_JWT_SECRET: 'j'.repeat(64),
  API_KEYS: 'k'.repeat(64),
};

interface Ingress {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly rules: readonly [{ readonly http: { readonly paths: unknown[] } }] };
}

/** As much of it as concerns draining, and the image. */
interface StatefulSet {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [
          { readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } } },
        ];
      };
    };
  };
}

/** The server would start with it. */
function expectValid(env: Environment): void {
  expect(Object.keys(env).filter((name) => !knownVariables.includes(name))).toEqual([]);
  validateEnvironment(features, env);
}

describe('deploy/', () => {
  const analyzer = '/usr/bin/systemd-analyze';
  if (!existsSync(analyzer)) process.stderr.write(`Skipping a test of the unit: there is no ${analyzer}\n`);

  (existsSync(analyzer) ? it : it.skip)('systemd takes the unit', () => {
    const directory = mkdtempSync(join(tmpdir(), 'lanfare-deploy-'));
    const path = join(directory, 'lanfare.service');
    writeFileSync(path, read('deploy/systemd/lanfare.service').replace('/usr/bin/node', process.execPath));
    const { status, stdout, stderr } = spawnSync(analyzer, ['verify', '--man=no', path], {
      encoding: 'utf8',
    });
    expect({ status, output: `${stdout}${stderr}` }).toEqual({ status: 0, output: '' });
    rmSync(directory, { recursive: true });
  });

  it("the unit's environment is the server's", () => {
    const [, environment = ''] = /^Environment=(.*)$/m.exec(read('deploy/systemd/lanfare.service')) ?? [];
    const env = Object.fromEntries(environment.split(' ').map((pair) => pair.split('=') as [string, string]));
    expectValid({ ...env, ...SECRETS, UDP_ADDRESS: 'auto' });
  });

  it('a start that fails is tried again, however often: an address may not be there yet', () => {
    const unit = read('deploy/systemd/lanfare.service');
    expect(unit).toMatch(/^After=network-online\.target$/m);
    expect(unit).toMatch(/^Restart=on-failure$/m);
    expect(unit).not.toMatch(/^RestartPreventExitStatus=/m);
    expect(unit).toMatch(/^StartLimitIntervalSec=0$/m);
  });

  it('two containers make a cluster by broadcast', () => {
    const compose = parse(read('deploy/compose.yaml'), { merge: true }) as {
      services: Record<string, { environment: Record<string, string>; stop_grace_period: string }>;
    };
    expect(Object.keys(compose.services)).toEqual(['a', 'b']);
    for (const { environment, stop_grace_period: grace } of Object.values(compose.services)) {
      expectValid({ ...environment, ...SECRETS, NODE_ENV: 'production' });
      expect(Number.parseInt(grace, 10)).toBeGreaterThan(10);
    }
  });

  it.each([
    ['nats', '@nats-io/transport-node'],
    ['redis', 'ioredis'],
  ])('a file makes %s their carrier', (bus, client) => {
    interface Service {
      readonly environment?: Record<string, string>;
      readonly build?: { readonly args: Record<string, string> };
    }
    type Compose = { readonly services: Record<string, Service> };
    const base = parse(read('deploy/compose.yaml'), { merge: true }) as Compose;
    const { services } = parse(read(`deploy/compose.${bus}.yaml`), { merge: true }) as Compose;
    expect(Object.keys(services)).toEqual([bus, 'a', 'b']);
    const { peerDependencies } = JSON.parse(read('package.json')) as { peerDependencies: object };
    expect(Object.keys(peerDependencies)).toContain(client);
    for (const name of ['a', 'b']) {
      const env = { ...base.services[name]?.environment, ...services[name]?.environment };
      expect(env['CLUSTER_BUS']).toBe(bus);
      expectValid({ ...env, ...SECRETS, NODE_ENV: 'production' });
      expect(environmentSuspicions(env)).toEqual([]);
      expect(services[name]?.build?.args).toEqual({ BROKER_CLIENT: client });
    }
    expect(read('Dockerfile')).toContain('ARG BROKER_CLIENT=');
  });

  describe('Kubernetes', () => {
    interface Manifest {
      readonly apiVersion: string;
      readonly kind: string;
      readonly metadata: { readonly name: string };
    }
    const manifestsIn = (path: string): Manifest[] =>
      parseAllDocuments(read(`deploy/${path}.yaml`)).map((document) => document.toJS() as Manifest);
    const manifests = ['lanfare', 'ingress', 'receive-buffer'].flatMap((file) =>
      manifestsIn(`kubernetes/${file}`),
    );
    const brokered = ['nats', 'redis'].flatMap((bus) => manifestsIn(`kubernetes-${bus}/${bus}`));
    const find = (kind: string): unknown => manifests.find((manifest) => manifest.kind === kind);

    it.each(
      [...manifests, ...brokered].map(
        (manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const,
      ),
    )('takes %s', async (_name, { apiVersion, kind, ...rest }) => {
      const models = (await import(`kubernetes-models/${apiVersion}`)) as Record<
        string,
        new (data: object) => { validate(): void }
      >;
      const Model = models[kind];
      if (Model === undefined) throw new Error(`${apiVersion} has no ${kind}`);
      new Model(rest).validate();
    });

    it('starts nodes with an environment that is valid', () => {
      expectValid({ ...(find('ConfigMap') as { data: Environment }).data, ...SECRETS });
    });

    it('gives a node the time it needs to drain', () => {
      const grace = Number((find('ConfigMap') as { data: Environment }).data['SHUTDOWN_GRACE_MS']);
      const { spec } = (find('StatefulSet') as StatefulSet).spec.template;
      const { command } = spec.containers[0].lifecycle.preStop.exec;
      const before = Number(/(\d+)\)$/.exec(command.join(' '))?.[1]);
      expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(before + grace + 5000);
    });

    it('runs the image of this version, also where it was only loaded', () => {
      const [container] = (find('StatefulSet') as StatefulSet).spec.template.spec.containers;
      expect(container).toMatchObject({ image: `lanfare:${version()}`, imagePullPolicy: 'IfNotPresent' });
    });

    it('has no node ready that is alone, and enough ready while one of them is replaced', () => {
      const { replicas } = (find('StatefulSet') as StatefulSet).spec;
      const wanted = Number((find('ConfigMap') as { data: Environment }).data['CLUSTER_MIN_NODES']);
      expect(wanted).toBeGreaterThan(1);
      expect(wanted).toBeLessThan(replicas);
    });

    it('lets the pings of nodes keep quiet connections alive, and nothing in but clients', () => {
      const { annotations } = (find('Ingress') as Ingress).metadata;
      const { WS_PATH: path, WS_PING_INTERVAL_MS: pingMs } = gatewayVariables.parse({});
      for (const way of ['read', 'send']) {
        const seconds = Number(annotations[`nginx.ingress.kubernetes.io/proxy-${way}-timeout`]);
        expect(seconds * 1000).toBeGreaterThan(2 * pingMs);
      }
      const { paths } = (find('Ingress') as Ingress).spec.rules[0].http;
      expect(paths).toMatchObject([{ path, pathType: 'Exact' }]);
    });

    it('lets the machines grant the receive buffer that is asked for', () => {
      const { UDP_RECEIVE_BUFFER_BYTES: bytes } = udpBroadcastVariables.parse({});
      for (const file of ['kubernetes/receive-buffer.yaml', 'systemd/90-lanfare.conf']) {
        expect(read(`deploy/${file}`)).toMatch(new RegExp(`^.*net\\.core\\.rmem_max ?= ?${bytes}`, 'm'));
      }
    });

    it('lets nodes find each other before they are ready', () => {
      const peers = manifests.find(({ metadata }) => metadata.name === 'lanfare-peers');
      expect(peers).toMatchObject({ spec: { clusterIP: 'None', publishNotReadyAddresses: true } });
    });

    describe.each([
      ['nats', 'NATS_URL', { NATS_TOKEN: 'a token' }],
      ['redis', 'REDIS_URL', { REDIS_URL: 'redis://:password@lanfare-redis:6379' }],
    ] as [string, string, Environment][])('with %s as carrier', (bus, urlVariable, secrets) => {
      interface Kustomization {
        readonly resources: readonly string[];
        readonly images: readonly { readonly name: string; readonly newTag: string }[];
        readonly patches: readonly { readonly patch: string }[];
      }
      interface ConfigMap extends Manifest {
        readonly data: Record<string, string | null>;
      }
      const folder = `deploy/kubernetes-${bus}`;
      const { images, patches, resources } = parse(read(`${folder}/kustomization.yaml`)) as Kustomization;
      const patched = patches.map(({ patch }) => parse(patch) as ConfigMap);
      const { data: changed = {} } = patched.find(({ kind }) => kind === 'ConfigMap') ?? {};
      /** As kustomize merges them: null takes a variable away. */
      const data = Object.fromEntries(
        Object.entries({ ...(find('ConfigMap') as ConfigMap).data, ...changed }).filter(
          ([, value]) => value !== null,
        ),
      ) as Environment;

      it('starts nodes with an environment that is valid, and sets nothing that is not used', () => {
        const env: Environment = { ...data, ...SECRETS, ...secrets };
        expectValid(env);
        expect(environmentSuspicions(env)).toEqual([]);
        expect(env['CLUSTER_BUS']).toBe(bus);
      });

      it('has a server where the nodes look for it, for them alone', () => {
        expect(resources).toEqual(['../kubernetes', `${bus}.yaml`]);
        const { hostname, port } = new URL(String({ ...data, ...secrets }[urlVariable]));
        const own = manifestsIn(`kubernetes-${bus}/${bus}`);
        const labels = { app: hostname };
        expect(own).toMatchObject([
          {
            kind: 'Service',
            metadata: { name: hostname },
            spec: { selector: labels, ports: [{ port: Number(port) }] },
          },
          { kind: 'Deployment', spec: { template: { metadata: { labels } } } },
          {
            kind: 'NetworkPolicy',
            spec: {
              podSelector: { matchLabels: labels },
              ingress: [{ from: [{ podSelector: { matchLabels: { app: 'lanfare' } } }] }],
            },
          },
        ]);
      });

      it('runs an image of this version that has the client library', () => {
        const tag = `${version()}-${bus}`;
        expect(images).toEqual([{ name: 'lanfare', newTag: tag }]);
        const [, client = ''] =
          /--build-arg BROKER_CLIENT=(\S+) -t lanfare:(\S+) /.exec(read(`${folder}/kustomization.yaml`)) ??
          [];
        expect(['@nats-io/transport-node', 'ioredis']).toContain(client);
        expect(read(`${folder}/kustomization.yaml`)).toContain(`${client} -t lanfare:${tag} `);
      });

      const kubectl = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
      if (kubectl.status !== 0)
        process.stderr.write(`Left out: what kubectl makes of ${folder}: there is no kubectl\n`);

      (kubectl.status === 0 ? it : it.skip)('is what kubectl makes of the folder', () => {
        const { stdout } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
        const built = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
        expect((built.find(({ kind }) => kind === 'ConfigMap') as ConfigMap).data).toEqual(data);
        const [container] = (built.find(({ kind }) => kind === 'StatefulSet') as unknown as StatefulSet).spec
          .template.spec.containers;
        expect(container).toMatchObject({ image: `lanfare:${version()}-${bus}` });
        const names = Object.keys(secrets);
        expect(
          (container as unknown as { env: { name: string }[] }).env.map(({ name }) => name).sort(),
        ).toEqual(['NODE_NAME', ...names].sort());
      });
    });
  });

  it('the image runs what the build makes, as nobody', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
    expect(dockerfile).toMatch(/^CMD \["node", "dist\/main.js"\]$/m);
    const ignored = read('.dockerignore').split('\n');
    for (const [, sources = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const source of sources.split(' ')) expect(ignored).toContain(`!${source}`);
    }
  });
});
