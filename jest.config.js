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
  ],
  testTimeout: 30_000,
};
