import type { CompletedPart, PartInfo } from '../../model/objects.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { withholdLast } from '../../wire/bounded.ts';
import type { Call, Place } from '../call/call.ts';
import { attestPart } from '../answer/attest.ts';
import { joined, openKept, type KeptPart } from './kept-part.ts';
import type { Expectation } from '../expectation.ts';

/** Joined parts grow to about this size: few requests, and a failed one costs little. */
const JOIN_TARGET = 16 * 1024 * 1024;
const MAX_PARTS_PAGE = 1000;

/** Whether the client's language lets parts be smaller than this store takes them. */
export function joinsParts(call: Call, place: Place): boolean {
  return (
    place.backend.sealed === undefined &&
    place.backend.capabilities.minimumPartSize > call.dialect.traits.minimumPartSize
  );
}

/** One part of the upload that the store will complete: as it is there, or to be made of kept ones. */
type Piece =
  | { readonly kind: 'native'; readonly partNumber: number; readonly etag: string }
  | {
      readonly kind: 'joined';
      readonly partNumber: number;
      readonly members: readonly KeptPart[];
      readonly size: number;
    };

/** Uploads what was kept as parts that the store takes; answers the list to complete with. */
export async function joinParts(
  call: Call,
  place: Place,
  request: StorageRequest<'CompleteMultipartUpload'>,
  upload: {
    readonly storeUploadId: string;
    readonly kept: readonly KeptPart[];
    readonly expected: Expectation;
  },
): Promise<readonly CompletedPart[]> {
  const listed =
    request.parts === 'all' ? (await partsToComplete(call, place, request, upload)).map(named) : request.parts;
  const pieces = plan(listed, upload.kept, place.backend.capabilities.minimumPartSize);
  const completed: CompletedPart[] = [];
  for (const piece of pieces) {
    if (piece.kind === 'native') {
      completed.push({ partNumber: piece.partNumber, etag: piece.etag });
      continue;
    }
    const bytes = withholdLast(joined(piece.members.map((part) => openKept(call, place, part))));
    const result = await place.backend.execute(
      {
        operation: 'UploadPart',
        bucket: place.storeBucket,
        key: request.key,
        uploadId: upload.storeUploadId,
        partNumber: piece.partNumber,
        body: { bytes, length: piece.size },
      },
      call.context,
    );
    attestPart(call, place, {
      operation: 'UploadPart',
      key: request.key,
      expected: upload.expected,
      observed: result.encryption,
    });
    completed.push({ partNumber: piece.partNumber, etag: result.etag });
  }
  return completed;
}

function named({ partNumber, etag }: PartInfo): CompletedPart {
  return { partNumber, etag };
}

/** What ListParts shows: the client's own parts and ETags, wherever they lie. */
export async function mergedParts(
  call: Call,
  place: Place,
  request: StorageRequest<'ListParts'>,
  upload: { readonly storeUploadId: string; readonly kept: readonly KeptPart[] },
): Promise<StorageResult<'ListParts'>> {
  const native = await nativeParts(call, place, request, upload.storeUploadId);
  const newest = new Map<number, PartInfo>();
  // Where a part is kept, the store's own of that number is what a Complete that failed has joined, with its followers in it.
  for (const { partNumber, size, etag, lastModified } of [...native.parts, ...upload.kept])
    newest.set(partNumber, { partNumber, size, etag, lastModified });
  const all = [...newest.values()]
    .filter(({ partNumber }) => partNumber > request.partNumberMarker)
    .sort((a, b) => a.partNumber - b.partNumber);
  const parts = all.slice(0, request.maxParts);
  const last = parts.at(-1);
  return {
    ...native,
    parts,
    truncated: all.length > parts.length,
    ...(last === undefined ? {} : { nextPartNumberMarker: last.partNumber }),
  };
}

/** Groups runs of kept parts so that every part but the last is as large as the store demands. */
export function plan(listed: readonly CompletedPart[], kept: readonly KeptPart[], minimum: number): readonly Piece[] {
  const byAttempt = new Map(kept.map((part) => [`${part.partNumber}.${part.etag}`, part]));
  const pieces: Piece[] = [];
  let run: KeptPart[] = [];
  const flush = (last: boolean): void => {
    pieces.push(...chunks(run, minimum, last));
    run = [];
  };
  let previous = 0;
  for (const { partNumber, etag } of listed) {
    if (partNumber <= previous)
      throw new GatewayError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    previous = partNumber;
    const part = byAttempt.get(`${partNumber}.${etag.toLowerCase()}`);
    if (part === undefined) {
      flush(false);
      pieces.push({ kind: 'native', partNumber, etag });
    } else run.push(part);
  }
  flush(true);
  return pieces;
}

function chunks(run: readonly KeptPart[], minimum: number, last: boolean): readonly Piece[] {
  const made: { members: KeptPart[]; size: number }[] = [];
  for (const part of run) {
    const open = made.at(-1);
    if (open === undefined || open.size >= JOIN_TARGET) made.push({ members: [part], size: part.size });
    else {
      open.members.push(part);
      open.size += part.size;
    }
  }
  const tail = made.at(-1);
  const before = made.at(-2);
  if (tail !== undefined && tail.size < minimum && !last) {
    if (before === undefined)
      throw new GatewayError(
        'EntityTooSmall',
        `The store behind this bucket takes no part below ${minimum} bytes but the last, and part ${tail.members[0]?.partNumber ?? 0} stands alone before a larger one.`,
      );
    made.pop();
    before.members.push(...tail.members);
    before.size += tail.size;
  }
  return made.map(({ members, size }) => ({ kind: 'joined', partNumber: members[0]?.partNumber ?? 0, members, size }));
}

/** The parts that a Complete would join, with their sizes. */
export async function partsToComplete(
  call: Call,
  place: Place,
  request: StorageRequest<'CompleteMultipartUpload'>,
  upload: { readonly storeUploadId: string; readonly kept: readonly KeptPart[] },
): Promise<readonly PartInfo[]> {
  const all: StorageRequest<'ListParts'> = {
    operation: 'ListParts',
    bucket: request.bucket,
    key: request.key,
    uploadId: request.uploadId,
    maxParts: Number.MAX_SAFE_INTEGER,
    partNumberMarker: 0,
  };
  const { parts } = await mergedParts(call, place, all, upload);
  if (request.parts === 'all') return parts;
  const numbers = new Set(request.parts.map(({ partNumber }) => partNumber));
  return parts.filter(({ partNumber }) => numbers.has(partNumber));
}

async function nativeParts(
  call: Call,
  place: Place,
  request: StorageRequest<'ListParts'>,
  storeUploadId: string,
): Promise<StorageResult<'ListParts'>> {
  const parts: PartInfo[] = [];
  let marker = 0;
  for (;;) {
    const page = await place.backend.execute(
      {
        ...request,
        bucket: place.storeBucket,
        uploadId: storeUploadId,
        maxParts: MAX_PARTS_PAGE,
        partNumberMarker: marker,
      },
      call.context,
    );
    parts.push(...page.parts);
    if (!page.truncated || page.nextPartNumberMarker === undefined) return { ...page, parts };
    marker = page.nextPartNumberMarker;
  }
}
