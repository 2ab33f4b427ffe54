import type { OperationName } from '../../../model/operations.ts';
import { parseHttpDate } from '../../../wire/http-date.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';

/**
 * Whether a document answers an operation. Servers differ in a root's case and ending (MinIO `getObjectAttributesResponse`),
 * but one that answers something else has not understood the question (RGW 16 answers `?encryption` with a list).
 */
export function answers(operation: OperationName, root: XmlElement): boolean {
  const stem = root.name.replace(/(?:Result|Response|Output)$/i, '').toLowerCase();
  return stem === operation.toLowerCase() || (STEMS[operation]?.includes(stem) ?? false);
}

const STEMS: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  CompleteMultipartUpload: [],
  CopyObject: [],
  CreateMultipartUpload: ['initiatemultipartupload'],
  DeleteObjects: ['delete'],
  GetBucketAcl: ['accesscontrolpolicy'],
  GetBucketEncryption: ['serversideencryptionconfiguration'],
  GetBucketLocation: ['locationconstraint', 'createbucketconfiguration'],
  GetBucketVersioning: ['versioningconfiguration'],
  GetObjectAcl: ['accesscontrolpolicy'],
  GetObjectTagging: ['tagging'],
  ListBuckets: ['listallmybuckets'],
  ListMultipartUploads: [],
  ListObjectVersions: ['listversions', 'listbucketversions'],
  ListObjects: ['listbucket'],
  ListObjectsV2: ['listbucket', 'listbucketv2'],
  ListParts: [],
  UploadPartCopy: ['copypart', 'copyobject'],
};

/** HTTP date, ISO 8601 or the C library's form (versitygw); 0 where nothing can be read: a time is no reason to refuse an object. */
export function storeTime(text: string | undefined): number {
  if (text === undefined) return 0;
  const ms = parseHttpDate(text) ?? Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text} UTC`);
  return Number.isFinite(ms) ? ms : 0;
}
