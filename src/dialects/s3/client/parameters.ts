import type { Body, ChecksumAlgorithm, ChecksumType } from '../../../model/body.ts';
import { CHECKSUM_ALGORITHMS, CHECKSUM_TYPES } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { StorageClass, VersionedRef } from '../../../model/objects.ts';
import type { HeaderLines, QueryParameter } from '../../../wire/message.ts';
import { headerOf, headersOf, queryOf } from '../../../wire/message.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { isStoresOwn } from '../../foreign-families.ts';
import { inFamily } from '../words/encryption-family.ts';

/** A client's request with what every decoder asks of it. */
export interface Fields {
  readonly bucket: string;
  readonly key: string;
  readonly body: Body;
  /** Headers, and the `x-amz-*` parameters that a presigner moved into the query. */
  readonly headers: HeaderLines;
  readonly header: (name: string) => string | undefined;
  readonly query: (name: string) => string | undefined;
}

export function fieldsOf(request: VerifiedRequest): Fields {
  refuseRepeated(request.wire.query);
  const headers = [...request.wire.headers, ...hoisted(request)];
  refuseReserved(request, headers);
  return {
    bucket: request.bucket ?? '',
    key: request.key ?? '',
    body: request.body,
    headers,
    header: (name) => headerOf(headers, name),
    query: (name) => queryOf(request.wire.query, name),
  };
}

/** `versionId`, which S3 refuses when it is there and empty. */
export function versioned(fields: Fields): VersionedRef {
  const versionId = fields.query('versionId');
  if (versionId === '') throw invalid('versionId', '', 'Version id cannot be the empty string');
  return { bucket: fields.bucket, key: fields.key, ...(versionId === undefined ? {} : { versionId }) };
}

/** A whole number within bounds; above the upper one it is lowered to it (`max-keys`), as S3 does. */
export function pageSize(fields: Fields, name: string, upper: number): number {
  const value = fields.query(name);
  if (value === undefined || value === '') return upper;
  if (!/^-?\d{1,10}$/.test(value))
    throw invalid(name, value, `Provided ${name} not an integer or within integer range`);
  const number = Number(value);
  if (number < 0 || number > 0x7fffffff)
    throw invalid(name, value, `Argument ${name} must be an integer between 0 and 2147483647`);
  return Math.min(number, upper);
}

export function encodingType(fields: Fields): { readonly encodingType?: 'url' } {
  const value = fields.query('encoding-type');
  if (value === undefined || value === '') return {};
  if (value.toLowerCase() !== 'url')
    throw invalid('encoding-type', value, 'Invalid Encoding Method specified in Request');
  return { encodingType: 'url' };
}

/** A part number of an upload or of a read: 1 to 10,000. */
export function partNumberOf(value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 10_000)
    throw invalid('partNumber', value, 'Part number must be an integer between 1 and 10000, inclusive');
  return number;
}

export function storageClassOf(value: string | undefined): StorageClass | undefined {
  if (value === undefined) return undefined;
  const found = STORAGE_CLASSES.find((name) => name === value);
  if (found === undefined)
    throw new GatewayError('InvalidStorageClass', 'The storage class you specified is not valid', {
      details: { StorageClassRequested: value },
    });
  return found;
}

/** A store's word for a class; what is not known counts as the standard one. */
export function readStorageClass(value: string | undefined): StorageClass {
  return STORAGE_CLASSES.find((name) => name === value) ?? 'STANDARD';
}

export function checksumAlgorithmOf(fields: Fields, name: string): ChecksumAlgorithm | undefined {
  const value = fields.header(name);
  if (value === undefined) return undefined;
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === value.toUpperCase());
  if (found === undefined)
    throw new GatewayError(
      'InvalidRequest',
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: ' +
        `[${CHECKSUM_ALGORITHMS.join(', ')}]`,
    );
  return found;
}

export function checksumTypeOf(fields: Fields): ChecksumType | undefined {
  const value = fields.header('x-amz-checksum-type');
  if (value === undefined) return undefined;
  if (value !== 'COMPOSITE' && value !== 'FULL_OBJECT')
    throw new GatewayError('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.');
  return value;
}

/** What CreateMultipartUpload asks for; combinations that S3 has no checksum for are refused in its words. */
export function uploadChecksumOf(fields: Fields): {
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: ChecksumType;
} {
  const algorithm = checksumAlgorithmOf(fields, 'x-amz-checksum-algorithm');
  const type = checksumTypeOf(fields);
  if (type !== undefined && algorithm === undefined)
    throw new GatewayError(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  if (type !== undefined && algorithm !== undefined && !CHECKSUM_TYPES[algorithm].includes(type))
    throw new GatewayError(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  return { ...given('checksumAlgorithm', algorithm), ...given('checksumType', type) };
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** Headers whose meaning the model does not carry: to drop one would drop a protection. */
export function refuseUnmodelled(fields: Fields): void {
  const found = fields.headers.find(([name, value]) => UNMODELLED.test(name) && NO_WISH[name] !== value.toLowerCase());
  if (found !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `A header you provided implies functionality that is not implemented: ${found[0]}`,
      {
        details: { Header: found[0] },
      },
    );
}

/** Optional fields as they stand in an object literal: absent instead of undefined. */
export function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}

export function invalid(name: string, value: string, message: string): GatewayError {
  return new GatewayError('InvalidArgument', message, { details: { ArgumentName: name, ArgumentValue: value } });
}

const STORAGE_CLASSES: readonly StorageClass[] = [
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'REDUCED_REDUNDANCY',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
];
const UNMODELLED = /^x-amz-(object-lock-.*|bucket-object-lock-enabled|if-match-initiated-time|object-ownership)$/;
// AWS's defaults, spelled out (the Go SDK does): they ask for nothing.
const NO_WISH: Readonly<Record<string, string>> = {
  'x-amz-bucket-object-lock-enabled': 'false',
  'x-amz-object-ownership': 'bucketownerenforced',
};
// Names of the gateway and of stores' insides: from a client they would forge a seal.
const RESERVED = /^(x-(amz|oss)-meta-bucketseal.*|x-bucketseal.*|x-(minio|rustfs)-internal.*)$/;
// What minio-go, minio-js and mc send for ordinary clients. Without effect here the answer is still true: a bucket that is
// not empty is 409, one that exists is 409, and a key inside an archive is not found.
const CLIENT_EXTENSIONS: Readonly<Record<string, (request: VerifiedRequest) => boolean>> = {
  'x-minio-force-delete': ({ wire, key }) => wire.method === 'DELETE' && key === undefined,
  'x-minio-force-create': ({ wire, key }) => wire.method === 'PUT' && key === undefined,
  'x-minio-extract': ({ wire }) => wire.method === 'GET' || wire.method === 'HEAD',
};
// A checksum in a presigned query is that of an empty body (the JS presigner's): AWS ignores it there.
const NOT_HOISTED =
  /^x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256|sdk-checksum-algorithm|checksum-.*|trailer|decoded-content-length)$/;

/** Of two `uploadId`s one would be authorised and, by another layer or the store, the other obeyed; equal ones are no better known. */
function refuseRepeated(query: readonly QueryParameter[]): void {
  const seen = new Set<string>();
  for (const { name, value } of query) {
    // What may stand for a header has a header's name, in any case.
    const known = /^x-amz-/i.test(name) ? name.toLowerCase() : name;
    if (seen.has(known)) throw invalid(name, value ?? '', `The query parameter ${name} is given more than once.`);
    seen.add(known);
  }
}

function refuseReserved(request: VerifiedRequest, headers: HeaderLines): void {
  const inQuery = request.wire.query.map(({ name, value }) => [name.toLowerCase(), value ?? ''] as const);
  const found = [...headers, ...inQuery].find(
    ([name]) =>
      RESERVED.test(name) ||
      (request.replicator !== true && isStoresOwn(name) && CLIENT_EXTENSIONS[name]?.(request) !== true),
  );
  if (found !== undefined) throw invalid(found[0], found[1], `${found[0]} is reserved and not accepted from clients.`);
}

function hoisted(request: VerifiedRequest): HeaderLines {
  const lines: [string, string][] = [];
  for (const parameter of request.wire.query) {
    const name = parameter.name.toLowerCase();
    const value = parameter.value ?? '';
    if (!/^x-(amz|minio|bucketseal)-/.test(name) || NOT_HOISTED.test(name) || inFamily(name)) continue;
    // CR, LF or NUL in a value would split a header of the request to the store.
    if (/[\u0000-\u001f\u007f]/.test(value) || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
      throw invalid(name.slice(0, 64), '', 'The query parameter cannot stand for a header.');
    const latin1 = Buffer.from(value, 'utf8').toString('latin1');
    if (headersOf(request.wire.headers, name).some((other) => other !== latin1))
      throw invalid(name, value, `${name} stands in the headers and in the query with different values.`);
    if (headersOf(request.wire.headers, name).length === 0) lines.push([name, latin1]);
  }
  return lines;
}
