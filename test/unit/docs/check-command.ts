import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './markdown.ts';

/** `bucketseal check`, as an operator runs it; variables beside it only where they are given. */
export function check(
  config: string,
  env: Readonly<Record<string, string>> = {},
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'src/main.ts'), 'check', '--config', config],
    { encoding: 'utf8', env },
  );
  return { status, output: `${stdout}${stderr}` };
}
