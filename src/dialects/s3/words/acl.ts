import { GatewayError } from '../../../model/errors.ts';
import type { CannedAcl } from '../../../model/objects.ts';
import { childOf, childText } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { NAMESPACE } from './xml.ts';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const AUTHENTICATED = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';

/** Grants beside the owner's, by canned ACL. */
const GRANTS: Readonly<Record<CannedAcl, readonly (readonly [group: string, permission: 'READ' | 'WRITE'])[]>> = {
  private: [],
  default: [],
  'public-read': [[ALL_USERS, 'READ']],
  'public-read-write': [
    [ALL_USERS, 'READ'],
    [ALL_USERS, 'WRITE'],
  ],
  'authenticated-read': [[AUTHENTICATED, 'READ']],
};

/** A canned ACL written out in grants. `xsi:type` is an attribute, so this document is put together here. */
export function aclDocument(acl: CannedAcl, ownerId: string): string {
  const owner = `<ID>${ownerId}</ID><DisplayName>bucketseal</DisplayName>`;
  const grants = GRANTS[acl].map(([group, permission]) => grant('Group', `<URI>${group}</URI>`, permission));
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<AccessControlPolicy xmlns="${NAMESPACE}"><Owner>${owner}</Owner>` +
    `<AccessControlList>${[grant('CanonicalUser', owner, 'FULL_CONTROL'), ...grants].join('')}</AccessControlList>` +
    '</AccessControlPolicy>'
  );
}

/** The canned ACL that a store's grants amount to; grants that none says are an error, never rounded. */
export function readAcl(root: XmlElement): CannedAcl {
  const list = childOf(root, 'AccessControlList');
  const ownerId = childText(childOf(root, 'Owner') ?? root, 'ID');
  if (root.name !== 'AccessControlPolicy' || list === undefined)
    throw new GatewayError('InternalError', 'The store answered something else than an access control policy.');
  const others: string[] = [];
  for (const element of list.children) {
    const grantee = childOf(element, 'Grantee');
    const permission = childText(element, 'Permission') ?? '';
    const uri = grantee === undefined ? undefined : childText(grantee, 'URI');
    const isOwner = grantee !== undefined && uri === undefined && idOf(grantee) === ownerId;
    if (!isOwner) others.push(`${uri ?? '?'} ${permission}`);
  }
  const found = CANNED.find(
    (acl) =>
      GRANTS[acl].length === others.length && GRANTS[acl].every((expected) => others.includes(expected.join(' '))),
  );
  if (found === undefined)
    throw new GatewayError('NotImplemented', 'The ACL has grants that no canned ACL says; they are not implemented.');
  return found;
}

/** The canned ACL that a client's grants amount to: the owner's full control and what it adds, nothing else. */
export function cannedAclOfGrants(root: XmlElement): CannedAcl | undefined {
  const ownerId = childText(childOf(root, 'Owner') ?? root, 'ID') ?? '';
  const found = new Set<string>();
  for (const element of childOf(root, 'AccessControlList')?.children ?? []) {
    const grantee = childOf(element, 'Grantee');
    const uri = grantee && childText(grantee, 'URI');
    const id = grantee && childText(grantee, 'ID');
    const permission = childText(element, 'Permission') ?? '';
    if (uri !== undefined) found.add(`${uri} ${permission}`);
    else found.add(ownerId !== '' && id === ownerId ? `owner ${permission}` : '?');
  }
  return CANNED.find((acl) => {
    const grants = ['owner FULL_CONTROL', ...GRANTS[acl].map((each) => each.join(' '))];
    return grants.length === found.size && grants.every((each) => found.has(each));
  });
}

const CANNED = ['private', 'public-read', 'public-read-write', 'authenticated-read'] as const;

/** MinIO names neither its owner nor the grantee that is the owner: an empty ID, and none. */
function idOf(grantee: XmlElement): string | undefined {
  return childText(grantee, 'ID') ?? (grantee.children.every(({ name }) => name === 'Type') ? '' : undefined);
}

function grant(type: 'CanonicalUser' | 'Group', grantee: string, permission: string): string {
  return `<Grant><Grantee xmlns:xsi="${XSI}" xsi:type="${type}">${grantee}</Grantee><Permission>${permission}</Permission></Grant>`;
}
