import { GatewayError } from '../../../model/errors.ts';
import { isWiderThanPrivate, type AskedAcl } from '../../../model/objects.ts';
import type { OperationName } from '../../../model/operations.ts';
import { readBounded } from '../../../wire/bounded.ts';
import { headersOf } from '../../../wire/message.ts';
import { cannedAclOfGrants } from '../words/acl.ts';
import { invalid } from './parameters.ts';
import type { Fields } from './parameters.ts';
import { malformed } from '../words/xml.ts';
import { parseXml } from '../../../wire/xml-document.ts';

/** The canned ACL that `x-amz-acl` names. */
export function cannedAclOf(fields: Fields): AskedAcl | undefined {
  const values = headersOf(fields.headers, 'x-amz-acl');
  const [value] = values;
  if (value === undefined) return undefined;
  const found = CANNED.find((name) => name === value);
  if (found === undefined || values.length > 1) throw invalid('x-amz-acl', values.join(','), UNKNOWN);
  return found;
}

/** The same for a bucket itself, whose owner has full control anyway. */
export function bucketAclOf(fields: Fields): AskedAcl | undefined {
  const acl = cannedAclOf(fields);
  return acl === 'bucket-owner-full-control' ? 'private' : acl;
}

/** An ACL is honoured or refused, never dropped: where the operation takes none, and grants, which the model cannot carry. */
export function demandAclPlace(operation: OperationName, fields: Fields, method: string): void {
  // Grants first: beside a canned ACL that changes nothing they would be what is dropped.
  const named = (test: (name: string) => boolean) => fields.headers.find(([name]) => test(name));
  const found = named((name) => name.startsWith('x-amz-grant-')) ?? named((name) => name === 'x-amz-acl');
  if (found === undefined || method === 'GET' || method === 'HEAD') return;
  if (!TAKES_ACL.has(operation)) {
    // That nobody else is to have a right holds where nothing is said.
    const acl = cannedAclOf(fields);
    if (found[0] === 'x-amz-acl' && acl !== undefined && !isWiderThanPrivate(acl)) return;
    throw invalid(found[0], found[1], `${found[0]} is not supported for this operation.`);
  }
  if (found[0] === 'x-amz-acl') return;
  if (fields.header('x-amz-acl') !== undefined) throw bothForms();
  throw new GatewayError(
    'AccessControlListNotSupported',
    'The bucket does not allow ACLs: grants in headers are not available here.',
  );
}

/**
 * The ACL of a `PUT ?acl` that names none in `x-amz-acl`: a canned one where its document amounts to that, else
 * `grants`, which only a store of this language understands.
 */
export function aclOfDocument(fields: Fields, document: Uint8Array): AskedAcl | 'grants' {
  const inHeaders = fields.headers.some(([name]) => name.startsWith('x-amz-grant-'));
  if (inHeaders && document.length > 0) throw contentBesideHeaders();
  if (inHeaders) return 'grants';
  if (document.length === 0)
    throw new GatewayError('MissingSecurityHeader', 'Your request was missing a required header', {
      details: { MissingHeaderName: 'x-amz-acl' },
    });
  const outcome = parseXml(document);
  if (!outcome.ok || outcome.root.name !== 'AccessControlPolicy') throw malformed();
  return cannedAclOfGrants(outcome.root) ?? 'grants';
}

/** AWS refuses a document beside a canned ACL; to let one of them win would drop the other. */
export async function demandNoContent(fields: Fields): Promise<void> {
  const read = await readBounded(fields.body.bytes, 0);
  if (read === 'too-large') throw contentBesideHeaders();
}

function contentBesideHeaders(): GatewayError {
  return new GatewayError('InvalidRequest', 'This request does not support content');
}

function bothForms(): GatewayError {
  return new GatewayError('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed');
}

const UNKNOWN = 'The canned ACL is not valid.';
// S3 API reference, canned ACLs.
const CANNED: readonly AskedAcl[] = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-full-control',
  'bucket-owner-read',
  'aws-exec-read',
  'log-delivery-write',
];
const TAKES_ACL: ReadonlySet<OperationName> = new Set([
  'CreateBucket',
  'PutBucketAcl',
  'PutObjectAcl',
  'PutObject',
  'CopyObject',
  'CreateMultipartUpload',
]);
