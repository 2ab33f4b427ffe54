import type { ChecksumAlgorithm } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { Conditions, ObjectMetadata, VersionedRef } from '../../../model/objects.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { childText } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { cannedAclOf, demandNoContent } from './acl-wish.ts';
import { documentLimit } from '../../document.ts';
import { decodeConditions } from '../words/conditions.ts';
import { parseCopySource } from '../words/copy-source.ts';
import type { ClientEncryption } from '../words/encryption.ts';
import { decodeMetadata } from '../words/metadata.ts';
import {
  checksumAlgorithmOf,
  checksumTypeOf,
  given,
  invalid,
  pageSize,
  partNumberOf,
  storageClassOf,
  versioned,
} from './parameters.ts';
import type { Fields } from './parameters.ts';
import { parseRange } from '../words/range.ts';
import type { ObjectOperation } from '../operations.ts';
import { decodeTagging, parseTaggingHeader } from '../words/tagging.ts';
import { malformed, readDocument } from '../words/xml.ts';

export async function decodeObjectOperation(
  operation: ObjectOperation,
  fields: Fields,
  encryption: ClientEncryption,
): Promise<StorageRequest> {
  switch (operation) {
    case 'PutObject':
      return {
        operation,
        ...objectWrite(fields, encryption),
        ...given('checksumAlgorithm', namedChecksum(fields)),
        body: fields.body,
      };
    case 'AppendObject':
      throw new GatewayError('NotImplemented', 'AppendObject is not implemented.');
    case 'CopyObject':
      return copyObject(fields, encryption);
    case 'GetObject':
      return { operation, ...readObject(fields, encryption), overrides: overridesOf(fields) };
    case 'HeadObject':
      return { operation, ...readObject(fields, encryption), overrides: overridesOf(fields) };
    case 'GetObjectAttributes':
      return objectAttributes(fields, encryption);
    case 'DeleteObject':
      refuseConditions(fields);
      return { operation, ...versioned(fields) };
    case 'DeleteObjects':
      return deleteObjects(fields);
    case 'GetObjectTagging':
    case 'DeleteObjectTagging':
      return { operation, ...versioned(fields) };
    case 'PutObjectTagging':
      return {
        operation,
        ...versioned(fields),
        tags: decodeTagging(await readDocument(fields.body, { root: 'Tagging', limit: documentLimit(operation) })),
      };
    case 'GetObjectAcl':
      return { operation, ...versioned(fields) };
    case 'PutObjectAcl':
      await demandNoContent(fields);
      return { operation, ...versioned(fields), acl: cannedAclOf(fields) ?? 'private' };
  }
}

/** minio-go names a checksum beside the body's own, or instead of it: then it is taken here, of what came. */
function namedChecksum(fields: Fields): ChecksumAlgorithm | undefined {
  const named = checksumAlgorithmOf(fields, 'x-amz-checksum-algorithm');
  const type = checksumTypeOf(fields);
  const own = fields.body.checksum?.algorithm;
  if (named !== undefined && own !== undefined && named !== own)
    throw new GatewayError('InvalidRequest', 'Value for x-amz-checksum-algorithm header is invalid.');
  // The type is of the only checksum that an object written whole has.
  if (type === 'COMPOSITE' || (type !== undefined && named === undefined && own === undefined))
    throw new GatewayError('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.');
  return named;
}

/** What every write of a whole object carries. */
export function objectWrite(
  fields: Fields,
  encryption: ClientEncryption,
): {
  readonly bucket: string;
  readonly key: string;
  readonly wish: ClientEncryption['wish'];
  readonly metadata: ObjectMetadata;
  readonly conditions: Conditions;
} {
  const tagging = fields.header('x-amz-tagging');
  return {
    bucket: fields.bucket,
    key: fields.key,
    wish: encryption.wish,
    metadata: decodeMetadata(fields.headers),
    conditions: decodeConditions(fields.headers),
    ...given('tags', tagging === undefined ? undefined : parseTaggingHeader(tagging)),
    ...given('storageClass', storageClassOf(fields.header('x-amz-storage-class'))),
    ...given('acl', cannedAclOf(fields)),
  };
}

/** What names a copy's source. */
export function copySource(
  fields: Fields,
  encryption: ClientEncryption,
): { readonly source: VersionedRef; readonly sourceConditions: Conditions } {
  const values = fields.headers.filter(([name]) => name === 'x-amz-copy-source');
  const [value] = values;
  if (value === undefined || values.length !== 1)
    throw invalid(
      'x-amz-copy-source',
      '',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  return {
    source: parseCopySource(value[1]),
    sourceConditions: decodeConditions(fields.headers, 'x-amz-copy-source-'),
    ...given('sourceCustomerKey', encryption.sourceCustomerKey),
  };
}

// S3: DeleteObjects takes 1,000 keys; GetObjectAttributes pages parts by 1,000.
const MAX_DELETES = 1000;
const MAX_PARTS = 1000;

const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
] as const;
const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

function copyObject(fields: Fields, encryption: ClientEncryption): StorageRequest<'CopyObject'> {
  const metadataDirective = directive(fields, 'x-amz-metadata-directive');
  const taggingDirective = directive(fields, 'x-amz-tagging-directive');
  return {
    operation: 'CopyObject',
    ...objectWrite(fields, encryption),
    ...copySource(fields, encryption),
    metadataDirective,
    taggingDirective,
    ...given('checksumAlgorithm', checksumAlgorithmOf(fields, 'x-amz-checksum-algorithm')),
  };
}

function directive(fields: Fields, name: string): 'COPY' | 'REPLACE' {
  const value = fields.header(name);
  if (value === undefined || value === 'COPY') return 'COPY';
  if (value === 'REPLACE') return 'REPLACE';
  throw invalid(
    name,
    value,
    name === 'x-amz-metadata-directive' ? 'Unknown metadata directive.' : 'Unknown tagging directive.',
  );
}

function readObject(
  fields: Fields,
  encryption: ClientEncryption,
): Omit<StorageRequest<'GetObject'>, 'operation' | 'overrides'> {
  // If-Range could only be judged later; to serve the whole object is always right (RFC 9110 13.1.5).
  const range = fields.header('if-range') === undefined ? parseRange(fields.header('range')) : undefined;
  const part = fields.query('partNumber');
  if (part !== undefined && fields.header('range') !== undefined)
    throw new GatewayError('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  return {
    ...versioned(fields),
    ...given('range', range),
    ...given('partNumber', part === undefined ? undefined : partNumberOf(part)),
    conditions: decodeConditions(fields.headers),
    ...given('customerKey', encryption.customerKey),
    checksumMode: fields.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED',
  };
}

function overridesOf(fields: Fields): Readonly<Record<string, string>> {
  const overrides: Record<string, string> = {};
  for (const name of OVERRIDES) {
    const value = fields.query(`response-${name}`);
    if (value === undefined) continue;
    // The value becomes a response header: a line break in it would be a second one (response splitting).
    if (!/^[\t\u0020-\u007e\u0080-\uffff]*$/.test(value))
      throw invalid(`response-${name}`, '', 'Header value cannot be represented using ISO-8859-1.');
    overrides[name] = Buffer.from(value, 'utf8').toString('latin1');
  }
  return overrides;
}

function objectAttributes(fields: Fields, encryption: ClientEncryption): StorageRequest<'GetObjectAttributes'> {
  const attributes = fields.headers
    .filter(([name]) => name === 'x-amz-object-attributes')
    .flatMap(([, value]) => value.split(','))
    .map((name) => name.trim());
  if (attributes.length === 0 || attributes.some((name) => !ATTRIBUTES.includes(name)))
    throw invalid('x-amz-object-attributes', attributes.join(','), 'Invalid attribute name specified.');
  return {
    operation: 'GetObjectAttributes',
    ...versioned(fields),
    ...given('customerKey', encryption.customerKey),
    attributes,
    maxParts: number(fields, 'x-amz-max-parts', MAX_PARTS),
    partNumberMarker: number(fields, 'x-amz-part-number-marker', 0),
  };
}

function number(fields: Fields, name: string, absent: number): number {
  const upper = absent === 0 ? 10_000 : absent;
  return fields.header(name) === undefined ? absent : pageSize({ ...fields, query: fields.header }, name, upper);
}

function refuseConditions(fields: Fields): void {
  const found = fields.headers.find(([name]) => /^(if-(none-)?match|x-amz-if-match-.*)$/.test(name));
  if (found !== undefined)
    throw new GatewayError('NotImplemented', `DeleteObject with ${found[0]} is not implemented.`);
}

async function deleteObjects(fields: Fields): Promise<StorageRequest<'DeleteObjects'>> {
  // S3 demands a digest here: a flipped bit in a key deletes another object.
  if (fields.body.md5 === undefined && fields.body.checksum === undefined)
    throw new GatewayError(
      'InvalidRequest',
      'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    );
  const root = await readDocument(fields.body, {
    root: 'Delete',
    limit: documentLimit('DeleteObjects'),
    counts: { Object: MAX_DELETES },
  });
  const entries = root.children.filter(({ name }) => name === 'Object');
  const quiet = childText(root, 'Quiet');
  if (root.children.some(({ name }) => name !== 'Object' && name !== 'Quiet')) throw malformed();
  if (entries.length === 0 || entries.length > MAX_DELETES) throw malformed();
  if (quiet !== undefined && quiet !== 'true' && quiet !== 'false') throw malformed();
  return { operation: 'DeleteObjects', bucket: fields.bucket, objects: entries.map(entryOf), quiet: quiet === 'true' };
}

function entryOf(element: XmlElement): { readonly key: string; readonly versionId?: string } {
  const key = childText(element, 'Key');
  if (key === undefined || key === '' || element.children.filter(({ name }) => name === 'Key').length !== 1)
    throw malformed();
  for (const { name } of element.children) {
    if (name === 'ETag' || name === 'LastModifiedTime' || name === 'Size')
      throw new GatewayError('NotImplemented', `DeleteObjects with ${name} is not implemented.`);
    if (name !== 'Key' && name !== 'VersionId') throw malformed();
  }
  const versionId = childText(element, 'VersionId');
  return { key, ...given('versionId', versionId === '' ? undefined : versionId) };
}
