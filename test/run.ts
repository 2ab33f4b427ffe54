import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Runs vitest; with BUCKETSEAL_TEST_REPORT a JSON report is written there too, for the summary of a CI run. */
const report = process.env['BUCKETSEAL_TEST_REPORT'];
const reporters = report === undefined ? [] : ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const vitest = resolve(import.meta.dirname, '../node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
