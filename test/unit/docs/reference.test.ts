import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DIRECTORY, referencePages } from '../../../docs/reference/generate/pages.ts';

describe('the generated reference', () => {
  test('says what the code says: else run `npm run reference`', async () => {
    for (const [name, text] of await referencePages())
      expect(readFileSync(join(DIRECTORY, name), 'utf8'), name).toBe(text);
  });

  test('has no page that nobody generates', async () => {
    const shipped = readdirSync(DIRECTORY).filter((name) => name.endsWith('.md'));
    expect(shipped.sort()).toEqual([...(await referencePages()).keys(), 'README.md'].sort());
  });

  test.each([
    ['gateway.md', '| `listeners[].port` | 0 to 65535 | yes | TCP port; 0 lets the system choose. | `9443` |'],
    ['gateway.md', '| `limits.uploads` | duration |  |'],
    [
      'gateway.md',
      '| `stores.<name>.directory` | string | yes | Where the objects lie, relative to this file. (for `local` only) |',
    ],
    ['policy.md', '| `encryption.clients` | `choose`, `strengthen`, `ignore`, `refuse` |  |'],
    ['policy.md', '| `replicas.rule` | `target-default`, `keep-source` |  |'],
    ['diagnostics.md', '| `duplicate-key` | ERROR | The same key stands twice in one map. |'],
    ['metrics.md', '| `bucketseal_encryption_not_honoured_total` | counter | `store`, `operation`, `kind` |'],
    ['metrics.md', '| `http_server_request_duration_seconds` | histogram |'],
    ['errors.md', '| `NotImplemented` | 501 `NotImplemented` | 400 `NotImplemented` | 501 `NotImplemented` |'],
    ['errors.md', '| `FileAlreadyExists` | 412 `PreconditionFailed` | 409 `FileAlreadyExists` |'],
  ])('%s has the row %s', (name, row) => {
    expect(readFileSync(join(DIRECTORY, name), 'utf8')).toContain(row);
  });
});
