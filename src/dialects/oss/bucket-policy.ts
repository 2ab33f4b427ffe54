import type { BucketPolicyCondition, BucketPolicyStatement } from '../../model/bucket-policy.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Action } from '../../model/operations.ts';
import { compileWildcard, type Matcher } from '../../model/wildcard.ts';
import type { BucketPolicyReading } from '../dialect.ts';

/**
 * The statements of an OSS bucket policy in the model's words. What the gateway cannot judge is refused, not skipped: a
 * skipped Deny would be an open door.
 */
export function parseBucketPolicy(
  document: string,
  { bucket, judgedAtStore = false }: BucketPolicyReading = {},
): readonly BucketPolicyStatement[] {
  const root = objectOf(parsed(document));
  const statements = root['Statement'];
  if (root['Version'] !== '1' || !Array.isArray(statements) || statements.length === 0) throw malformed();
  return statements
    .map((statement) => objectOf(statement))
    .filter((statement) => !judgedAtStore || concernsClientHop(statement))
    .map((statement) => statementOf(statement, bucket));
}

/** Whether a Deny asks for what only the gateway sees: the client's transport. */
function concernsClientHop(statement: Json): boolean {
  if (statement['Effect'] !== 'Deny') return false;
  return JSON.stringify(statement['Condition'] ?? {})
    .toLowerCase()
    .includes('acs:securetransport');
}

/** OSS's actions by what they mean here. */
const ACTIONS: Readonly<Record<Action, readonly string[]>> = {
  read: [
    'GetObject',
    'GetObjectVersion',
    'GetObjectAcl',
    'GetObjectVersionAcl',
    'GetObjectTagging',
    'GetObjectVersionTagging',
    'GetBucketAcl',
    'GetBucketVersioning',
    'GetBucketPolicy',
    'GetBucketReplication',
    'GetSymlink',
  ],
  write: [
    'PutObject',
    'PutObjectAcl',
    'PutObjectTagging',
    'DeleteObjectTagging',
    'AbortMultipartUpload',
    'ListParts',
    'ListMultipartUploads',
    'RestoreObject',
    'PutSymlink',
  ],
  delete: ['DeleteObject', 'DeleteObjectVersion'],
  list: ['ListObjects', 'ListObjectVersions', 'GetBucketInfo', 'GetBucketLocation', 'GetBucketStat'],
  configure: [
    'PutBucket',
    'DeleteBucket',
    'PutBucketEncryption',
    'GetBucketEncryption',
    'DeleteBucketEncryption',
    'PutBucketAcl',
    'PutBucketPolicy',
    'DeleteBucketPolicy',
    'PutBucketReplication',
    'DeleteBucketReplication',
    'PutBucketVersioning',
    'PutBucketLifecycle',
    'PutBucketCors',
    'PutBucketWebsite',
  ],
};
const KNOWN_ELEMENTS = new Set(['Effect', 'Action', 'Principal', 'Resource', 'Condition', 'Sid']);

type Json = Readonly<Record<string, unknown>>;

function statementOf(statement: Json, bucket: string | undefined): BucketPolicyStatement {
  const unknown = Object.keys(statement).find((name) => !KNOWN_ELEMENTS.has(name));
  if (unknown !== undefined) throw unsupported(unknown);
  const effect = statement['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed();
  const condition = statement['Condition'] === undefined ? {} : objectOf(statement['Condition']);
  return {
    effect,
    principals: stringsOf(statement['Principal']),
    actions: [...new Set(stringsOf(statement['Action']).flatMap((pattern) => actionsOf(pattern, effect)))],
    resources: stringsOf(statement['Resource']).flatMap((resource) => resourcesOf(resource, bucket)),
    conditions: Object.entries(condition).flatMap(([operator, subjects]) =>
      Object.entries(objectOf(subjects)).map(([subject, values]) => conditionOf(operator, subject, stringsOf(values))),
    ),
  };
}

/** A Deny of a part of an action denies it all, an Allow of a part allows nothing: the model is coarser than OSS. */
function actionsOf(pattern: string, effect: 'Allow' | 'Deny'): readonly string[] {
  if (!/^oss:[A-Za-z*?]+$/i.test(pattern)) throw malformed();
  const name = pattern.slice(4);
  if (name === '*') return ['*'];
  const matches = matcherOf(name);
  const found = (Object.entries(ACTIONS) as [Action, readonly string[]][])
    .filter(([, names]) => (effect === 'Deny' ? names.some(matches) : names.every(matches)))
    .map(([action]) => action);
  // A Deny that reached nothing would be an open door.
  if (effect === 'Deny' && found.length === 0) throw unsupported(`the action ${pattern}`);
  return found;
}

/** `acs:oss:<region>:<owner>:<bucket>[/<key pattern>]`. */
function resourcesOf(resource: string, bucket: string | undefined): readonly string[] {
  const match = /^acs:oss:[^:]*:[^:]*:(.+)$/.exec(resource);
  const path = match?.[1];
  if (path === undefined) throw malformed();
  const slash = path.indexOf('/');
  const named = slash === -1 ? path : path.slice(0, slash);
  if (bucket !== undefined && !matcherOf(named)(bucket)) throw malformed();
  if (slash !== -1) return [path.slice(slash + 1)];
  return path.includes('*') ? ['', '*'] : [''];
}

function conditionOf(operator: string, subject: string, values: readonly string[]): BucketPolicyCondition {
  if (operator !== 'Bool' || subject !== 'acs:SecureTransport') throw unsupported(`${operator} ${subject}`);
  if (!values.every((value) => value === 'true' || value === 'false')) throw malformed();
  return { operator: 'bool', subject: 'secureTransport', values };
}

/** OSS compares names without regard to case. */
function matcherOf(pattern: string): Matcher {
  const matches = compileWildcard(pattern.toLowerCase());
  return (name) => matches(name.toLowerCase());
}

function parsed(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    throw malformed();
  }
}

function objectOf(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as Json;
}

function stringsOf(value: unknown): readonly string[] {
  const list: unknown = Array.isArray(value) ? value : [value];
  if (!Array.isArray(list) || list.length === 0 || !list.every((item): item is string => typeof item === 'string'))
    throw malformed();
  return list;
}

function malformed(): GatewayError {
  return new GatewayError('MalformedPolicy', 'The policy document is not valid.');
}

function unsupported(what: string): GatewayError {
  return new GatewayError('NotImplemented', `The bucket policy uses ${what}, which this gateway cannot enforce.`);
}
