import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Process, portOpens } from '../lib/processes.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The program of the optional dependency `bun`, which is there without an install script too. */
const bun = join(
  here,
  `../node_modules/@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}/bin/bun`,
);

export const builtLanfare = join(repository, 'dist', 'main.js');

/**
 * A running peer: where clients connect, which processes are measured, and how it is stopped.
 *
 * @typedef {object} Running
 * @property {{ host: string, port: number }[]} nodes
 * @property {Process[]} processes
 * @property {string} dialect
 * @property {object} options for the dialect
 * @property {() => void} [cleanUp]
 *
 * @typedef {object} Peer
 * @property {string} title
 * @property {boolean} clusters more than one node
 * @property {boolean} [onRequest] measured only when asked for
 * @property {(builds: { lanfare: string, other?: string }) => string | null} missing why it cannot run here
 * @property {(context: Context) => Promise<Running>} start
 *
 * @typedef {object} Context
 * @property {import('../lib/topology.js').Topology} topology
 * @property {number} nodes
 * @property {string | undefined} cpus
 * @property {string[]} nodeFlags
 * @property {Record<string, string>} settings Lanfare's variables
 * @property {boolean} subprotocol whether Lanfare's clients offer one
 * @property {string} lanfare the built main.js
 * @property {string} [other] another build's
 */

/** Starts one process per node, all with `env(index)`, and waits for their ports. */
async function startNodes(
  context,
  {
    name,
    dialect,
    options = {},
    program = [process.execPath, ...context.nodeFlags],
    script,
    env = async () => ({}),
    extra = [],
  },
) {
  const processes = [...extra];
  const nodes = [];
  try {
    for (let index = 0; index < context.nodes; index++) {
      const place = context.topology.node(index);
      const port = await context.topology.freshPort();
      const address = { host: place.address, port };
      nodes.push(address);
      processes.push(
        new Process({
          name: `${name} ${index + 1}`,
          place,
          command: [...program, script],
          env: {
            NODE_ENV: 'production',
            HOST: place.address,
            PORT: String(port),
            ...(await env(index)),
          },
          cwd: repository,
          cpus: context.cpus,
        }),
      );
    }
    await Promise.all(
      nodes.map(({ host, port }, index) =>
        portOpens({
          process: processes[extra.length + index],
          place: context.topology.node(index),
          address: host,
          port,
        }),
      ),
    );
    return { nodes, processes, dialect, options };
  } catch (error) {
    await Promise.all(processes.map((process) => process.stop()));
    throw error;
  }
}

async function startRedis(context) {
  const place = context.topology.store;
  const port = await context.topology.freshPort();
  const redis = new Process({
    name: 'redis-server',
    place,
    command: [
      ...`redis-server --bind ${place.address} --port ${port} --protected-mode no --appendonly no --save`.split(
        ' ',
      ),
      '',
    ],
    cpus: context.cpus,
  });
  await portOpens({ process: redis, place, address: place.address, port });
  return { redis, url: `redis://${place.address}:${port}` };
}

function missingProgram(...names) {
  for (const name of names) {
    try {
      execFileSync('which', [name], { stdio: 'ignore' });
    } catch {
      return `${name} is not installed (Debian: apt install ${name})`;
    }
  }
  return null;
}

async function startOverRedis(context, { name, dialect, script, env = {} }) {
  if (context.nodes === 1 && name !== 'ws-redis') return startNodes(context, { name, dialect, script });
  const { redis, url } = await startRedis(context);
  return startNodes(context, {
    name,
    dialect,
    script,
    env: async () => ({ REDIS_URL: url, ...env }),
    extra: [redis],
  });
}

async function startNats(context) {
  const { topology, cpus, nodes: count } = context;
  const directory = mkdtempSync(join(tmpdir(), 'lanfare-bench-nats-'));
  const cleanUp = () => rmSync(directory, { recursive: true, force: true });
  const processes = [];
  try {
    const members = [];
    for (let index = 0; index < count; index++) {
      const place = topology.node(index);
      const [port, clusterPort, clientPort] = [
        await topology.freshPort(),
        await topology.freshPort(),
        await topology.freshPort(),
      ];
      members.push({ place, host: place.address, port, clusterPort, clientPort });
    }
    const routes = members.map(({ host, clusterPort }) => `"nats://${host}:${clusterPort}"`).join(', ');
    for (const [index, { place, host, port, clusterPort, clientPort }] of members.entries()) {
      const file = join(directory, `node${index}.conf`);
      writeFileSync(
        file,
        [
          `server_name: node${index}`,
          `listen: "${host}:${clientPort}"`,
          `websocket { listen: "${host}:${port}", no_tls: true, compression: false }`,
          count > 1 ? `cluster { name: bench, listen: "${host}:${clusterPort}", routes: [${routes}] }` : '',
        ].join('\n'),
      );
      const command = ['nats-server', '--config', file];
      processes.push(new Process({ name: `nats-server ${index + 1}`, place, command, cpus }));
    }
    await Promise.all(
      members.map(({ place, host, port }, index) =>
        portOpens({ process: processes[index], place, address: host, port }),
      ),
    );
    return {
      nodes: members.map(({ host, port }) => ({ host, port })),
      processes,
      dialect: 'nats',
      options: {},
      cleanUp,
    };
  } catch (error) {
    await Promise.all(processes.map((process) => process.stop()));
    cleanUp();
    throw error;
  }
}

/**
 * Lanfare as an operator runs it: sealed, repaired, authenticated. No limit is off; all are above the load. `settings`
 * overrides any variable. So one can measure what a variable costs.
 */
async function startLanfare(
  context,
  { bus = 'udp', script = context.lanfare, carrier = {}, extra = [] } = {},
) {
  const { topology, settings } = context;
  const jwtSecret = randomBytes(32).toString('hex');
  const clusterSecret = randomBytes(32).toString('hex');
  const clusterName = `bench-${randomBytes(4).toString('hex')}`;
  const udpPort = await topology.freshPort();
  const authMode = settings.AUTH_MODE ?? 'jwt';
  // Production refuses what only works on one machine.
  const isBare = bus === 'plain' || (bus === 'udp' && topology.isLoopback) || authMode === 'insecure';
  const reach =
    bus === 'udp' || bus === 'plain'
      ? { UDP_PORT: String(udpPort), UDP_ADDRESS: topology.broadcast }
      : carrier;
  const env = async () => ({
    NODE_ENV: isBare ? 'development' : 'production',
    ENV_FILE: '/dev/null',
    AUTH_MODE: authMode,
    AUTH_JWT_SECRET: jwtSecret,
    CLUSTER_BUS: bus,
    CLUSTER_SECRET: clusterSecret,
    CLUSTER_NAME: clusterName,
    ...reach,
    OPS_PORT: String(await topology.freshPort()),
    ROOM_ACCESS: 'open',
    WS_MESSAGES_PER_SECOND: '1000000',
    WS_MESSAGES_BURST: '1000000',
    WS_MAX_PAYLOAD_BYTES: '131072',
    LOG_FORMAT: 'json',
    ...settings,
  });
  return startNodes(context, {
    name: 'lanfare',
    dialect: 'lanfare',
    options: {
      secret: authMode === 'jwt' ? jwtSecret : undefined,
      subprotocol: context.subprotocol,
    },
    script,
    env,
    extra,
  });
}

/** Lanfare, whose datagrams one NATS server carries. */
async function startLanfareOverNats(context) {
  const place = context.topology.store;
  const port = await context.topology.freshPort();
  const command = ['nats-server', '--addr', place.address, '--port', String(port)];
  const nats = new Process({ name: 'nats-server', place, command, cpus: context.cpus });
  await portOpens({ process: nats, place, address: place.address, port });
  const carrier = { NATS_URL: `nats://${place.address}:${port}` };
  return startLanfare(context, { bus: 'nats', carrier, extra: [nats] });
}

/** The same, with one Redis server. */
async function startLanfareOverRedis(context) {
  const { redis, url } = await startRedis(context);
  return startLanfare(context, { bus: 'redis', carrier: { REDIS_URL: url }, extra: [redis] });
}

function missingLanfare({ lanfare }) {
  return existsSync(lanfare) ? null : `${lanfare} is not built (npm ci && npm run build)`;
}

/** @type {Record<string, Peer>} */
export const peers = {
  lanfare: {
    title: 'Lanfare',
    clusters: true,
    missing: missingLanfare,
    start: (context) => startLanfare(context),
  },
  nats: {
    title: 'NATS cluster, WebSocket listener',
    clusters: true,
    missing: () => missingProgram('nats-server'),
    start: startNats,
  },
  'ws-redis': {
    title: 'ws + Redis pub/sub',
    clusters: true,
    missing: () => missingProgram('redis-server'),
    start: (context) =>
      startOverRedis(context, {
        name: 'ws-redis',
        dialect: 'plain',
        script: join(here, 'servers/ws-redis.js'),
      }),
  },
  socketio: {
    title: 'Socket.IO + Redis adapter',
    clusters: true,
    missing: () => missingProgram('redis-server'),
    start: (context) =>
      startOverRedis(context, {
        name: 'socketio',
        dialect: 'socketio',
        script: join(here, 'servers/socketio.js'),
      }),
  },
  ws: {
    title: 'ws, routing by hand',
    clusters: false,
    missing: () => null,
    start: (context) =>
      startNodes(context, { name: 'ws', dialect: 'plain', script: join(here, 'servers/ws.js') }),
  },
  bun: {
    title: "Bun's server (uWebSockets), routing by hand",
    clusters: false,
    missing: () => (existsSync(bun) ? null : 'Bun has no program for this platform'),
    start: (context) =>
      startNodes(context, {
        name: 'bun',
        dialect: 'plain',
        program: [bun],
        script: join(here, 'servers/bun.js'),
      }),
  },
  'nest-ws': {
    title: "Nest's stock WsAdapter",
    clusters: false,
    missing: () => null,
    start: (context) =>
      startNodes(context, { name: 'nest-ws', dialect: 'nest', script: join(here, 'servers/nest-ws.js') }),
  },
  'socketio-sharded': {
    title: 'Socket.IO + sharded Redis adapter',
    clusters: true,
    onRequest: true,
    missing: () => missingProgram('redis-server'),
    start: (context) =>
      startOverRedis(context, {
        name: 'socketio-sharded',
        dialect: 'socketio',
        script: join(here, 'servers/socketio.js'),
        env: { REDIS_ADAPTER: 'sharded' },
      }),
  },
  'lanfare-plain': {
    title: 'Lanfare, CLUSTER_BUS=plain',
    clusters: true,
    onRequest: true,
    missing: missingLanfare,
    start: (context) => startLanfare(context, { bus: 'plain' }),
  },
  'lanfare-nats': {
    title: 'Lanfare, CLUSTER_BUS=nats',
    clusters: true,
    onRequest: true,
    missing: (builds) => missingLanfare(builds) ?? missingProgram('nats-server'),
    start: startLanfareOverNats,
  },
  'lanfare-redis': {
    title: 'Lanfare, CLUSTER_BUS=redis',
    clusters: true,
    onRequest: true,
    missing: (builds) => missingLanfare(builds) ?? missingProgram('redis-server'),
    start: startLanfareOverRedis,
  },
  'lanfare-small': {
    title: 'Lanfare, no datagram above 1200 bytes',
    clusters: true,
    onRequest: true,
    missing: missingLanfare,
    start: (context) =>
      startLanfare({ ...context, settings: { ...context.settings, UDP_DATAGRAM_BYTES_MAX: '1200' } }),
  },
  'lanfare-other': {
    title: 'Lanfare, the other build',
    clusters: true,
    onRequest: true,
    missing: ({ other }) =>
      other && existsSync(other) ? null : 'it is named with --other path/to/dist/main.js',
    start: (context) => startLanfare(context, { script: context.other }),
  },
  sink: {
    title: 'no server: what the generator can do',
    clusters: false,
    onRequest: true,
    missing: () => null,
    start: (context) =>
      startNodes(context, { name: 'sink', dialect: 'plain', script: join(here, 'servers/sink.js') }),
  },
};
