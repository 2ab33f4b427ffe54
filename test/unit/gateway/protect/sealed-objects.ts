import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SealBinding } from '../../../../src/envelope/manifest.ts';
import { openContent, type OpenedContent } from '../../../../src/gateway/protect/open-read.ts';
import { sealPut } from '../../../../src/gateway/protect/seal-write.ts';
import { openLocalKeyring, type LocalKeyring } from '../../../../src/keyrings/local/keyring.ts';
import type { StoredPart } from '../../../../src/model/backend.ts';
import type { Body } from '../../../../src/model/body.ts';
import { secret, type CustomerKey, type Encryption, type KeyAlias } from '../../../../src/model/encryption.ts';
import type { Keyring } from '../../../../src/model/keyring.ts';
import type { ByteRange } from '../../../../src/model/objects.ts';
import type { Content, ContentRecord, SealRecord, SealedPart } from '../../../../src/model/seal.ts';
import { chunked, collect, drain } from '../../envelope/byte-streams.ts';

export const MANAGED: Encryption = { kind: 'managed', algorithm: 'AES256' };
export const KMS: Encryption = { kind: 'kms', key: 'orders' as KeyAlias, algorithm: 'AES256', layers: 1 };
export const BUCKET = 'orders-store';
export const BINDING: SealBinding = {
  key: 'invoices/1',
  metadata: { contentType: 'text/plain', user: { owner: 'a' } },
};

export async function testKeyring(): Promise<LocalKeyring> {
  const directory = await mkdtemp(join(tmpdir(), 'keyring-'));
  const keyring = await openLocalKeyring({ file: join(directory, 'keyring.json'), now: Date.now, randomBytes });
  await keyring.ensure(['orders']);
  return keyring;
}

export function newCustomerKey(): CustomerKey {
  const key = randomBytes(32);
  return { key: secret(key), md5: createHash('md5').update(key).digest('base64') };
}

export function customer(key: CustomerKey): Encryption {
  return { kind: 'customer', algorithm: 'AES256', key };
}

export function bodyOf(bytes: Uint8Array, more: Partial<Body> = {}): Body {
  return { bytes: chunked(bytes, [50_000, 1]), length: bytes.length, ...more };
}

export async function take(content: Content): Promise<{ readonly bytes: Buffer; readonly record: ContentRecord }> {
  const bytes = await collect(content.bytes);
  return { bytes, record: content.finish() };
}

/** A sealed object in memory: its record, and the bytes of each attempt. */
export interface Sealed {
  readonly record: SealRecord;
  readonly files: ReadonlyMap<string, Buffer>;
}

export async function put(
  keyring: Keyring,
  plaintext: Uint8Array,
  encryption: Encryption = MANAGED,
  options: {
    readonly bucket?: string;
    readonly binding?: SealBinding;
    readonly crc64?: boolean;
    readonly body?: Partial<Body>;
  } = {},
): Promise<Sealed & { readonly done: ContentRecord }> {
  const { bucket = BUCKET, binding = BINDING, crc64 = true, body = {} } = options;
  const services = { keyring, randomBytes, keyIdOf: (alias: string) => alias };
  const content = await sealPut({ crc64, ...services, body: bodyOf(plaintext, body), encryption, bucket, binding });
  const { bytes, record: done } = await take(content);
  const record = done.seal!;
  return { record, files: new Map([[record.parts[0]!.attempt, bytes]]), done };
}

export interface ReadOptions {
  readonly range?: ByteRange;
  readonly customerKey?: CustomerKey;
  readonly bucket?: string;
  readonly binding?: SealBinding;
}

/** Opens a sealed object; counts how often the store's handle was closed. */
export async function open(
  keyring: Keyring,
  object: Sealed,
  options: ReadOptions = {},
): Promise<OpenedContent & { readonly closed: () => number }> {
  let closed = 0;
  const opened = await openContent({
    content: {
      kind: 'sealed',
      record: object.record,
      read: (part, first, last) => chunked(fileOf(object, part).subarray(first, last + 1), [30_000, 7]),
      close: () => {
        closed += 1;
        return Promise.resolve();
      },
    },
    range: options.range,
    bucket: options.bucket ?? BUCKET,
    binding: options.binding ?? BINDING,
    customerKey: options.customerKey,
    keyring,
  });
  return { ...opened, closed: () => closed };
}

export async function read(keyring: Keyring, object: Sealed, options: ReadOptions = {}): Promise<Buffer> {
  return collect((await open(keyring, object, options)).bytes);
}

/** The error of a read, wherever it came, and what had gone out before. */
export async function readFailure(
  keyring: Keyring,
  object: Sealed,
  options: ReadOptions = {},
): Promise<{ readonly error: unknown; readonly bytes: Buffer; readonly early: boolean }> {
  try {
    return { ...(await drain((await open(keyring, object, options)).bytes)), early: false };
  } catch (error) {
    return { error, bytes: Buffer.alloc(0), early: true };
  }
}

export function storedPart(done: ContentRecord, etag = done.etag): StoredPart {
  const sealed = done.part!;
  const { size, md5, crc64, checksum } = done.digests;
  return {
    partNumber: sealed.number,
    size,
    etag,
    lastModified: 0,
    sealed,
    md5,
    crc64,
    ...(checksum === undefined ? {} : { checksum }),
  };
}

function fileOf(object: Sealed, part: SealedPart): Buffer {
  const file = object.files.get(part.attempt);
  if (file === undefined) throw new Error(`no bytes of attempt ${part.attempt}`);
  return file;
}
