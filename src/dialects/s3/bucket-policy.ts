import { GatewayError } from '../../model/errors.ts';
import type { BucketPolicyCondition, BucketPolicyStatement } from '../../model/bucket-policy.ts';
import { compileWildcard } from '../../model/wildcard.ts';
import type { BucketPolicyReading } from '../dialect.ts';

/** An AWS policy document in the model's words. What cannot be judged whole is NotImplemented, naming it. */
export function parseBucketPolicy(
  document: string,
  { bucket, judgedAtStore = false }: BucketPolicyReading = {},
): readonly BucketPolicyStatement[] {
  const policy = record(json(document), 'document');
  allow(policy, ['Version', 'Id', 'Statement'], 'policy');
  const version = policy['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17')
    throw malformed('The policy must contain a valid version string');
  const statements = Array.isArray(policy['Statement'])
    ? (policy['Statement'] as readonly unknown[])
    : [policy['Statement']];
  const buckets = new Set<string>();
  const parsed = statements
    .map((statement) => record(statement, 'Statement'))
    .filter((statement) => !judgedAtStore || concernsClientHop(statement))
    .map((statement) => statementOf(statement, buckets));
  if (buckets.size > 1 || [...buckets].some((name) => bucket !== undefined && name !== bucket))
    throw malformed('Policy has invalid resource');
  return parsed;
}

/** Whether a Deny asks for what only the gateway sees: the client's transport and encryption headers. */
function concernsClientHop(statement: Json): boolean {
  if (statement['Effect'] !== 'Deny') return false;
  const named = JSON.stringify(statement['Condition'] ?? {}).toLowerCase();
  return ['aws:securetransport', 's3:tlsversion', 's3:x-amz-server-side-encryption'].some((key) => named.includes(key));
}

/** Action names that mean exactly one group of the model's operations; finer or wider ones are not judged. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['*', '*'],
  ['s3:*', '*'],
  ['s3:getobject', 'read'],
  ['s3:getobject*', 'read'],
  ['s3:getobjectversion', 'read'],
  ['s3:putobject', 'write'],
  ['s3:putobject*', 'write'],
  ['s3:deleteobject', 'delete'],
  ['s3:deleteobject*', 'delete'],
  ['s3:deleteobjectversion', 'delete'],
  ['s3:listbucket', 'list'],
  ['s3:listbucket*', 'list'],
  ['s3:listbucketversions', 'list'],
]);

const SUBJECTS: ReadonlyMap<string, BucketPolicyCondition['subject']> = new Map([
  ['s3:x-amz-server-side-encryption', 'encryption'],
  ['s3:x-amz-server-side-encryption-aws-kms-key-id', 'kmsKeyId'],
  ['s3:x-amz-server-side-encryption-customer-algorithm', 'customerAlgorithm'],
]);

const OPERATORS: ReadonlyMap<string, BucketPolicyCondition['operator']> = new Map([
  ['StringEquals', 'equals'],
  ['StringNotEquals', 'notEquals'],
  ['StringLike', 'like'],
  ['StringNotLike', 'notLike'],
  ['Null', 'absent'],
]);

/** S3's words for `encryption` and the model's. */
const METHODS: readonly (readonly [word: string, model: string])[] = [
  ['AES256', 'AES256'],
  ['aws:kms', 'kms'],
  ['aws:kms:dsse', 'kms:2'],
];

type Json = Readonly<Record<string, unknown>>;

function statementOf(statement: Json, buckets: Set<string>): BucketPolicyStatement {
  for (const name of ['NotPrincipal', 'NotAction', 'NotResource']) if (name in statement) throw unjudged(name);
  allow(statement, ['Sid', 'Effect', 'Principal', 'Action', 'Resource', 'Condition'], 'statement');
  const effect = statement['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed('Invalid effect');
  return {
    effect,
    principals: principalsOf(statement['Principal']),
    actions: strings(statement['Action'], 'Action').map((action) => {
      const found = ACTIONS.get(action.toLowerCase());
      if (found === undefined) throw unjudged(`the action ${action}`);
      return found;
    }),
    resources: strings(statement['Resource'], 'Resource').flatMap((resource) => resourcesOf(resource, buckets)),
    conditions: conditionsOf(statement['Condition']),
  };
}

function principalsOf(principal: unknown): readonly string[] {
  if (typeof principal === 'string') {
    if (principal !== '*') throw malformed('Invalid principal in policy');
    return ['*'];
  }
  const named = record(principal, 'Principal');
  for (const kind of Object.keys(named)) if (kind !== 'AWS') throw unjudged(`the principal type ${kind}`);
  return strings(named['AWS'], 'Principal').map((name) => {
    if (name !== '*' && /[*?]/.test(name)) throw unjudged(`the principal ${name}`);
    return name;
  });
}

/** `arn:aws:s3:::bucket` is the bucket itself, `…/pattern` its keys. */
function resourcesOf(resource: string, buckets: Set<string>): readonly string[] {
  if (resource === '*') return ['', '*'];
  const match = /^arn:aws[a-z-]*:s3:::([^/]+)(?:\/(.+))?$/s.exec(resource);
  const [bucket, keys] = [match?.[1], match?.[2]];
  if (bucket === undefined) throw malformed('Policy has invalid resource');
  if (/[*?$]/.test(bucket) || keys?.includes('${') === true) throw unjudged(`the resource ${resource}`);
  buckets.add(bucket);
  return [keys ?? ''];
}

function conditionsOf(condition: unknown): readonly BucketPolicyCondition[] {
  if (condition === undefined) return [];
  return Object.entries(record(condition, 'Condition')).flatMap(([operator, keys]) =>
    Object.entries(record(keys, operator)).map(([key, value]) => conditionOf(operator, key, scalars(value, key))),
  );
}

function conditionOf(operator: string, key: string, values: readonly string[]): BucketPolicyCondition {
  const name = key.toLowerCase();
  if (operator === 'Bool' && name === 'aws:securetransport') {
    checkBooleans(values, key);
    return { operator: 'bool', subject: 'secureTransport', values: values.map((value) => value.toLowerCase()) };
  }
  const subject = SUBJECTS.get(name);
  const meaning = OPERATORS.get(operator);
  if (subject === undefined || meaning === undefined) throw unjudged(`the condition ${operator} on ${key}`);
  if (meaning === 'absent') {
    checkBooleans(values, key);
    return { operator: meaning, subject, values: values.map((value) => value.toLowerCase()) };
  }
  if (values.some((value) => value.includes('${'))) throw unjudged(`a policy variable in ${key}`);
  return { operator: meaning, subject, values: subject === 'encryption' ? methods(meaning, values) : values };
}

/** S3's method names in the model's words; a pattern stands for every name that it matches, and for itself. */
function methods(operator: BucketPolicyCondition['operator'], values: readonly string[]): readonly string[] {
  const patterns = operator === 'like' || operator === 'notLike';
  return [
    ...new Set(
      values.flatMap((value) => {
        const matches = patterns ? compileWildcard(value) : (word: string) => word === value;
        const matched = METHODS.filter(([word]) => matches(word)).map(([, model]) => model);
        return patterns || matched.length === 0 ? [...matched, value] : matched;
      }),
    ),
  ];
}

function checkBooleans(values: readonly string[], key: string): void {
  if (values.some((value) => !/^(true|false)$/i.test(value)))
    throw malformed(`Invalid value for the condition key ${key}`);
}

function scalars(value: unknown, what: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'boolean') return String(item);
    throw malformed(`Invalid value of ${what}`);
  });
}

function strings(value: unknown, what: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw malformed(`Missing required field ${what}`);
  return list.map((item) => {
    if (typeof item !== 'string' || item === '') throw malformed(`Missing required field ${what}`);
    return item;
  });
}

function json(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch (cause) {
    throw new GatewayError('MalformedPolicy', "Policies must be valid JSON and the first byte must be '{'", { cause });
  }
}

function record(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`Invalid ${what}`);
  return value as Json;
}

function allow(value: Json, names: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw malformed(`Unknown field ${unknown} in ${what}`);
}

function malformed(message: string): GatewayError {
  return new GatewayError('MalformedPolicy', message);
}

function unjudged(what: string): GatewayError {
  return new GatewayError('NotImplemented', `Bucket policies with ${what} are not implemented by the gateway.`);
}
