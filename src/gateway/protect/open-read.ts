import type { KeyObject } from 'node:crypto';
import type { ByteStream } from '../../model/body.ts';
import type { CustomerKey } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Keyring } from '../../model/keyring.ts';
import type { ByteRange, ObjectContent } from '../../model/objects.ts';
import type { SealRecord } from '../../model/seal.ts';
import { checkCustomerKey, manifestKeysOf, openCustomerDataKey, openDataKey } from '../../envelope/data-key.ts';
import { integrityError } from '../../envelope/integrity-error.ts';
import { verifyManifest, type SealBinding } from '../../envelope/manifest.ts';
import { committedPartKey, partContext } from '../../envelope/part-key.ts';
import { partReads, type PartRead } from '../../envelope/ranges.ts';
import { openMeta, type SealedMeta } from '../../envelope/sealed-meta.ts';
import { openStream } from '../../envelope/stream.ts';

export type SealedContent = Extract<ObjectContent, { kind: 'sealed' }>;

/** Where the index says that a record belongs, and who asks for it. */
export interface RecordClaim {
  /** The bucket's name at the store. */
  readonly bucket: string;
  readonly binding: SealBinding;
  readonly customerKey: CustomerKey | undefined;
  readonly keyring: Keyring;
}

/** Plaintext on its way to a client. */
export interface OpenedContent {
  /** Throws where bytes are missing or not authentic: the answer must then break, never end cleanly. */
  readonly bytes: ByteStream;
  /** Plaintext bytes to come. */
  readonly length: number;
  /** Releases the content when nobody is going to read it; idempotent. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a sealed object or a range of it. Record and first block (up to 16 KiB) are authenticated before this
 * resolves, so most corruption is an error answer and not a broken 200. The content is closed whatever happens.
 */
export async function openContent(
  claim: RecordClaim & { readonly content: SealedContent; readonly range: ByteRange | undefined },
): Promise<OpenedContent> {
  const { content, range } = claim;
  try {
    const { record } = content;
    if (range !== undefined && (range.first < 0 || range.first > range.last || range.last >= record.size)) {
      throw new GatewayError('InvalidRange', 'The requested range is not satisfiable');
    }
    const dataKey = await openRecord(record, claim);
    const blocks = openBlocks(content, dataKey, partReads(record.parts, range));
    const first = await blocks.next();
    return {
      bytes: resumed(first, blocks, content.close),
      length: range === undefined ? record.size : range.last - range.first + 1,
      close: content.close,
    };
  } catch (error) {
    await content.close();
    throw error;
  }
}

/** The digests that lie sealed in a record, once the record has proven itself. */
export async function openRecordMeta(record: SealRecord, claim: RecordClaim): Promise<SealedMeta> {
  const dataKey = await openRecord(record, claim);
  return openMeta(manifestKeysOf(dataKey, record.oid).meta, record, record.sealedMeta);
}

/**
 * For reads without bytes: the answers to a customer's key that is missing, wrong or not asked for. The key itself is
 * tried on the wrapped data key, so that a right MD5 beside another key proves nothing.
 */
export function proveCustomerKey(record: SealRecord, bucket: string, customerKey: CustomerKey | undefined): void {
  if (record.bucket !== bucket) throw integrityError('the record belongs to another bucket');
  checkCustomerKey(record, customerKey);
  if (customerKey !== undefined) openCustomerDataKey(record, customerKey);
}

async function openRecord(record: SealRecord, claim: RecordClaim): Promise<KeyObject> {
  if (record.bucket !== claim.bucket) throw integrityError('the record belongs to another bucket');
  const dataKey = await openDataKey(record, claim.keyring, claim.customerKey);
  verifyManifest(manifestKeysOf(dataKey, record.oid).mac, record, claim.binding);
  return dataKey;
}

/** 16 KiB of plaintext, and as much again where TLS has encrypted them: what a client that does not read makes the process hold. */
const SEGMENTS_HELD = 1;

async function* openBlocks(
  content: SealedContent,
  dataKey: KeyObject,
  reads: readonly PartRead[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { record } = content;
  // Parts without plaintext come first: a reader that has the last byte may not ask for what stands behind it.
  for (const read of [...reads.filter(({ take }) => take === 0), ...reads.filter(({ take }) => take > 0)]) {
    const { part } = read;
    const key = committedPartKey(
      dataKey,
      Buffer.from(part.salt, 'base64'),
      Buffer.from(part.commitment, 'base64'),
      partContext({ bucket: record.bucket, oid: record.oid, uploadId: record.uploadId, number: part.number }),
    );
    const run = {
      first: read.firstSegment,
      last: read.lastSegment,
      plaintextLength: part.plaintextLength,
      prefixed: read.first === 0,
      block: SEGMENTS_HELD,
    };
    yield* slice(openStream(key, run, content.read(part, read.first, read.last)), read.skip, read.take);
  }
}

/** Keeps `take` bytes after `skip`, and still reads to the end, so that the whole run is authenticated. */
async function* slice(blocks: ByteStream, skip: number, take: number): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for await (const block of blocks) {
    const from = Math.max(0, skip - position);
    const to = Math.min(block.length, skip + take - position);
    position += block.length;
    if (from < to) yield block.subarray(from, to);
  }
}

/**
 * The stream that began with `first`. Not a generator: one that nobody has started skips its `finally`, and a client
 * that hangs up early would leave the content open.
 */
function resumed(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void, undefined>,
  close: () => Promise<void>,
): ByteStream {
  let pending: IteratorResult<Uint8Array, void> | undefined = first;
  const iterator: AsyncIterator<Uint8Array, void, undefined> = {
    async next() {
      try {
        const result = pending ?? (await rest.next());
        pending = undefined;
        if (result.done === true) await close();
        return result;
      } catch (error) {
        await close();
        throw error;
      }
    },
    async return() {
      await rest.return();
      await close();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
