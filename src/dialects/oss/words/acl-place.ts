import type { VerifiedRequest } from '../../dialect.ts';
import type { OssOperation } from '../operations.ts';
import { invalid } from '../client/parameters.ts';

/** Where Alibaba documents each header (PutBucket, PutBucketAcl; PutObject, CopyObject, AppendObject, PutObjectAcl …). */
const TAKEN_BY: Readonly<Record<string, readonly OssOperation[]>> = {
  'x-oss-acl': ['CreateBucket', 'PutBucketAcl'],
  'x-oss-object-acl': [
    'PutObject',
    'CopyObject',
    'AppendObject',
    'CreateMultipartUpload',
    'CompleteMultipartUpload',
    'PutObjectAcl',
  ],
};

/**
 * An ACL is honoured or refused, never dropped: on a write that takes none, given twice, or in the query. That nobody
 * else is to have a right holds without it (ossfs says `x-oss-acl: private` with every object).
 */
export function refuseMisplacedAcl({ wire }: VerifiedRequest, operation: OssOperation | undefined): void {
  if (wire.method === 'GET' || wire.method === 'HEAD') return;
  for (const [name, operations] of Object.entries(TAKEN_BY)) {
    const taken = operation !== undefined && operations.includes(operation);
    const inHeaders = wire.headers.filter(([candidate]) => candidate === name).map(([, value]) => value);
    const inQuery = wire.query.filter((each) => each.name.toLowerCase() === name).map(({ value }) => value ?? '');
    const spare = [...inHeaders.slice(taken ? 1 : 0), ...inQuery].find((value) => value !== 'private');
    if (spare !== undefined) throw invalid(name, `${name} is not supported for this operation.`, spare);
    if (taken && inHeaders.length + inQuery.length > 1) throw invalid(name, `${name} is given twice.`);
  }
}
