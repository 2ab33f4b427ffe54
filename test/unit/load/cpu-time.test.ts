import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cpuSeconds } from '../../../load/bench/cpu-time.ts';

const BURN = 'const until = performance.now() + 300; while (performance.now() < until);';

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

describe.skipIf(!existsSync('/proc/self/stat'))('CPU time of a process (needs /proc)', () => {
  test('is its own and that of its children, whether they have ended or not', async () => {
    const before = cpuSeconds(process.pid);
    const own = ownSeconds();
    spawnSync(process.execPath, ['-e', BURN]);
    const ended = cpuSeconds(process.pid) - before;
    expect(ended).toBeGreaterThan(0.05 + ownSeconds() - own);

    const child = spawn(process.execPath, ['-e', `${BURN} console.log('burnt'); setInterval(() => {}, 1000);`]);
    await once(child.stdout, 'data');
    const running = cpuSeconds(process.pid) - before - ended;
    const alone = cpuSeconds(child.pid as number);
    child.kill();
    await once(child, 'exit');
    expect(alone).toBeGreaterThan(0.05);
    expect(running).toBeGreaterThan(alone * 0.8);
  });
});
