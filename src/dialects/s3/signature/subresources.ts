import type { QueryParameter } from '../../../wire/message.ts';

/** Query parameters that SigV2 signs: the S3 REST authentication page's list with what botocore adds. */
const SIGNED_BY_V2: ReadonlySet<string> = new Set([
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'defaultObjectAcl',
  'delete',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'replication',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'restore',
  'select',
  'select-type',
  'storageClass',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

/** What SigV2 leaves unsigned and may stay so: its own parameters, and those that page or shape a listing. */
const HARMLESS_UNSIGNED: ReadonlySet<string> = new Set([
  'awsaccesskeyid',
  'signature',
  'expires',
  'content-md5',
  'content-type',
  'continuation-token',
  'delimiter',
  'encoding-type',
  'fetch-owner',
  'key-marker',
  'list-type',
  'marker',
  'max-keys',
  'max-parts',
  'max-uploads',
  'part-number-marker',
  'prefix',
  'start-after',
  'upload-id-marker',
  'version-id-marker',
  'x-id',
]);

/** Whether SigV2 signs a query parameter as a sub-resource. */
export function isSignedSubresource(name: string): boolean {
  return SIGNED_BY_V2.has(name);
}

/** Whether some operation of the model, or the signature, has a parameter of this name: it may stand without a value. */
export function isKnownParameter(name: string): boolean {
  return (
    name === '' ||
    name === 'partNumber' ||
    name === 'versionId' ||
    name.startsWith('response-') ||
    HARMLESS_UNSIGNED.has(name.toLowerCase()) ||
    name.toLowerCase().startsWith('x-amz-')
  );
}

/** The first parameter that a SigV2 signature does not cover and that could change what the request does. */
export function uncoveredByV2(query: readonly QueryParameter[]): string | undefined {
  return query
    .map(({ name }) => name)
    .find(
      (name) =>
        !SIGNED_BY_V2.has(name) &&
        !HARMLESS_UNSIGNED.has(name.toLowerCase()) &&
        !name.toLowerCase().startsWith('x-amz-'),
    );
}

/** Whether a PUT with this query writes an object or a part, and not a sub-resource (`?acl`, `?tagging=`). */
export function addressesContent(query: readonly QueryParameter[]): boolean {
  return query.every(
    ({ name, value }) =>
      name === 'partNumber' || name === 'uploadId' || (!SIGNED_BY_V2.has(name) && value !== undefined && value !== ''),
  );
}
