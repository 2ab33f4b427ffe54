import { createHash } from 'node:crypto';
import { createDataKey, openDataKey } from '../../envelope/data-key.ts';
import { committedPartKey, derivePartKey, partContext } from '../../envelope/part-key.ts';
import { COMMITMENT_SIZE, PREFIX_SIZE, SALT_SIZE, sealedLength, segmentCount } from '../../envelope/sizes.ts';
import { openStream, sealStream } from '../../envelope/stream.ts';
import type { Body, ByteStream } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { SealHeader } from '../../model/seal.ts';
import { withholdLast } from '../../wire/bounded.ts';
import { HIDDEN_PREFIX, type Call, type Place } from '../call/call.ts';

/** A part that is too small for the store, kept there as a hidden sealed object until Complete joins it. */
export interface KeptPart {
  readonly storeUploadId: string;
  readonly partNumber: number;
  /** What the client got as the part's ETag: the attempt, 32 hex. */
  readonly etag: string;
  /** Plaintext bytes. */
  readonly size: number;
  readonly lastModified: number;
  readonly objectKey: string;
}

const ATTEMPT_SIZE = 16;
const LENGTH_SIZE = 4;
/** A header is one JSON object of a few hundred bytes. */
const MAX_HEADER = 16 * 1024;
const NAME = /^(\d{1,5})\.([0-9a-f]{32})-(\d{1,16})$/;

/**
 * Seals a part under a data key of its own and puts it beside the upload: u32be length, the seal header as JSON, then
 * the part's bytes as FORMAT.md has them. Any gateway with the same keyring can read it.
 */
export async function keepPart(
  call: Call,
  place: Place,
  part: { readonly storeUploadId: string; readonly partNumber: number; readonly body: Body; readonly length: number },
): Promise<{ readonly etag: string; readonly objectKey: string }> {
  const { keyring } = call.snapshot;
  const { randomBytes } = call.services;
  const { header, dataKey } = await createDataKey({
    home: { mode: 'managed' },
    bucket: place.storeBucket,
    uploadId: part.storeUploadId,
    keyring,
    randomBytes,
  });
  const key = derivePartKey(dataKey, randomBytes(SALT_SIZE), contextOf(header, part.partNumber));
  const etag = randomBytes(ATTEMPT_SIZE).toString('hex');
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const prefix = Buffer.alloc(LENGTH_SIZE + json.length);
  prefix.writeUInt32BE(json.length);
  json.copy(prefix, LENGTH_SIZE);
  const length = prefix.length + sealedLength(part.length);
  const bytes = withholdLast(joined([of(prefix), sealStream(key, part.body.bytes, part.length)]));
  const objectKey = `${folderOf(part.storeUploadId)}${part.partNumber}.${etag}-${part.length}`;
  await place.backend.execute(
    {
      operation: 'PutObject',
      bucket: place.storeBucket,
      key: objectKey,
      wish: { state: 'absent' },
      metadata: { contentType: 'application/octet-stream', user: {} },
      conditions: {},
      body: { bytes, length },
    },
    call.context,
  );
  return { etag, objectKey };
}

/**
 * The store does not know that a kept part belongs to an upload. Whether there still is one is asked once the part lies
 * there, since an Abort or Complete in between removes only what it finds.
 */
export async function demandUnderWay(
  call: Call,
  place: Place,
  upload: { readonly key: string; readonly storeUploadId: string; readonly objectKey: string },
): Promise<void> {
  const { key, storeUploadId, objectKey } = upload;
  try {
    await place.backend.execute(
      {
        operation: 'ListParts',
        bucket: place.storeBucket,
        key,
        uploadId: storeUploadId,
        maxParts: 1,
        partNumberMarker: 0,
      },
      call.context,
    );
  } catch (error) {
    await discardKept(call, place, [{ objectKey }]);
    throw error;
  }
}

/** Every attempt that was kept for an upload (or for one of its parts), oldest first within a number. */
export async function keptParts(
  call: Call,
  place: Place,
  storeUploadId: string,
  partNumber?: number,
): Promise<readonly KeptPart[]> {
  const folder = folderOf(storeUploadId);
  const prefix = partNumber === undefined ? folder : `${folder}${partNumber}.`;
  const found: KeptPart[] = [];
  let token: string | undefined;
  do {
    const page = await place.backend.execute(
      {
        operation: 'ListObjectsV2',
        bucket: place.storeBucket,
        prefix,
        delimiter: '',
        maxKeys: 1000,
        startAfter: '',
        fetchOwner: false,
        ...(token === undefined ? {} : { continuationToken: token }),
      },
      call.context,
    );
    for (const { key, lastModified } of page.objects) {
      const [, number, etag, size] = NAME.exec(key.slice(folder.length)) ?? [];
      if (number !== undefined && etag !== undefined && size !== undefined)
        found.push({
          storeUploadId,
          partNumber: Number(number),
          etag,
          size: Number(size),
          lastModified,
          objectKey: key,
        });
    }
    token = page.truncated ? page.nextToken : undefined;
  } while (token !== undefined);
  return found.sort((a, b) => a.partNumber - b.partNumber || a.lastModified - b.lastModified);
}

/** The plaintext of a kept part, authenticated segment by segment. */
export async function* openKept(call: Call, place: Place, part: KeptPart): AsyncGenerator<Uint8Array, void, undefined> {
  const { content } = await place.backend.execute(
    {
      operation: 'GetObject',
      bucket: place.storeBucket,
      key: part.objectKey,
      conditions: {},
      checksumMode: false,
      overrides: {},
    },
    call.context,
  );
  if (content.kind !== 'plain') throw new GatewayError('InternalError', 'A kept part cannot be read.');
  const source = new Pulled(content.bytes);
  try {
    const length = (await source.take(LENGTH_SIZE)).readUInt32BE();
    if (length > MAX_HEADER) throw new GatewayError('InternalError', 'A kept part is not what was kept.');
    const said = JSON.parse((await source.take(length)).toString('utf8')) as SealHeader;
    // Bucket and upload are those of this Complete: what was kept for another one does not open here.
    const header: SealHeader = { ...said, bucket: place.storeBucket, uploadId: part.storeUploadId };
    const dataKey = await openDataKey(header, call.snapshot.keyring, undefined);
    const prefix = await source.take(PREFIX_SIZE);
    const key = committedPartKey(
      dataKey,
      prefix.subarray(0, SALT_SIZE),
      prefix.subarray(SALT_SIZE, SALT_SIZE + COMMITMENT_SIZE),
      contextOf(header, part.partNumber),
    );
    const run = { first: 0, last: segmentCount(part.size) - 1, plaintextLength: part.size, prefixed: true };
    yield* openStream(key, run, joined([of(prefix), source.rest()]));
  } finally {
    // Given up half-way, the answer would keep its connection to the store for good.
    await source.close();
  }
}

/** The store took this part itself: what was kept of it before must not come back in its place. */
export async function replaceKept(call: Call, place: Place, storeUploadId: string, partNumber: number): Promise<void> {
  for (const { objectKey } of await keptParts(call, place, storeUploadId, partNumber))
    await place.backend.execute({ operation: 'DeleteObject', bucket: place.storeBucket, key: objectKey }, call.context);
}

/** Removes what was kept; what cannot be removed now is only ciphertext without a use. */
export async function discardKept(
  call: Call,
  place: Place,
  parts: readonly Pick<KeptPart, 'objectKey'>[],
): Promise<void> {
  for (const { objectKey } of parts)
    await place.backend
      .execute(
        { operation: 'DeleteObject', bucket: place.storeBucket, key: objectKey },
        { requestId: call.context.requestId },
      )
      .catch((error: unknown) =>
        call.services.signals.failure({ requestId: call.context.requestId, operation: 'DeleteObject', error }),
      );
}

/** Streams one after the other. */
export async function* joined(streams: Iterable<ByteStream>): AsyncGenerator<Uint8Array, void, undefined> {
  for (const stream of streams) yield* stream;
}

/** Upload ids hold any character and length; a digest of them is a name. */
function folderOf(storeUploadId: string): string {
  return `${HIDDEN_PREFIX}${createHash('sha256').update(storeUploadId).digest('hex').slice(0, 32)}/`;
}

function contextOf(header: SealHeader, number: number): Buffer {
  return partContext({ bucket: header.bucket, oid: header.oid, uploadId: header.uploadId, number });
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream of one chunk
async function* of(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield chunk;
}

/** Reads exact counts from the front of a stream, then hands out the rest. */
class Pulled {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(bytes: ByteStream) {
    this.#iterator = bytes[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    while (this.#held.length < count) {
      const next = await this.#iterator.next();
      if (next.done === true) throw new GatewayError('InternalError', 'A kept part ends too early.');
      this.#held = Buffer.concat([this.#held, next.value]);
    }
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#held.length > 0) yield this.#held;
    for (let next = await this.#iterator.next(); next.done !== true; next = await this.#iterator.next())
      yield next.value;
  }
}
