import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { openLocalStore } from '../../src/backends/local/store.ts';
import type { FailpointName } from '../../src/backends/local/ports.ts';
import type { StorageRequest } from '../../src/model/operations.ts';
import type { Content } from '../../src/model/seal.ts';

/**
 * A writer that is made to be killed: argv is the store's directory, the log of acknowledged work, the column key, the
 * round, and `point:count` of the failpoint that kills it (or `none`).
 */
const [directory = '', acknowledged = '', key = '', round = '', fatal = 'none'] = process.argv.slice(2);
const [point, count] = fatal.split(':');
let left = Number(count);

const store = await openLocalStore({
  name: 'local',
  directory,
  region: 'local-1',
  now: Date.now,
  randomBytes,
  columns: {
    seal: (text, context) => {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'hex'), iv).setAAD(Buffer.from(context));
      return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open: (blob, context) => {
      const bytes = Buffer.from(blob);
      const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'hex'), bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
    },
  },
  log: () => undefined,
  failpoint: (name: FailpointName) => {
    if (name === point && --left <= 0) process.kill(process.pid, 'SIGKILL');
  },
});
const log = openSync(acknowledged, 'a');
const run = (request: object): Promise<unknown> => store.execute(request as StorageRequest, { requestId: 'crash' });

/** `key|writer|sequence|sha256` and filling: a body proves by itself whose it is and that it is whole. */
function contentOf(
  name: string,
  writer: number,
  sequence: number,
): { readonly content: Content; readonly label: string } {
  const filling = randomBytes(Math.floor(Math.random() * 200_000));
  const label = `${name}|${round}.${writer}|${sequence}|${createHash('sha256').update(filling).digest('hex')}`;
  const bytes = Buffer.concat([Buffer.from(`${label}\n`), filling]);
  const md5 = createHash('md5').update(bytes).digest('hex');
  return {
    label,
    content: {
      length: bytes.length,
      bytes: (async function* () {
        for (let at = 0; at < bytes.length; at += 30_000) {
          await new Promise(setImmediate);
          yield bytes.subarray(at, at + 30_000);
        }
      })(),
      finish: () => ({ etag: md5, digests: { size: bytes.length, md5, crc64: '0' } }),
    },
  };
}

function record(entry: object): void {
  writeSync(log, `${JSON.stringify(entry)}\n`);
  fsyncSync(log);
}

const whole = { bucket: 'crash', wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} };
await run({ operation: 'CreateBucket', ...whole });

/** Each writer owns its keys, so the last acknowledged or the one in flight is what must be found. */
async function write(writer: number): Promise<void> {
  for (let sequence = 0; ; sequence++) {
    const name = `w${writer}/${sequence % 3}`;
    const { content, label } = contentOf(name, writer, sequence);
    if (sequence % 7 !== 6) record({ event: 'try', key: name, label });
    if (sequence % 7 === 6) {
      record({ event: 'deleting', key: name });
      await run({ operation: 'DeleteObject', bucket: 'crash', key: name });
      record({ event: 'ack', key: name, label: null });
    } else if (sequence % 5 === 4) {
      const { uploadId } = (await run({ operation: 'CreateMultipartUpload', ...whole, key: name })) as {
        uploadId: string;
      };
      await run({ operation: 'UploadPart', bucket: 'crash', key: name, uploadId, partNumber: 1, content });
      await run({
        operation: 'CompleteMultipartUpload',
        bucket: 'crash',
        key: name,
        uploadId,
        parts: 'all',
        conditions: {},
      });
      record({ event: 'ack', key: name, label });
    } else {
      await run({ operation: 'PutObject', ...whole, key: name, content });
      record({ event: 'ack', key: name, label });
    }
  }
}

process.send?.('ready');
await Promise.all([0, 1, 2].map(write));
closeSync(log);
