import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cpuSeconds } from '../../../load/bench/cpu-time.ts';

/** By CPU time and not by the clock, so that a busy machine changes nothing. Seconds. */
const BURNT = 0.3;
const BURN = `while (process.cpuUsage().user < ${BURNT * 1e6});`;
/** The kernel counts in hundredths. */
const COUNTED = BURNT - 0.05;

describe.skipIf(!existsSync('/proc/self/stat'))('CPU time of a process (needs /proc)', () => {
  test('is its own and that of its children, whether they have ended or not', async () => {
    const before = cpuSeconds(process.pid);
    spawnSync(process.execPath, ['-e', BURN]);
    const ended = cpuSeconds(process.pid) - before;
    expect(ended).toBeGreaterThan(COUNTED);

    const child = spawn(process.execPath, ['-e', `${BURN} console.log('burnt'); setInterval(() => {}, 1000);`]);
    await once(child.stdout, 'data');
    const running = cpuSeconds(process.pid) - before - ended;
    const alone = cpuSeconds(child.pid as number);
    child.kill();
    await once(child, 'exit');
    expect(alone).toBeGreaterThan(COUNTED);
    expect(running).toBeGreaterThan(COUNTED);
  });
});
