import { GatewayError } from '../../model/errors.ts';
import { isWiderThanPrivate } from '../../model/objects.ts';
import { ACTION_OF, type StorageRequest } from '../../model/operations.ts';
import type { Allowable } from '../../policy/document.ts';
import { authorise, demand, enter, type Call, type Place } from '../call/call.ts';

/**
 * What leaves the policy's reach: an ACL wider than private lets others read at the store itself. It needs `configure`
 * and `allow: [public-acl]`, by whichever header or sub-resource it comes.
 */
export function demandAcl(call: Call, request: StorageRequest): void {
  if (!('acl' in request)) return;
  const { acl, bucket } = request;
  const key = 'key' in request ? request.key : undefined;
  if (request.operation === 'CompleteMultipartUpload' && acl !== 'default') demandAclAtComplete(call, request);
  if (!isWiderThanPrivate(acl)) return;
  const place = enter(call, ACTION_OF[request.operation], bucket, key);
  if (place.backend.sealed !== undefined) throw noAcls(acl);
  authorise(call, 'configure', bucket, key);
  demandAllowed(call, place, 'public-acl');
}

/** What a sub-resource's document makes the store do by itself, each part as if the client did it. */
export function demandReach(call: Call, place: Place, request: StorageRequest<'Passthrough'>): void {
  const { demands = [], destinations = [], keyIds = [] } = request;
  const places = [place, ...destinations.map((name) => destination(call, place, name))];
  for (const what of demands) for (const each of places) demandAllowed(call, each, what);
  for (const id of keyIds) {
    const alias = call.snapshot.policy.aliasOf(id, place.backend.name);
    if (alias === undefined) throw new GatewayError('KMS.NotFoundException', `Invalid keyId '${id.slice(0, 128)}'`);
    demand(call.snapshot.policy.mayRead(call.client.principal, place.bucket, alias), call.dialect.name);
  }
}

function noAcls(acl: string): GatewayError {
  return new GatewayError(
    'AccessControlListNotSupported',
    `The bucket does not allow ACLs: everything in it is private, and ${acl} is not available.`,
  );
}

/** Only Alibaba sets an ACL at Complete; elsewhere the upload's own stands, and to drop this one would be silent. */
function demandAclAtComplete(call: Call, { bucket, key }: StorageRequest<'CompleteMultipartUpload'>): void {
  const place = enter(call, 'write', bucket, key);
  if (place.sameDialect || place.backend.sealed !== undefined) return;
  throw new GatewayError(
    'NotImplemented',
    `The store of ${bucket} sets no ACL when an upload is completed; name it when the upload begins.`,
  );
}

function demandAllowed(call: Call, place: Place, what: Allowable): void {
  if (call.snapshot.policy.allows(place.bucket, what)) return;
  throw new GatewayError(
    'AccessDenied',
    `Access denied by policy rule "${place.route.rule.name}": it does not allow ${what}.`,
  );
}

/** A bucket that the store would write into: its name there must be what the policy calls the same bucket. */
function destination(call: Call, from: Place, name: string): Place {
  const to = enter(call, 'configure', name);
  if (to.backend !== from.backend || to.storeBucket !== name)
    throw new GatewayError(
      'AccessDenied',
      `The policy serves ${name.slice(0, 64)} elsewhere than at the store of ${from.bucket}, which would write into it by itself.`,
    );
  return to;
}
