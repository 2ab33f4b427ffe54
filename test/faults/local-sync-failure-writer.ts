import { createHash, randomBytes } from 'node:crypto';
import { openLocalStore } from '../../src/backends/local/store.ts';
import type { StorageRequest } from '../../src/model/operations.ts';

/** Writes `v0` … `v5` under one key while a tracer makes a sync fail; prints what became of each as JSON. */
const [directory = ''] = process.argv.slice(2);
const store = await openLocalStore({
  name: 'local',
  directory,
  region: 'local-1',
  now: Date.now,
  randomBytes,
  columns: { seal: (text) => Buffer.from(text), open: (blob) => Buffer.from(blob).toString('utf8') },
  log: () => undefined,
});
const whole = { bucket: 'sync', wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} };
const outcomes: string[] = [];

async function attempt(request: object): Promise<void> {
  const outcome = await store.execute(request as StorageRequest, { requestId: 'sync' }).then(
    () => 'ok',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
  outcomes.push(outcome);
}

await attempt({ operation: 'CreateBucket', ...whole });
for (let version = 0; version < 6; version++) {
  const bytes = Buffer.from(`v${version}`);
  const etag = createHash('md5').update(bytes).digest('hex');
  const content = {
    length: bytes.length,
    bytes: (async function* () {
      yield bytes;
      await Promise.resolve();
    })(),
    finish: () => ({ etag, digests: { size: bytes.length, md5: etag, crc64: '0' } }),
  };
  await attempt({ operation: 'PutObject', ...whole, key: 'a', content });
}
process.stdout.write(JSON.stringify({ outcomes, failures: store.health().failures }));
// No orderly end: what was acknowledged must not need one.
process.kill(process.pid, 'SIGKILL');
