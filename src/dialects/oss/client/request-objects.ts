import type { StorageRequest } from '../../../model/operations.ts';
import { childOf, childrenOf, childText } from '../../../wire/xml-document.ts';
import { documentLimit } from '../../document.ts';
import { checkClientEncryption } from '../words/client-encryption.ts';
import { checkTags, decodeAcl, decodeConditions, decodeMetadata, decodeRange, decodeTags } from '../words/metadata.ts';
import { copySource, count, flag, header, invalid, malformedXml, text, versionId, xmlBody } from './parameters.ts';
import type { Decoder, DecoderInput } from './request-decoder.ts';
import { decodeStorageClass } from '../words/storage-class.ts';
import { trafficLimit } from '../words/traffic-limit.ts';

type ObjectOperation =
  | 'PutObject'
  | 'AppendObject'
  | 'CopyObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'GetObjectAcl'
  | 'PutObjectAcl'
  | 'GetObjectTagging'
  | 'PutObjectTagging'
  | 'DeleteObjectTagging';

/** Names of `response-*` parameters: OSS knows these six. */
const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];

/** Requests about one object, but for multipart. */
export const OBJECT_DECODERS: { readonly [N in ObjectOperation]: Decoder<N> } = {
  PutObject: (input) => {
    const write = objectWrite(input);
    checkClientEncryption(write.metadata.user, 'whole');
    return { operation: 'PutObject', ...write, body: input.request.body };
  },
  AppendObject: (input) => {
    const write = objectWrite(input);
    checkClientEncryption(write.metadata.user, 'whole');
    if (text(input.request, 'position') === '') throw invalid('position', 'The position of the append is missing.');
    const position = count(input.request, 'position', { least: 0, most: Number.MAX_SAFE_INTEGER, fallback: 0 });
    return { operation: 'AppendObject', ...write, body: input.request.body, position };
  },
  CopyObject: (input) => {
    const { request } = input;
    const metadataDirective = directive(input, 'x-oss-metadata-directive');
    const write = objectWrite(input);
    if (metadataDirective === 'REPLACE') checkClientEncryption(write.metadata.user, 'whole');
    return {
      operation: 'CopyObject',
      ...write,
      conditions: {},
      source: copySource(request),
      sourceConditions: decodeConditions(request.wire.headers, 'x-oss-copy-source-'),
      metadataDirective,
      taggingDirective: directive(input, 'x-oss-tagging-directive'),
    };
  },
  GetObject: (input) => {
    const limit = trafficLimit(input.request);
    return { operation: 'GetObject', ...objectRead(input), ...(limit === undefined ? {} : { bytesPerSecond: limit }) };
  },
  HeadObject: (input) => ({
    operation: 'HeadObject',
    ...objectRead(input),
    ...(input.request.wire.query.some(({ name }) => name === 'objectMeta') ? { light: true } : {}),
  }),
  DeleteObject: ({ request, bucket, key }) => ({ operation: 'DeleteObject', bucket, key, ...versionId(request) }),
  GetObjectAcl: ({ request, bucket, key }) => ({ operation: 'GetObjectAcl', bucket, key, ...versionId(request) }),
  PutObjectAcl: ({ request, bucket, key }) => ({
    operation: 'PutObjectAcl',
    bucket,
    key,
    ...versionId(request),
    acl: decodeAcl(header(request, 'x-oss-object-acl') ?? '', 'object'),
  }),
  GetObjectTagging: ({ request, bucket, key }) => ({
    operation: 'GetObjectTagging',
    bucket,
    key,
    ...versionId(request),
  }),
  PutObjectTagging: async ({ request, bucket, key }) => {
    const set = childOf(
      await xmlBody(request, { root: 'Tagging', limit: documentLimit('PutObjectTagging') }),
      'TagSet',
    );
    if (set === undefined) throw malformedXml();
    const tags = childrenOf(set, 'Tag').map(
      (tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''] as const,
    );
    return { operation: 'PutObjectTagging', bucket, key, ...versionId(request), tags: checkTags(tags) };
  },
  DeleteObjectTagging: ({ request, bucket, key }) => ({
    operation: 'DeleteObjectTagging',
    bucket,
    key,
    ...versionId(request),
  }),
};

/** What Put, Append, Copy and Initiate share. */
export function objectWrite({
  request,
  bucket,
  key,
  wish,
}: DecoderInput): Omit<StorageRequest<'CreateMultipartUpload'>, 'operation'> {
  const { headers } = request.wire;
  const [tagging, storageClass, acl] = [
    header(request, 'x-oss-tagging'),
    header(request, 'x-oss-storage-class'),
    header(request, 'x-oss-object-acl'),
  ];
  const forbidOverwrite = flag(request, 'x-oss-forbid-overwrite');
  return {
    bucket,
    key,
    wish,
    metadata: decodeMetadata(headers),
    conditions: decodeConditions(headers),
    ...(tagging === undefined ? {} : { tags: decodeTags(tagging) }),
    ...(storageClass === undefined ? {} : { storageClass: decodeStorageClass(storageClass) }),
    ...(acl === undefined ? {} : { acl: decodeAcl(acl, 'object') }),
    ...(forbidOverwrite === true ? { forbidOverwrite } : {}),
  };
}

function objectRead({ request, bucket, key }: DecoderInput): Omit<StorageRequest<'GetObject'>, 'operation'> {
  const range = decodeRange(header(request, 'range'));
  const overrides = OVERRIDES.flatMap((name) => {
    const value = text(request, `response-${name}`);
    return value === '' ? [] : [[name, Buffer.from(value, 'utf8').toString('latin1')] as const];
  });
  const unsafe = overrides.find(([, value]) => /[\u0000-\u001f\u007f]/.test(value));
  if (unsafe !== undefined) throw invalid(`response-${unsafe[0]}`, 'The response header is not valid.');
  return {
    bucket,
    key,
    ...versionId(request),
    ...(range === undefined ? {} : { range }),
    ...(range === undefined || header(request, 'x-oss-range-behavior') === 'standard' ? {} : { lenientRange: true }),
    conditions: decodeConditions(request.wire.headers),
    checksumMode: false,
    overrides: Object.fromEntries(overrides),
  };
}

function directive({ request }: DecoderInput, name: string): 'COPY' | 'REPLACE' {
  const value = header(request, name)?.toUpperCase() ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') throw invalid(name, 'The directive must be COPY or REPLACE.', value);
  return value;
}
