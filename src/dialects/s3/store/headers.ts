import { CHECKSUM_TYPES } from '../../../model/body.ts';
import type { CustomerKey } from '../../../model/encryption.ts';
import type { AskedAcl, ObjectMetadata, StorageClass, Tags } from '../../../model/objects.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { OperationName, StorageRequest } from '../../../model/operations.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import type { StoreTarget } from '../../dialect.ts';
import { encodeConditions } from '../words/conditions.ts';
import { formatCopySource } from '../words/copy-source.ts';
import { encodeCustomerKey } from '../words/customer-key.ts';
import { CUSTOMER, SOURCE_CUSTOMER } from '../words/encryption-family.ts';
import { encodeMetadata } from '../words/metadata.ts';
import { formatTaggingHeader } from '../words/tagging.ts';

/** Headers of a write of a whole object. */
export function writeHeaders(
  write: {
    readonly metadata: ObjectMetadata;
    readonly tags?: Tags;
    readonly storageClass?: StorageClass;
    readonly acl?: AskedAcl;
    readonly conditions: StorageRequest<'PutObject'>['conditions'];
    readonly forbidOverwrite?: boolean;
  },
  target: StoreTarget,
  encryption: HeaderLines,
): HeaderLines {
  const tagged = write.tags !== undefined && Object.keys(write.tags).length > 0;
  if (tagged) needs(target.capabilities.tagging, 'Object tagging');
  const conditions = write.forbidOverwrite === true ? { ...write.conditions, ifNoneMatch: ['*'] } : write.conditions;
  return [
    ...encodeMetadata(write.metadata),
    ...encodeConditions(conditions),
    ...(tagged ? ([['x-amz-tagging', formatTaggingHeader(write.tags)]] as const) : []),
    ...(write.storageClass === undefined ? [] : ([['x-amz-storage-class', write.storageClass]] as const)),
    ...aclHeaders(write.acl),
    ...encryption,
  ];
}

/** Headers that name a copy's source. */
export function sourceHeaders(
  request: StorageRequest<'CopyObject' | 'UploadPartCopy'>,
  target: StoreTarget,
): HeaderLines {
  return [
    ['x-amz-copy-source', formatCopySource(request.source)],
    ...encodeConditions(request.sourceConditions, 'x-amz-copy-source-'),
    ...customerHeaders(request.sourceCustomerKey, SOURCE_CUSTOMER, target),
  ];
}

/** Headers of the customer's key that a read or a part brings. */
export function keyHeaders(request: { readonly customerKey?: CustomerKey }, target: StoreTarget): HeaderLines {
  return customerHeaders(request.customerKey, CUSTOMER, target);
}

/** A store that has no SSE-C never sees a customer's key: it could only leak there. */
function customerHeaders(key: CustomerKey | undefined, prefix: string, target: StoreTarget): HeaderLines {
  if (key === undefined) return [];
  if (!target.capabilities.customerKey)
    throw new GatewayError('InvalidRequest', 'The encryption parameters are not applicable to this object.');
  return encodeCustomerKey(key, prefix);
}

export function aclHeaders(acl: AskedAcl | undefined): HeaderLines {
  return acl === undefined || acl === 'default' ? [] : [['x-amz-acl', acl]];
}

export function checksumChoice(
  request: StorageRequest<'CopyObject' | 'CreateMultipartUpload'>,
  target: StoreTarget,
): HeaderLines {
  if (!target.capabilities.checksumHeaders || request.checksumAlgorithm === undefined) return [];
  const type = request.operation === 'CreateMultipartUpload' ? request.checksumType : undefined;
  return [
    ['x-amz-checksum-algorithm', request.checksumAlgorithm],
    // The default needs no name; older stores know none.
    ...(type === undefined || type === CHECKSUM_TYPES[request.checksumAlgorithm][0]
      ? []
      : ([['x-amz-checksum-type', type]] as const)),
  ];
}

/** Under COPY the source's metadata stays; the redirect is never copied and always named. */
export function onlyRedirect({ websiteRedirect }: ObjectMetadata): ObjectMetadata {
  return { user: {}, ...(websiteRedirect === undefined ? {} : { websiteRedirect }) };
}

/** Refuses what the store cannot do before a byte is sent. */
export function needs(capability: boolean, what: OperationName | 'Object tagging'): void {
  if (!capability) throw new GatewayError('NotImplemented', `${what} is not implemented by this store.`);
}
