import { existsSync } from 'node:fs';

/** Shared by both projects: TypeScript as native ES modules, compiled by swc. */
const project = {
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^lanfare$': '<rootDir>/src/index.ts',
    '^lanfare/testing$': '<rootDir>/src/testing/index.ts',
    '^lanfare-client$': '<rootDir>/client/src/index.ts',
  },
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
};

/**
 * What nodes do as a cluster. These files run over each carrier of datagrams: over UDP in the project `e2e`, and over
 * brokers in projects of their own. Of these CI runs a part, and `npm run test:carriers` the whole.
 */
const CLUSTER_PART = ['cluster', 'conversation'];
const CLUSTER_REST = [
  'client',
  'examples',
  'module-events',
  'operations',
  'presence',
  'room-paths',
  'rooms',
  'tracing',
  'workers',
];
const isWhole = process.env.LANFARE_CARRIERS === 'whole';
const clusterFiles = isWhole ? [...CLUSTER_PART, ...CLUSTER_REST] : CLUSTER_PART;

/** The tests of clusters over a broker. Without its server there are none, which is printed. */
function overBroker(displayName, clusterCarrier, server) {
  if (!['/usr/sbin', '/usr/bin', '/usr/local/bin'].some((folder) => existsSync(`${folder}/${server}`))) {
    process.stderr.write(
      `The tests of clusters over ${clusterCarrier} are left out: ${server} is not installed\n`,
    );
    return [];
  }
  return [
    {
      ...project,
      displayName,
      globals: { clusterCarrier },
      testMatch: clusterFiles.map((name) => `<rootDir>/test/${name}.e2e-spec.ts`),
      setupFilesAfterEnv: ['<rootDir>/test/support/end-what-runs.ts'],
    },
  ];
}

export default {
  projects: [
    {
      ...project,
      displayName: 'unit',
      testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/client/src/**/*.spec.ts'],
    },
    {
      ...project,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts', '<rootDir>/examples/**/*.spec.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/support/end-what-runs.ts'],
    },
    ...overBroker('nats', 'NATS', 'nats-server'),
    ...overBroker('redis', 'Redis', 'redis-server'),
  ],
  testTimeout: 30_000,
};
