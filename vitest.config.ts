import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The load scripts run in k6; their signing code is tested here too.
  resolve: { alias: { 'k6/crypto': resolve(import.meta.dirname, 'test/unit/load/k6-crypto.ts') } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/external/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
