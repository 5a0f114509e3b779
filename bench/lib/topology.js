import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';

/**
 * Where servers and clients run, and how something is started there.
 *
 * @typedef {object} Place
 * @property {string} address
 * @property {string[]} enter what a command must begin with to run in that place
 *
 * @typedef {number | 'fragments'} Loss the share of IP packets that is lost, or all that are fragments
 *
 * @typedef {object} Topology
 * @property {string} name
 * @property {string} broadcast the address whose datagrams reach every node
 * @property {boolean} isLoopback
 * @property {(index: number) => Place} node
 * @property {Place} store where a broker's process runs: on a host of its own
 * @property {Place} generator
 * @property {(nodes: number) => void} use takes those hosts off the network that have no node in a measurement
 * @property {(loss: Loss) => void} impair from now on nodes lose UDP packets of each other; until `use` is called again
 * @property {() => string[]} freshSources client addresses that the last measurements did not use
 * @property {() => Promise<number>} freshPort
 * @property {() => void} close
 */

/** Everything on 127.0.0.1. */
export function loopback() {
  const place = { address: '127.0.0.1', enter: [] };
  let measurement = 0;
  return {
    name: 'loopback: nodes, broker and clients share one network stack',
    broadcast: '127.255.255.255',
    isLoopback: true,
    node: () => place,
    store: place,
    generator: place,
    use() {},
    impair() {
      throw new Error('losing packets needs network namespaces (Linux, root)');
    },
    freshSources() {
      measurement++;
      return Array.from({ length: 8 }, (_, i) => `127.${10 + (measurement % 200)}.0.${1 + i}`);
    },
    async freshPort() {
      for (;;) {
        // Below the ephemeral range: a client's own port can never be in the way.
        const port = 12_000 + Math.floor(Math.random() * 18_000);
        if (await isFree(port)) return port;
      }
    },
    close() {},
  };
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}

const SUBNET = '10.88.0';
/** Addresses of clients. 10.88.0.64/26 belongs to the generator; nodes have none of it. */
const SOURCES = { route: `${SUBNET}.64/26`, first: 65, count: 62 };

function ip(command) {
  execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The kernel's hooks on bridges cost each packet. A switch has none. Without the kernel's module there is nothing to turn off. */
function filterNothing(name) {
  try {
    ip(`netns exec ${name} sysctl -qw net.bridge.bridge-nf-call-iptables=0`);
  } catch {
    // The module is not there.
  }
}

/**
 * A host for each node, one for a broker and one for the clients. The hosts are network namespaces. Pairs of veth join
 * them to a bridge, which has a namespace too. The machine's own network is not changed.
 */
export function namespaces(nodes) {
  const prefix = `lanfare-bench-${process.pid}`;
  const created = [];
  const close = () => {
    for (const name of created.splice(0)) {
      try {
        ip(`netns del ${name}`);
      } catch {
        // Gone already.
      }
    }
  };
  const makeNamespace = (name) => {
    ip(`netns add ${name}`);
    created.push(name);
    ip(`-n ${name} link set lo up`);
  };
  const makePlace = (role, host) => {
    const name = `${prefix}-${role}`;
    makeNamespace(name);
    ip(`-n ${prefix}-switch link add ${role} type veth peer name eth0 netns ${name}`);
    ip(`-n ${prefix}-switch link set ${role} master bridge up`);
    ip(`-n ${name} addr add ${SUBNET}.${host}/24 broadcast ${SUBNET}.255 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
    return { address: `${SUBNET}.${host}`, enter: ['ip', 'netns', 'exec', name] };
  };

  try {
    makeNamespace(`${prefix}-switch`);
    filterNothing(`${prefix}-switch`);
    ip(`-n ${prefix}-switch link add bridge type bridge`);
    ip(`-n ${prefix}-switch link set bridge up`);
    const hosts = Array.from({ length: nodes }, (_, index) => makePlace(`node${index}`, index + 1));
    const store = makePlace('store', 40);
    const generator = makePlace('clients', 50);
    ip(`-n ${prefix}-clients route add local ${SOURCES.route} dev lo`);

    /** Before the kernel joins fragments: so each packet is lost or not by itself. */
    const rules = (index, command) => ip(`netns exec ${prefix}-node${index} iptables -t raw ${command}`);
    const impaired = new Set();

    let measurement = 0;
    let port = 20_000 + Math.floor(Math.random() * 5_000);
    return {
      name: `${nodes} hosts in network namespaces (veth, one bridge), one for a broker, one for the clients`,
      broadcast: `${SUBNET}.255`,
      isLoopback: false,
      node: (index) => hosts[index],
      store,
      generator,
      impair(loss) {
        const which = loss === 'fragments' ? '-f' : `-p udp -m statistic --mode random --probability ${loss}`;
        for (const index of hosts.keys()) {
          rules(index, `-A PREROUTING ${which} -j DROP`);
          impaired.add(index);
        }
      },
      use(count) {
        for (const index of impaired) rules(index, '-F PREROUTING');
        impaired.clear();
        // A bridge copies a broadcast to every port, at its sender's cost.
        for (const index of hosts.keys()) {
          ip(`-n ${prefix}-switch link set node${index} ${index < count ? 'up' : 'down'}`);
        }
      },
      freshSources() {
        measurement++;
        return Array.from(
          { length: 8 },
          (_, i) => `${SUBNET}.${SOURCES.first + ((measurement * 8 + i) % SOURCES.count)}`,
        );
      },
      freshPort: async () => ++port,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Network namespaces, if they are possible (Linux, root). Otherwise loopback, and it says why. */
export function makeTopology(wanted, nodes) {
  if (wanted === 'loopback') return { topology: loopback(), reason: '' };
  try {
    return { topology: namespaces(nodes), reason: '' };
  } catch (error) {
    if (wanted === 'namespaces') throw error;
    const detail = String(error.stderr ?? '').trim() || error.message;
    return { topology: loopback(), reason: `no network namespaces here: ${detail}` };
  }
}
