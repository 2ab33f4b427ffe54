import { GatewayError } from '../../../model/errors.ts';
import type { CompletedPart } from '../../../model/objects.ts';
import { childrenOf, childText, type XmlElement } from '../../../wire/xml-document.ts';
import { documentLimit } from '../../document.ts';
import { checkClientEncryptedPart, checkClientEncryption, clientEncryptionOf } from '../words/client-encryption.ts';
import { decodeAcl, decodeConditions, metadataOf, unquoted } from '../words/metadata.ts';
import {
  copyRange,
  copySource,
  count,
  encodingType,
  flag,
  header,
  invalid,
  malformedXml,
  MAX_PARTS,
  text,
  textBody,
  xmlBody,
} from './parameters.ts';
import { objectWrite } from './request-objects.ts';
import type { Decoder, DecoderInput } from './request-decoder.ts';

type MultipartOperation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts';

/** Requests about uploads in parts. */
export const MULTIPART_DECODERS: { readonly [N in MultipartOperation]: Decoder<N> } = {
  CreateMultipartUpload: (input) => {
    const write = objectWrite(input);
    checkClientEncryption(write.metadata.user, 'multipart');
    return { operation: 'CreateMultipartUpload', ...write };
  },
  UploadPart: (input) => {
    const part = partWrite(input);
    checkClientEncryptedPart(part.repeatedMetadata ?? {}, {
      number: part.partNumber,
      length: input.request.body.length,
    });
    return { operation: 'UploadPart', ...part, body: input.request.body };
  },
  UploadPartCopy: (input) => ({
    operation: 'UploadPartCopy',
    ...partWrite(input),
    source: copySource(input.request),
    sourceConditions: decodeConditions(input.request.wire.headers, 'x-oss-copy-source-'),
    ...copyRange(input.request),
  }),
  CompleteMultipartUpload: async ({ request, bucket, key, repeatedWish }) => {
    const forbidOverwrite = flag(request, 'x-oss-forbid-overwrite');
    const acl = header(request, 'x-oss-object-acl');
    return {
      operation: 'CompleteMultipartUpload',
      bucket,
      key,
      uploadId: text(request, 'uploadId'),
      parts: await completedParts({ request, all: header(request, 'x-oss-complete-all') }),
      conditions: decodeConditions(request.wire.headers),
      ...(forbidOverwrite === true ? { forbidOverwrite } : {}),
      ...(acl === undefined ? {} : { acl: decodeAcl(acl, 'object') }),
      ...(repeatedWish === undefined ? {} : { repeatedWish }),
    };
  },
  AbortMultipartUpload: ({ request, bucket, key }) => ({
    operation: 'AbortMultipartUpload',
    bucket,
    key,
    uploadId: text(request, 'uploadId'),
  }),
  ListParts: ({ request, bucket, key }) => ({
    operation: 'ListParts',
    bucket,
    key,
    uploadId: text(request, 'uploadId'),
    maxParts: count(request, 'max-parts', { least: 1, most: 1000, fallback: 1000 }),
    partNumberMarker: count(request, 'part-number-marker', { least: 0, most: MAX_PARTS, fallback: 0 }),
    ...encodingType(request),
  }),
};

function partWrite({ request, bucket, key, repeatedWish }: DecoderInput): {
  bucket: string;
  key: string;
  uploadId: string;
  partNumber: number;
  repeatedWish?: NonNullable<typeof repeatedWish>;
  repeatedMetadata?: Readonly<Record<string, string>>;
} {
  if (text(request, 'partNumber') === '') throw invalid('partNumber', 'The part number is missing.');
  const repeatedMetadata = clientEncryptionOf(metadataOf(request.wire.headers).user);
  return {
    bucket,
    key,
    uploadId: text(request, 'uploadId'),
    partNumber: count(request, 'partNumber', { least: 1, most: MAX_PARTS, fallback: 1 }),
    ...(repeatedWish === undefined ? {} : { repeatedWish }),
    ...(Object.keys(repeatedMetadata).length === 0 ? {} : { repeatedMetadata }),
  };
}

/** A list of parts, or `x-oss-complete-all: yes` with no body at all. */
async function completedParts(input: {
  readonly request: DecoderInput['request'];
  readonly all: string | undefined;
}): Promise<readonly CompletedPart[] | 'all'> {
  if (input.all !== undefined) {
    if (input.all.toLowerCase() !== 'yes')
      throw invalid('x-oss-complete-all', 'x-oss-complete-all must be yes.', input.all);
    if ((await textBody(input.request, 64 * 1024)).trim() !== '')
      throw invalid('x-oss-complete-all', 'The request body must be empty with x-oss-complete-all.');
    return 'all';
  }
  const parts = childrenOf(
    await xmlBody(input.request, {
      root: 'CompleteMultipartUpload',
      limit: documentLimit('CompleteMultipartUpload'),
      counts: { Part: MAX_PARTS },
    }),
    'Part',
  ).map(completedPart);
  if (parts.length === 0 || parts.length > MAX_PARTS) throw malformedXml();
  for (const [index, part] of parts.entries()) {
    if (index > 0 && part.partNumber <= (parts[index - 1]?.partNumber ?? 0))
      throw new GatewayError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts list must be specified in order by part number.',
      );
  }
  return parts;
}

function completedPart(element: XmlElement): CompletedPart {
  const number = (childText(element, 'PartNumber') ?? '').trim();
  const etag = unquoted(childText(element, 'ETag') ?? '');
  if (!/^\d{1,5}$/.test(number) || Number(number) < 1 || Number(number) > MAX_PARTS || etag === '')
    throw malformedXml();
  return { partNumber: Number(number), etag };
}
