import type { Body, ChecksumAlgorithm } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import { createDigests } from '../../../wire/digests.ts';
import { headerOf, headersOf } from '../../../wire/message.ts';
import type { WireRequest } from '../../../wire/message.ts';
import { decodeAwsChunked, terminatedUnexpectedly, wrongLength } from './aws-chunked.ts';
import type { ChunkSignatureSeed } from '../signature/chunk-signature.ts';
import {
  checkChecksumForm,
  checkContentMd5,
  checksumHeader,
  declaredChecksum,
  judgeDigests,
  wantedDigests,
} from './payload-digests.ts';
import type { DeclaredChecksum, ExpectedDigests } from './payload-digests.ts';
import type { PayloadForm } from '../signature/payload-hash.ts';
import { addressesContent } from '../signature/subresources.ts';

/** What is known of a payload once the head is verified. */
export interface PayloadPlan {
  readonly wire: WireRequest;
  readonly key: string | undefined;
  readonly form: PayloadForm;
  /** Where chunk signatures chain from; undefined for SigV2. */
  readonly seed: ChunkSignatureSeed | undefined;
  /** Content-MD5 as it was signed. */
  readonly contentMd5: string | undefined;
}

/**
 * The decoded payload with every check that its head declares. What the head alone shows to be wrong is thrown here,
 * before the first byte; everything else by `bytes`, at its end at the latest.
 */
export function createBody(plan: PayloadPlan): Body {
  const { wire, form } = plan;
  const declared = checksOwnBody(wire) ? declaredChecksum(wire.headers) : undefined;
  const md5 = checkContentMd5(plan.contentMd5);
  if (form.kind === 'chunks') {
    if (!isUpload(plan))
      throw new GatewayError('InvalidRequest', 'The value of x-amz-content-sha256 header is invalid.');
    return bodyOfChunks(plan, form, declared, md5);
  }
  // An announced trailer cannot come in a body without chunks.
  if (declared !== undefined && declared.value === undefined)
    throw new GatewayError(
      'MalformedTrailerError',
      'The request contained trailing data that was not well-formed or did not conform to our published schema.',
    );
  const length = contentLength(wire);
  const checksum = declared === undefined ? undefined : { algorithm: declared.algorithm, value: () => declared.value };
  const expected: ExpectedDigests = { sha256: form.sha256, md5, checksum };
  return toBody(checkedBytes(rawBytes(wire), length, expected), length, expected);
}

function bodyOfChunks(
  { wire, seed }: PayloadPlan,
  form: PayloadForm & { readonly kind: 'chunks' },
  declared: DeclaredChecksum | undefined,
  md5: string | undefined,
): Body {
  const length = decodedLength(wire);
  let fromTrailer: string | undefined;
  if (form.signed && seed === undefined)
    throw new GatewayError('InvalidRequest', 'The value of x-amz-content-sha256 header is invalid.');
  const inTrailer: ChecksumAlgorithm | undefined =
    declared !== undefined && declared.value === undefined ? declared.algorithm : undefined;
  if (inTrailer !== undefined && !form.trailing)
    throw new GatewayError('InvalidRequest', 'The value of x-amz-content-sha256 header is invalid.');
  const decoded = decodeAwsChunked(rawBytes(wire), {
    decodedLength: length,
    ...(form.signed && seed !== undefined ? { seed } : {}),
    ending: form.trailing ? 'trailing' : 'plain',
    ...(inTrailer === undefined
      ? {}
      : {
          trailer: checksumHeader(inTrailer),
          onTrailer: (value: string) => {
            checkChecksumForm(inTrailer, value, 'trailing header');
            fromTrailer = value;
          },
        }),
  });
  const checksum =
    declared === undefined ? undefined : { algorithm: declared.algorithm, value: () => declared.value ?? fromTrailer };
  const expected: ExpectedDigests = { sha256: undefined, md5, checksum };
  return toBody(checkedBytes(decoded, length, expected), length, expected);
}

async function* checkedBytes(
  source: AsyncIterable<Uint8Array>,
  length: number | undefined,
  expected: ExpectedDigests,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digests = await createDigests(wantedDigests(expected));
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.length;
    if (length !== undefined && seen > length) throw wrongLength();
    digests.update(chunk);
    yield chunk;
  }
  if (length !== undefined && seen !== length) throw wrongLength();
  judgeDigests(digests, expected);
}

/** The bytes as received. Leaving early must not destroy the socket: the client is still owed an answer. */
async function* rawBytes(wire: WireRequest): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = wire.body.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await iterator.next().catch((error: unknown) => {
        throw terminatedUnexpectedly(error);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function toBody(bytes: Body['bytes'], length: number | undefined, { sha256, md5, checksum }: ExpectedDigests): Body {
  return {
    bytes,
    length,
    ...(checksum === undefined ? {} : { checksum }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** CompleteMultipartUpload names the checksum of the object, not of its own XML. */
function checksOwnBody({ method, query }: WireRequest): boolean {
  const completes = method === 'POST' && query.some(({ name }) => name === 'uploadId');
  return (method === 'PUT' || method === 'POST') && !completes;
}

/** Chunks are for PutObject and UploadPart only, as at S3. */
function isUpload({ wire, key }: PayloadPlan): boolean {
  return (
    wire.method === 'PUT' &&
    key !== undefined &&
    addressesContent(wire.query) &&
    headerOf(wire.headers, 'x-amz-copy-source') === undefined
  );
}

function contentLength(wire: WireRequest): number | undefined {
  const text = headerOf(wire.headers, 'content-length');
  if (text === undefined) return headerOf(wire.headers, 'transfer-encoding') === undefined ? 0 : undefined;
  const length = parseLength(text);
  if (length === undefined) throw new GatewayError('BadRequest', 'The Content-Length header is not a number.');
  return length;
}

function decodedLength(wire: WireRequest): number {
  const values = headersOf(wire.headers, 'x-amz-decoded-content-length');
  const length = values.length === 1 ? parseLength(values[0] ?? '') : undefined;
  if (length === undefined)
    throw new GatewayError('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  return length;
}

function parseLength(text: string): number | undefined {
  const length = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(length) ? length : undefined;
}
