import { createHash, randomBytes } from 'node:crypto';
import { openLocalStore } from '../../src/backends/local/store.ts';
import { GatewayError } from '../../src/model/errors.ts';
import type { StorageRequest, StorageResult } from '../../src/model/operations.ts';
import type { Content } from '../../src/model/seal.ts';

/** Fills a small file system until writes fail, by data and by index, and prints as JSON what it saw. */
const [directory = ''] = process.argv.slice(2);
const store = await openLocalStore({
  name: 'local',
  directory,
  region: 'local-1',
  now: Date.now,
  randomBytes,
  // Digests do not matter here.
  columns: { seal: (text) => Buffer.from(text), open: (blob) => Buffer.from(blob).toString('utf8') },
  log: () => undefined,
  reserve: 6 * 1024 * 1024,
});
const whole = { bucket: 'full', wish: { state: 'absent' }, conditions: {} };

function run(request: object): Promise<unknown> {
  return store.execute(request as StorageRequest, { requestId: 'full' });
}

function contentOf(bytes: Buffer): Content {
  const md5 = createHash('md5').update(bytes).digest('hex');
  return {
    length: bytes.length,
    bytes: (async function* () {
      yield bytes;
      await Promise.resolve();
    })(),
    finish: () => ({ etag: md5, digests: { size: bytes.length, md5, crc64: '0' } }),
  };
}

function put(key: string, bytes: Buffer, padding = 0): Promise<unknown> {
  const metadata = { user: { padding: 'x'.repeat(padding) } };
  return run({ operation: 'PutObject', ...whole, key, metadata, content: contentOf(bytes) });
}

async function read(key: string): Promise<Buffer> {
  const request = { operation: 'GetObject', bucket: 'full', key, conditions: {}, checksumMode: false, overrides: {} };
  const { content } = (await run(request)) as StorageResult<'GetObject'>;
  if (content.kind !== 'plain') throw new Error('sealed');
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Writes until one fails; answers the failures' codes and whether all that was acknowledged is still there. */
async function fill(
  prefix: string,
  size: number,
  padding: number,
): Promise<{ readonly codes: readonly string[]; readonly intact: boolean }> {
  const written = new Map<string, Buffer>();
  const codes: string[] = [];
  for (let at = 0; codes.length < 3; at++) {
    // Every key is overwritten once, so that a failure has an old object to leave alone.
    const key = `${prefix}${at >> 1}`;
    const bytes = randomBytes(size);
    try {
      await put(key, bytes, padding);
      written.set(key, bytes);
    } catch (error) {
      codes.push(error instanceof GatewayError ? error.code : String(error));
    }
  }
  let intact = true;
  for (const [key, bytes] of written) intact &&= (await read(key)).equals(bytes);
  return { codes, intact };
}

async function empty(prefix: string): Promise<void> {
  const list = { operation: 'ListObjects', bucket: 'full', prefix, delimiter: '', maxKeys: 1000, marker: '' };
  const { objects } = (await run(list)) as StorageResult<'ListObjects'>;
  for (const { key } of objects) await run({ operation: 'DeleteObject', bucket: 'full', key });
  await store.scrub();
}

await run({ operation: 'CreateBucket', ...whole });
const kept = randomBytes(1000);
await put('kept', kept);
const byData = await fill('data/', 700_000, 0);
await empty('data/');
const byIndex = await fill('index/', 1, 200_000);
await empty('index/');
await put('after', Buffer.from('room again'));
const report = await store.scrub();
const result = {
  byData,
  byIndex,
  kept: (await read('kept')).equals(kept),
  after: (await read('after')).toString(),
  lost: report.missing + report.damaged,
};
await store.close();
process.stdout.write(JSON.stringify(result));
