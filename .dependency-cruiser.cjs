/**
 * The layers of ARCHITECTURE.md, as rules: imports go down, streams come up.
 *   operations > gateway > messaging > connections, cluster > udp-broadcast > config > wire
 */
const layers = [];

const layer = (name, ...below) => {
  layers.push(`^src/${name}/`);
  return {
    name: `${name}-imports-only-below`,
    severity: 'error',
    comment: `src/${name} may import itself and: ${below.join(', ') || 'nothing'}`,
    from: { path: `^src/${name}/`, pathNot: '[.]spec[.]ts$' },
    to: { path: '^src/', pathNot: [name, ...below].map((folder) => `^src/${folder}/`) },
  };
};

/** Every technology has one owner; the others see the owner's own types. */
const owner = (technology, path, owners) => ({
  name: `${technology}-has-one-owner`,
  severity: 'error',
  from: { path: '^src/', pathNot: [...owners, '[.]spec[.]ts$'] },
  to: { path },
});

/**
 * A folder whose parts lie in bands, from below to above: each may import itself and the bands before it. A spec may
 * import any. `shared` is what all may import beside that.
 */
const layered = (folder, bands, ...shared) => {
  const paths = bands.map((band) => `^src/${folder}/${band}`);
  return [
    ...paths.map((path, index) => ({
      name: `${folder}-band-${index}-imports-only-below`,
      severity: 'error',
      comment: `${path} may import itself and what stands before it in the bands of src/${folder}`,
      from: { path, pathNot: '[.]spec[.]ts$' },
      to: { path: `^src/${folder}/`, pathNot: [...paths.slice(0, index + 1), ...shared] },
    })),
    {
      name: `${folder}-files-have-a-band`,
      severity: 'error',
      comment: `a file or folder of src/${folder} must be in one of its bands`,
      from: { path: `^src/${folder}/`, pathNot: [...paths, ...shared, '[.]spec[.]ts$'] },
      to: {},
    },
  ];
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|scripts)/' },
    },
    {
      name: 'the-client-stands-alone',
      severity: 'error',
      comment: 'it has no dependencies but React for the hooks, and knows the server by its protocol only',
      from: { path: '^client/src/', pathNot: '[.]spec[.]tsx?$|/testing/' },
      to: { pathNot: '^client/src/|^(node_modules/)?(@types/)?react($|/)' },
    },
    layer('wire'),
    layer('waiting'),
    layer('config'),
    layer('telemetry', 'config'),
    layer('udp-broadcast', 'telemetry', 'config'),
    layer('connections', 'wire'),
    layer('cluster/protocol'),
    ...layered(
      'cluster/protocol',
      [
        '(contract|errors|fifo|timers|transitions)[.]ts$',
        'wire/',
        'options[.]ts$',
        '(streams|directory)/',
        'peers/',
        'transmission/',
        'membership/',
        'routing/',
        'presence/',
        '(cluster-node|departure|frame-dispatch|node-timeouts|peer-timeouts|sleep|statistics)[.]ts$',
        '(testing|simulation)/',
      ],
      // What a node is made of: it makes the parts, and each part takes from it what it uses.
      '^src/cluster/protocol/(node-parts|node-timers|carriage|journal)[.]ts$',
    ),
    {
      name: 'streams-and-directory-are-apart',
      severity: 'error',
      from: { path: '^src/cluster/protocol/(streams|directory)/', pathNot: '[.]spec[.]ts$' },
      to: { path: '^src/cluster/protocol/(streams|directory)/', pathNot: '^src/cluster/protocol/$1/' },
    },
    {
      name: 'what-a-node-is-made-of-is-for-its-parts',
      severity: 'error',
      comment: 'bytes, streams, the directory and peers know nothing of the node they are in',
      from: { path: '^src/cluster/protocol/(wire|streams|directory|peers)/', pathNot: '[.]spec[.]ts$' },
      to: { path: '^src/cluster/protocol/(node-parts|node-timers|carriage|journal)[.]ts$' },
    },
    layer('broker', 'telemetry', 'config'),
    layer('cluster', 'broker', 'udp-broadcast', 'telemetry', 'config', 'wire'),
    layer('messaging', 'connections', 'cluster', 'telemetry', 'config', 'wire'),
    layer('presence', 'rooms', 'messaging', 'connections', 'cluster', 'telemetry', 'config', 'wire'),
    layer('rooms', 'messaging', 'connections', 'cluster', 'telemetry', 'config', 'wire'),
    layer('authentication', 'telemetry', 'config', 'wire'),
    layer(
      'gateway',
      'authentication',
      'presence',
      'rooms',
      'messaging',
      'connections',
      'cluster',
      'telemetry',
      'config',
      'waiting',
      'wire',
    ),
    ...layered('gateway', [
      '(gateway[.]config|gateway-statistics|grace|origin)[.]ts$',
      'limits/',
      'client/',
      'module-gateways/',
      'frames/',
      'admission/',
      '(gateway[.]adapter|client[.]gateway|gateway[.]module)[.]ts$',
    ]),
    layer('playground', 'authentication', 'gateway'),
    layer(
      'operations',
      'gateway',
      'authentication',
      'rooms',
      'presence',
      'messaging',
      'connections',
      'cluster',
      'udp-broadcast',
      'telemetry',
      'config',
      'waiting',
      'wire',
    ),
    layer('workers', 'operations', 'gateway', 'cluster', 'udp-broadcast', 'telemetry', 'config', 'waiting'),
    {
      name: 'folders-have-a-layer',
      severity: 'error',
      comment: 'a folder of src must have a rule above; these stand on top, and may import any',
      from: { path: '^src/[^/]+/', pathNot: [...layers, '^src/(commands|doctor|testing)/'] },
      to: {},
    },
    {
      name: 'the-protocol-core-does-no-io',
      severity: 'error',
      comment: 'bytes and time in, bytes and events out: no sockets, clock, Nest or rxjs',
      from: { path: '^src/cluster/protocol/', pathNot: '[.]spec[.]ts$|/(simulation|testing)/' },
      to: { pathNot: '^src/cluster/protocol/' },
    },
    {
      name: 'wire-is-pure',
      severity: 'error',
      from: { path: '^src/wire/', pathNot: '[.]spec[.]ts$' },
      to: { pathNot: '^src/wire/' },
    },
    owner('brokers', '^(node_modules/)?(@nats-io/|ioredis($|/))', ['^src/broker/']),
    owner('dgram', '^(node:)?dgram$', ['^src/udp-broadcast/']),
    owner('opentelemetry', '^(node_modules/)?@opentelemetry/', ['^src/messaging/message-tracing[.]ts$']),
    owner('node-cluster', '^(node:)?cluster$', ['^src/workers/', '^src/start-node[.]ts$']),
    owner('ws', '^(node_modules/)?(ws|@types/ws|@nestjs/(websockets|platform-ws))($|/)', [
      '^src/gateway/',
      '^src/testing/',
    ]),
    owner('nest-testing', '^(node_modules/)?@nestjs/testing($|/)', ['^src/testing/']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
