import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openLocalStore } from '../../../../src/backends/local/store.ts';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import type { ColumnCipher, LocalStoreOptions } from '../../../../src/backends/local/ports.ts';
import type { CallContext } from '../../../../src/model/backend.ts';
import type { ErrorCode } from '../../../../src/model/errors.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { OperationName, Operations, StorageResult } from '../../../../src/model/operations.ts';
import type { Content, ContentRecord, SealedPart, SealHeader } from '../../../../src/model/seal.ts';

export const CONTEXT: CallContext = { requestId: 'test' };
export const WHOLE_WRITE = { wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} } as const;
export const BODY = {
  length: undefined,
  bytes: (async function* () {
    /* the store takes `content` only */
  })(),
} as const;

/** A cipher as honest as the real one: authenticated, bound to its context. */
export function columnCipher(key = randomBytes(32)): ColumnCipher {
  return {
    seal: (text, context) => {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open: (blob, context) => {
      const bytes = Buffer.from(blob);
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
    },
  };
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bucketseal-local-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function openStore(options: Partial<LocalStoreOptions> = {}): Promise<LocalStore> {
  const store = await openLocalStore({
    name: 'local',
    directory: options.directory ?? (await temporaryDirectory()),
    region: 'local-1',
    now: Date.now,
    randomBytes,
    columns: columnCipher(),
    log: () => undefined,
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

/** A store with the bucket `photos`. */
export async function openWithBucket(options: Partial<LocalStoreOptions> = {}): Promise<LocalStore> {
  const store = await openStore(options);
  await run(store, { operation: 'CreateBucket', bucket: 'photos', wish: { state: 'absent' } });
  return store;
}

export function run<N extends OperationName>(
  store: LocalStore,
  request: { readonly operation: N } & Operations[N]['request'],
): Promise<StorageResult<N>> {
  return store.execute<N>(request, CONTEXT);
}

/** Plain content in chunks; digests are taken while it streams, and are unknown before its end. */
export function plainContent(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Content {
  const md5 = createHash('md5');
  let crc = 0n;
  let size = 0;
  let record: ContentRecord | undefined;
  return {
    length: undefined,
    bytes: (async function* () {
      for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
        md5.update(chunk);
        crc = crc64(chunk, crc);
        size += chunk.length;
        yield chunk;
      }
      const etag = md5.digest('hex');
      record = { etag, digests: { size, md5: etag, crc64: crc.toString() } };
    })(),
    finish: () => {
      if (record === undefined) throw new Error('the content has not ended');
      return record;
    },
  };
}

/** Stands for sealed bytes: the plaintext's size and digests with other, longer bytes on disk. */
export function sealedBytes(plain: Buffer): Buffer {
  return Buffer.concat([Buffer.from('sealed:'), Buffer.from(plain.map((byte: number) => byte ^ 0x5a))]);
}

export function sealHeader(fields: Partial<SealHeader> = {}): SealHeader {
  return {
    format: 'bucketseal/v1',
    oid: randomBytes(16).toString('hex'),
    bucket: 'photos',
    uploadId: '',
    mode: 'kms',
    keyAlias: 'orders',
    wrapped: { keyId: 'orders', keyVersion: '1', blob: randomBytes(32).toString('base64') },
    ...fields,
  };
}

export function sealedPart(plain: Buffer, number = 1): SealedPart {
  return {
    number,
    attempt: randomBytes(16).toString('hex'),
    plaintextLength: plain.length,
    ciphertextLength: sealedBytes(plain).length,
    salt: '',
    commitment: '',
  };
}

/** Content as the gateway makes it when it seals: `record` builds what finish() answers from the plain record. */
export function sealedContent(plain: Buffer, record: (digests: ContentRecord) => ContentRecord): Content {
  const inner = plainContent([plain]);
  return {
    length: undefined,
    bytes: (async function* () {
      await drain(inner.bytes);
      yield sealedBytes(plain);
    })(),
    finish: () => record(inner.finish()),
  };
}

export async function put(
  store: LocalStore,
  key: string,
  data: string | Buffer,
  more: Partial<Operations['PutObject']['request']> = {},
): Promise<StorageResult<'PutObject'>> {
  const content = plainContent([Buffer.from(data)]);
  return run(store, { operation: 'PutObject', bucket: 'photos', key, ...WHOLE_WRITE, body: BODY, content, ...more });
}

export const WHOLE_READ = { conditions: {}, checksumMode: false, overrides: {} } as const;

export async function get(
  store: LocalStore,
  key: string,
  more: Partial<Operations['GetObject']['request']> = {},
): Promise<Buffer> {
  const { content } = await run(store, { operation: 'GetObject', bucket: 'photos', key, ...WHOLE_READ, ...more });
  if (content.kind !== 'plain') throw new Error('the object is sealed');
  const bytes = await drain(content.bytes);
  if (bytes.length !== content.length) throw new Error('length and bytes disagree');
  return bytes;
}

export async function drain(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The code that a promise fails with; fails when it does not, or with anything but a GatewayError. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  return (await errorOf(promise)).code;
}

export async function errorOf(promise: Promise<unknown>): Promise<GatewayError> {
  const outcome = await promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  if (!(outcome instanceof GatewayError)) throw new Error('expected a GatewayError', { cause: outcome });
  return outcome;
}

/** CRC-64/XZ, bit by bit: slow, and independent of the code under test. */
export function crc64(bytes: Uint8Array, start = 0n): bigint {
  let crc = start ^ 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return crc ^ 0xffffffffffffffffn;
}
