import { defineConfig } from 'vitest/config';

/** unit: beside the source, no I/O. integration: in a test/ folder, against real servers on port 0. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/test/**', 'dist/**'],
        },
      },
      {
        test: {
          name: 'integration',
          globalSetup: ['services/lib/testing/postgres-broker.ts'],
          include: ['**/test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
