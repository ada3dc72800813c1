/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

// With few cores workerd can stand still for good: a compilation in the background waits for a collection of garbage, and the collection
// for the one thread that it blocks. Without threads in the background it cannot. Workers of Jest and what they start inherit it.
process.env['MINIFLARE_WORKERD_V8_FLAGS'] ??= '--single-threaded';

type Project = Exclude<NonNullable<Config['projects']>[number], string>;

function project(displayName: string, testMatch: string[], tsconfig = '__tests__/tsconfig.jest.json'): Project {
  return {
    displayName,
    testMatch: testMatch.map((pattern) => `<rootDir>/__tests__/${pattern}`),
    testEnvironment: 'node',
    // Sources name their imports with `.js`, as Node wants them; Jest runs the `.ts` beside it.
    moduleNameMapper: {
      '^(\\.{1,2}/.*)\\.js$': '$1',
      '^#aws-s3$': '<rootDir>/src/clients/r2/s3/aws-s3.ts',
      '^@codex/cloudflare-clients$': '<rootDir>/src/index.ts',
      '^@codex/cloudflare-clients/testing$': '<rootDir>/src/testing.ts',
      '^@codex/cloudflare-clients/adapters/(.*)$': '<rootDir>/src/adapters/$1.ts',
    },
    transform: {
      '^.+\\.ts$': ['ts-jest', { tsconfig, diagnostics: { ignoreCodes: [151001] } }],
      // Published as ES modules alone, which Jest's own module system does not load.
      '/node_modules/devalue/.+\\.js$': ['ts-jest', { tsconfig: '__tests__/tsconfig.jest.modules.json' }],
    },
    transformIgnorePatterns: ['/node_modules/(?!devalue/)'],
    setupFiles: ['reflect-metadata'],
  };
}

const config: Config = {
  projects: [
    project('unit', [
      '{tokens,providers,clients,durable-objects,decorators,sinks,adapters,testing,internal,seed,docs,cli,entries,soak}/**/*.test.ts',
      '*.test.ts',
    ]),
    project('standard-decorators', ['decorators/**/*.test.ts'], '__tests__/tsconfig.jest.standard.json'),
    project('workerd', ['workerd/**/*.test.ts']),
    project('package', ['package/**/*.test.ts']),
    project('demo', ['demo/**/*.test.ts']),
    // Needs Debian's chromium, so it has a script of its own: npm run test:e2e.
    project('e2e', ['e2e/**/*.test.ts']),
    // The SvelteKit app, built, in workerd and in Chromium: npm run test:app.
    project('app', ['app/**/*.test.ts']),
    // The packed package in projects of its users: npm run test:install.
    { ...project('install', ['install/*.test.ts']), globalSetup: '<rootDir>/__tests__/install/support/pack.ts' },
  ],
  collectCoverageFrom: ['src/**/*.ts'],
  coverageDirectory: 'coverage',
  testTimeout: 30_000,
  // Most suites wait for workerd and for servers: on two cores, Jest's own choice of one worker leaves a core idle. Each suite of R2 loads an SDK
  // of its own, which is not given back: a worker is replaced before its garbage slows what comes after.
  maxWorkers: 2,
  workerIdleMemoryLimit: '500MB',
  reporters: ['default', '<rootDir>/scripts/count-reporter.cjs'],
};

export default config;
