import type { StorePreview, StoreQuestion } from './question.ts';
import type { DeclaredConfig, RemoteStoreConfig } from '../config/gateway-config.ts';
import type { Reference } from '../config/secret-reference.ts';
import { DIALECTS } from '../dialects/index.ts';
import type { Dialect, DialectName, StoreTarget, UnsignedRequest, VerifiedRequest } from '../dialects/dialect.ts';
import { secret, type Encryption, type StoreKeyId } from '../model/encryption.ts';
import { GatewayError } from '../model/errors.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { atStore } from '../policy/policy.ts';
import { describe } from '../policy/values.ts';
import { createRedactor } from '../telemetry/redact.ts';

/** What stores would be told: the store's own encoder over the decided request, unsigned, secrets redacted. */
export function storePreviews({ config, policy, request, decision }: StoreQuestion): readonly StorePreview[] {
  if (request.operation === 'ListBuckets')
    return Object.keys(config.stores).map((store) => previewAt(store, config, request));
  const route = policy.route(request.bucket);
  if (route === undefined) return [];
  const { store, storeBucket } = route;
  const target = config.stores[store];
  if (target === undefined) return [];
  const allowed = decision?.effect === 'allow' ? decision : undefined;
  if (target.kind === 'embedded') {
    const words =
      allowed === undefined
        ? ''
        : `, ${describe(allowed.encryption)} ${allowed.by === 'gateway' ? 'sealed by the gateway' : ''}`;
    return [note(store, `embedded: nothing crosses a network${words.trimEnd()}`)];
  }
  const encryption = allowed === undefined || allowed.by === 'gateway' ? undefined : allowed.encryption;
  const native: Encryption<StoreKeyId> | undefined =
    encryption === undefined || encryption.kind === 'unspecified' || encryption.kind === 'none'
      ? undefined
      : atStore(policy, encryption, store);
  const placed = atStoreBucket(request, storeBucket, policy);
  const copies = request.operation === 'CopyObject' || request.operation === 'UploadPartCopy';
  const notes = [
    ...(native !== undefined && !target.capabilities.perObject
      ? ["the bucket's rule at the store is verified or set first; the object's own request carries none"]
      : []),
    ...(copies && native !== undefined && !target.capabilities.copyWithEncryption
      ? ['the store cannot copy with encryption: the source is read and written through the gateway instead']
      : []),
    ...(copies && route.store !== storeOfSource(request, policy)
      ? ['the source lies at another store: it is read and written through the gateway']
      : []),
  ];
  return [
    previewAt(
      store,
      config,
      native === undefined ? placed : ({ ...placed, encryption: native } as StorageRequest),
      notes,
    ),
  ];
}

export interface Preview {
  readonly dialect: Dialect;
  readonly verified: VerifiedRequest;
  readonly config: DeclaredConfig;
  readonly policy: CompiledPolicy;
}

/** A sub-resource that passes through, or why it does not cross. */
export function forwardedPreview({ dialect, verified, config, policy }: Preview): StorePreview | undefined {
  const route = policy.route(verified.bucket ?? '');
  const store = route && config.stores[route.store];
  if (route === undefined || store === undefined) return undefined;
  if (store.kind === 'embedded' || store.dialect !== dialect.name)
    return note(route.store, 'the sub-resource does not cross: client and store speak different languages');
  if (route.storeBucket !== verified.bucket)
    return note(route.store, 'the sub-resource does not cross: the bucket has another name at the store');
  if (dialect.encodePassthrough === undefined) return note(route.store, 'the sub-resource does not cross');
  return sent(route.store, dialect, dialect.encodePassthrough(verified, route.storeBucket, targetOf(store)), []);
}

function previewAt(
  name: string,
  config: DeclaredConfig,
  request: StorageRequest,
  notes: readonly string[] = [],
): StorePreview {
  const store = config.stores[name];
  if (store?.kind !== 'remote') return note(name, 'embedded: nothing crosses a network');
  const dialect = DIALECTS[store.dialect as DialectName];
  try {
    return sent(name, dialect, dialect.encodeRequest(request, targetOf(store)), notes);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return note(name, `the store has no words for it: ${error.code}: ${error.message}`);
  }
}

function sent(store: string, dialect: Dialect, request: UnsignedRequest, notes: readonly string[]): StorePreview {
  const redactor = createRedactor({ secretNames: dialect.secretNames });
  return {
    store,
    method: request.method,
    host: request.host,
    path: request.query === '' ? request.path : `${request.path}?${redactor.query(request.query)}`,
    headers: redactor.headers(request.headers).map(([name, value]) => [name, value] as const),
    notes: [...notes, 'signature headers come on top'],
  };
}

function note(store: string, text: string): StorePreview {
  return { store, headers: [], notes: [text] };
}

function atStoreBucket(
  request: Exclude<StorageRequest, { operation: 'ListBuckets' }>,
  bucket: string,
  policy: CompiledPolicy,
): StorageRequest {
  if (request.operation !== 'CopyObject' && request.operation !== 'UploadPartCopy') return { ...request, bucket };
  const sourceBucket = policy.route(request.source.bucket)?.storeBucket ?? request.source.bucket;
  return { ...request, bucket, source: { ...request.source, bucket: sourceBucket } };
}

function storeOfSource(request: StorageRequest, policy: CompiledPolicy): string | undefined {
  return 'source' in request ? policy.route(request.source.bucket)?.store : undefined;
}

/** Encoders ask for no secret. */
function targetOf(store: RemoteStoreConfig<Reference, Reference>): StoreTarget {
  return {
    endpoint: store.endpoint,
    region: store.region,
    addressing: store.addressing,
    credential: { accessKeyId: '', secretAccessKey: secret('') },
    capabilities: store.capabilities,
    ...(store.signature === undefined ? {} : { signature: store.signature }),
  };
}
