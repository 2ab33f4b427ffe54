import type { WireKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { BucketInfo } from '../../model/objects.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../model/operations.ts';
import { effectiveRule, judgedRule, putBucketEncryption } from './bucket-encryption.ts';
import { enter, type Call, type Place } from '../call/call.ts';

const DEFAULT_PAGE = 1000;

/** The buckets of every store that the policy routes to, under the client's names, where it holds any grant. */
export async function listBuckets(
  call: Call,
  request: StorageRequest<'ListBuckets'>,
): Promise<StorageResult<'ListBuckets'>> {
  const { policy, directory } = call.snapshot;
  const found = await Promise.all(
    policy.stores.map(async (store) => {
      const { buckets } = await directory.get(store).execute({ operation: 'ListBuckets' }, call.context);
      return buckets.flatMap((bucket): readonly BucketInfo[] => {
        const name = policy.bucketAt(store, bucket.name);
        return name === undefined || !policy.visible(call.client.principal, name) ? [] : [{ ...bucket, name }];
      });
    }),
  );
  const all = found
    .flat()
    .filter(({ name }) => name.startsWith(request.prefix ?? '') && name > (request.marker ?? ''))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const buckets = all.slice(0, request.maxKeys ?? DEFAULT_PAGE);
  const last = buckets.at(-1);
  return {
    buckets,
    truncated: all.length > buckets.length,
    ...(all.length > buckets.length && last !== undefined ? { nextMarker: last.name } : {}),
  };
}

/** Encryption headers on PutBucket (OSS) set the bucket's rule, under the same ownership as `?encryption`. */
export async function createBucket(
  call: Call,
  request: StorageRequest<'CreateBucket'>,
): Promise<StorageResult<'CreateBucket'>> {
  const place = enter(call, 'configure', request.bucket);
  const { wish } = request;
  if (wish.state === 'illFormed') throw wish.error;
  const { encryption } = wish.state === 'wellFormed' ? wish : { encryption: undefined };
  if (encryption?.kind === 'customer')
    throw new GatewayError('InvalidArgument', "A customer's key cannot be a bucket's default.");
  const rule = encryption === undefined || encryption.kind === 'none' ? undefined : encryption;
  // Judged before the bucket exists: a refused rule leaves no bucket behind.
  const put = rule === undefined ? undefined : ruleRequest(request.bucket, rule);
  const unset = put !== undefined && judgedRule(call, place, put.rule) !== undefined;
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, wish: { state: 'absent' } },
    call.context,
  );
  if (unset) await putBucketEncryption(call, put);
  return result;
}

export async function getBucketInfo(
  call: Call,
  request: StorageRequest<'GetBucketInfo'>,
): Promise<StorageResult<'GetBucketInfo'>> {
  const place = enter(call, 'list', request.bucket);
  const info = place.backend.capabilities.bucketInfo
    ? await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context)
    : await composedInfo(call, place);
  return { ...info, name: request.bucket, encryption: await effectiveRule(call, place) };
}

/** From what every store answers: where the bucket is, when it was made, and who may read it. */
async function composedInfo(call: Call, place: Place): Promise<Omit<StorageResult<'GetBucketInfo'>, 'encryption'>> {
  const { backend, storeBucket: bucket } = place;
  const { region } = await backend.execute({ operation: 'GetBucketLocation', bucket }, call.context);
  const { acl } = await backend.execute({ operation: 'GetBucketAcl', bucket }, call.context);
  const { buckets } = await backend.execute({ operation: 'ListBuckets' }, call.context);
  const listed = buckets.find(({ name }) => name === bucket);
  return {
    name: bucket,
    region,
    acl,
    createdAt: listed?.createdAt ?? 0,
    storageClass: listed?.storageClass ?? 'STANDARD',
  };
}

/**
 * Replication documents are readable: they show the policy's rule. A bucket that only receives replicas shows what
 * holds for those that arrive, with itself as their destination.
 */
export function getBucketReplication(
  call: Call,
  request: StorageRequest<'GetBucketReplication'>,
): Promise<StorageResult<'GetBucketReplication'>> {
  const place = enter(call, 'read', request.bucket);
  const rules = call.snapshot.policy.replicas(request.bucket);
  if (rules === undefined)
    throw new GatewayError('ReplicationConfigurationNotFoundError', 'The replication configuration was not found');
  const replicaKey =
    rules.replicaKey === undefined || !place.sameDialect
      ? rules.replicaKey
      : call.snapshot.policy.keyAt(rules.replicaKey as never, place.backend.name);
  const targets = rules.targets.length > 0 ? rules.targets : [{ bucket: request.bucket, prefix: '', deletes: false }];
  return Promise.resolve({ replication: { ...rules, targets, ...(replicaKey === undefined ? {} : { replicaKey }) } });
}

/** Writing them is the policy's business. */
export function refusedReplication<
  N extends Extract<OperationName, 'PutBucketReplication' | 'DeleteBucketReplication'>,
>(_operation: N): (call: Call, request: StorageRequest<N>) => Promise<StorageResult<N>> {
  return (call, request) => {
    const { bucket }: { readonly bucket: string } = request;
    const { rule } = enter(call, 'configure', bucket).route;
    throw new GatewayError(
      'AccessDenied',
      `Access denied by policy rule "${rule.name}": the replication of ${bucket} is set by the policy.`,
    );
  };
}

function ruleRequest(
  bucket: string,
  rule: StorageRequest<'PutBucketEncryption'>['rule'],
): StorageRequest<'PutBucketEncryption'> {
  return {
    operation: 'PutBucketEncryption',
    bucket,
    rule: rule.kind === 'kms' ? { ...rule, key: rule.key as WireKeyId } : rule,
  };
}
