import { defineConfig } from 'vitest/config';

/** Real stores and other languages' SDKs: what `.ci/run` installs. One file at a time; the machine is small. */
export default defineConfig({
  test: {
    include: ['test/external/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
