import { PREFIX_SIZE, SEALED_SEGMENT_SIZE } from '../../envelope/sizes.ts';
import type { CallContext } from '../../model/backend.ts';
import type { ByteStream } from '../../model/body.ts';
import type {
  ByteRange,
  ObjectAttributes,
  ObjectContent,
  PartInfo,
  PartList,
  VersionedRef,
} from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { SealRecord } from '../../model/seal.ts';
import { judgeRead } from './conditions.ts';
import { internalError } from './failures.ts';
import { requireCurrent } from './keys.ts';
import { extentsOf, filesOf, objectSeal, requireObject } from './object-rows.ts';
import type { Extent, StoredFile, StoredObject } from './object-rows.ts';
import { partRange, resolveRange } from './ranges.ts';
import type { Room } from './room.ts';

type Read = StorageRequest<'GetObject' | 'HeadObject'>;

/** Answers the attributes and a stream over files that stay until it is done, whatever is written meanwhile. */
export function getObject(
  room: Room,
  request: StorageRequest<'GetObject'>,
  context: CallContext,
): StorageResult<'GetObject'> {
  const { object, files, range } = locate(room, request);
  const record = objectSeal(room, object);
  const release = room.pins.pin(files.map((file) => file.id));
  context.signal?.addEventListener('abort', release, { once: true });
  const content: ObjectContent =
    record === undefined
      ? plainContent(room, object, files, emptyPart(request, range) ? undefined : (range ?? whole(object)), release)
      : sealedContent(room, record, files, release);
  return { ...attributesOf(object, request, files), content, ...(range && { range }) };
}

export function headObject(room: Room, request: StorageRequest<'HeadObject'>): StorageResult<'HeadObject'> {
  const { object, files, range } = locate(room, request);
  const seal = objectSeal(room, object);
  return { ...attributesOf(object, request, files), ...(range && { range }), ...(seal && { seal }) };
}

export function getObjectAttributes(
  room: Room,
  request: StorageRequest<'GetObjectAttributes'>,
): StorageResult<'GetObjectAttributes'> {
  const object = current(room, request);
  objectSeal(room, object);
  const attributes = attributesOf(object, { checksumMode: true }, undefined);
  if (object.type !== 'Multipart') return attributes;
  const total = extentsOf(room, object).length;
  return { ...attributes, parts: { ...partPage(room, object.oid, request), total } };
}

/** One page of parts after `partNumberMarker`. */
export function partPage(
  room: Room,
  oid: string,
  page: { readonly maxParts: number; readonly partNumberMarker: number },
): PartList {
  const limit = Math.max(0, Math.min(page.maxParts, MOST_PARTS));
  const found = filesOf(room, oid, page.partNumberMarker, limit + 1);
  const parts = found.slice(0, limit).map(partInfo);
  return {
    parts,
    truncated: limit > 0 && found.length > limit,
    nextPartNumberMarker: parts.at(-1)?.partNumber ?? page.partNumberMarker,
  };
}

export function partInfo(file: StoredFile): PartInfo {
  const { etag, checksum } = file.digests;
  return {
    partNumber: file.number,
    size: file.size,
    etag,
    lastModified: file.modified,
    ...(checksum && { checksum }),
  };
}

/** The object that stands at the key now. */
export function current(room: Room, request: VersionedRef): StoredObject {
  requireCurrent(request);
  return requireObject(room, request.bucket, Buffer.from(request.key, 'utf8'));
}

/** Parts per page, S3 and OSS. */
const MOST_PARTS = 1000;

function locate(
  room: Room,
  request: Read,
): { readonly object: StoredObject; readonly files: readonly Extent[]; readonly range: ByteRange | undefined } {
  const object = current(room, request);
  judgeRead(request.conditions, { etag: object.digests.etag, modified: object.modified }, object.metadata);
  const files = extentsOf(room, object);
  if (request.partNumber === undefined)
    return { object, files, range: request.range && resolveRange(request.range, object.size) };
  // Only parts of a multipart upload can be asked for one by one; appends are not parts to clients.
  const parts = object.type === 'Multipart' ? files : [{ number: 1, size: object.size }];
  return { object, files, range: partRange(request.partNumber, parts) };
}

function emptyPart(request: Read, range: ByteRange | undefined): boolean {
  return request.partNumber !== undefined && range === undefined;
}

function whole(object: StoredObject): ByteRange {
  return { first: 0, last: object.size - 1 };
}

function attributesOf(
  object: StoredObject,
  request: { readonly checksumMode: boolean; readonly partNumber?: number; readonly range?: unknown },
  files: readonly Extent[] | undefined,
): ObjectAttributes {
  const { etag, checksum, crc64 } = object.digests;
  const tagCount = Object.keys(object.tags).length;
  // A checksum of the whole object must not stand beside a part of it.
  const complete = request.range === undefined && request.partNumber === undefined;
  const multipart = object.type === 'Multipart' && request.partNumber !== undefined;
  return {
    size: object.size,
    etag,
    lastModified: object.modified,
    metadata: object.metadata,
    encryption: object.encryption,
    storageClass: object.storageClass,
    type: object.type,
    ...(checksum && complete && request.checksumMode && { checksum }),
    ...(crc64 !== undefined && { crc64 }),
    ...(tagCount > 0 && { tagCount }),
    ...(multipart && files !== undefined && { partCount: files.length }),
    ...(object.type === 'Appendable' && { appendPosition: object.size }),
  };
}

function sealedContent(room: Room, record: SealRecord, files: readonly Extent[], release: () => void): ObjectContent {
  return {
    kind: 'sealed',
    record,
    read: (part, first, last) => {
      const file = files.find(({ number, attempt }) => number === part.number && attempt === part.attempt);
      if (file?.length !== part.ciphertextLength) throw internalError('a sealed part has no file');
      return room.files.read(file, first, last, { offset: PREFIX_SIZE, size: SEALED_SEGMENT_SIZE });
    },
    close: () => {
      release();
      return Promise.resolve();
    },
  };
}

function plainContent(
  room: Room,
  object: StoredObject,
  files: readonly Extent[],
  range: ByteRange | undefined,
  release: () => void,
): ObjectContent {
  if (
    files.reduce((sum, file) => sum + file.size, 0) !== object.size ||
    files.some((file) => file.size !== file.length)
  ) {
    release();
    throw internalError('the files do not add up to the object');
  }
  const length = range === undefined ? 0 : range.last - range.first + 1;
  return { kind: 'plain', bytes: releasing(readAcross(room, files, range), release), length };
}

async function* readAcross(
  room: Room,
  files: readonly Extent[],
  range: ByteRange | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (range === undefined) return;
  let start = 0;
  for (const file of files) {
    const [first, last] = [Math.max(range.first - start, 0), Math.min(range.last - start, file.size - 1)];
    if (first <= last) yield* room.files.read(file, first, last);
    start += file.size;
  }
}

/** Releases at the end, on an error, and when the consumer leaves early, even before the first byte. */
function releasing(source: AsyncGenerator<Uint8Array, void, undefined>, release: () => void): ByteStream {
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      try {
        const step = await source.next();
        if (step.done === true) release();
        return step;
      } catch (error) {
        release();
        throw error;
      }
    },
    return: async () => {
      release();
      await source.return();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
