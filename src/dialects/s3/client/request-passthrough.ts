import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { parseXml } from '../../../wire/xml-document.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { reachOf } from '../../document-reach.ts';
import { readDocumentBytes } from '../../document.ts';
import { aclOfDocument, demandAclPlace } from './acl-wish.ts';
import type { Recognised } from '../operations.ts';
import { refuseUnmodelled, versioned } from './parameters.ts';
import type { Fields } from './parameters.ts';
import { parameterBeside, passthroughRefusal } from './passthrough.ts';
import { malformed } from '../words/xml.ts';

/** Bytes of a sub-resource's document. */
const MAX_DOCUMENT = 64 * 1024;

type Asked = Extract<Recognised, { operation: 'Passthrough' }>;

/** A sub-resource outside the model: judged by its parameters and by what its document would make the store do. */
export async function decodePassthrough(
  request: VerifiedRequest,
  asked: Asked,
  fields: Fields,
): Promise<StorageRequest> {
  const stranger = parameterBeside(request, asked.subresource);
  if (stranger !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `?${asked.subresource} with the parameter ${stranger.slice(0, 64)} is not implemented.`,
    );
  const refusal = passthroughRefusal(request);
  if (refusal !== undefined) throw refusal;
  refuseUnmodelled(fields);
  const base = { ...asked, bucket: fields.bucket, ...(request.key === undefined ? {} : { key: fields.key }) };
  const { method } = request.wire;
  if (asked.subresource !== 'acl') demandAclPlace('Passthrough', fields, method);
  if (method === 'GET') return base;
  const document = await readDocumentBytes(request.body, MAX_DOCUMENT);
  if (document === 'too-large')
    throw new GatewayError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  if (asked.subresource === 'acl') return aclRequest(base, fields, document);
  if (document.length === 0) return { ...base, document };
  const outcome = parseXml(document);
  if (!outcome.ok) throw malformed();
  const { destinations, keyIds, grants } = reachOf(outcome.root);
  // An empty configuration notifies nobody: it is how the SDKs switch notifications off.
  const notifies = asked.subresource === 'notification' && outcome.root.children.length > 0;
  return {
    ...base,
    document,
    demands: [...(notifies ? (['callback'] as const) : []), ...(grants ? (['public-acl'] as const) : [])],
    destinations,
    keyIds,
  };
}

function aclRequest(base: StorageRequest<'Passthrough'>, fields: Fields, document: Uint8Array): StorageRequest {
  const acl = aclOfDocument(fields, document);
  if (acl === 'grants') return { ...base, document, demands: ['public-acl'] };
  return base.key === undefined
    ? { operation: 'PutBucketAcl', bucket: fields.bucket, acl }
    : { operation: 'PutObjectAcl', ...versioned(fields), acl };
}
