import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../unit/backends/local/support.ts';

/** A small tmpfs in a mount namespace of its own. */
const ON_SMALL_DISK = 'mount -t tmpfs -o size=24m none "$1" && exec "$2" "$3" "$1/store"';
const NAMESPACES = spawnSync('unshare', ['-Urm', 'true']).status === 0;

test.skipIf(!NAMESPACES)(
  'a full disk refuses writes clearly, keeps what was acknowledged, and recovers (needs user namespaces)',
  async () => {
    const directory = await temporaryDirectory();
    const writer = join(import.meta.dirname, 'local-disk-full-writer.ts');
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['-Urm', 'sh', '-c', ON_SMALL_DISK, 'sh', directory, process.execPath, writer],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );
    expect(stdout, stderr).not.toBe('');
    const result = JSON.parse(stdout) as {
      readonly byData: { readonly codes: readonly string[]; readonly intact: boolean };
      readonly byIndex: { readonly codes: readonly string[]; readonly intact: boolean };
    };
    expect(result).toMatchObject({
      byData: { intact: true },
      byIndex: { intact: true },
      kept: true,
      after: 'room again',
      lost: 0,
    });
    expect(new Set([...result.byData.codes, ...result.byIndex.codes])).toEqual(new Set(['ServiceUnavailable']));
  },
);
