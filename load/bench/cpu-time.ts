import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports CPU time in these units whatever the kernel's own tick (`USER_HZ`). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its descendants, the ended ones included; seconds. */
export function cpuSeconds(pid: number): number {
  // The name in parentheses may hold anything; the fields after it are numbers (proc_pid_stat(5), from field 3 on).
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS_PER_SECOND;
  return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), own);
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}
