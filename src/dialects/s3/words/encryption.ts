import { DEFAULT_KEY } from '../../../model/encryption.ts';
import type { CustomerKey, Encryption, ObservedEncryption, StoreKeyId, WireKeyId } from '../../../model/encryption.ts';
import { readContext, type EncryptionContext } from '../../../model/encryption-context.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { AskedEncryption, Wish } from '../../../model/objects.ts';
import type { OperationName } from '../../../model/operations.ts';
import { headerOf } from '../../../wire/message.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { decodeCustomerKey, encodeCustomerKey, strictBase64 } from './customer-key.ts';
import {
  CUSTOMER,
  SOURCE_CUSTOMER,
  SSE,
  SSE_BUCKET_KEY,
  SSE_CONTEXT,
  SSE_KEY_ID,
  customerNames,
  notSupported,
  readFamily,
} from './encryption-family.ts';
import { withoutPrefix } from './key-spelling.ts';
import type { EncryptionFamily } from './encryption-family.ts';

/** How a variant of S3 says encryption on objects, both faces and both directions. */
export interface ObjectEncryptionWords {
  /** Everything of the family in a client's request. Throws where the operation takes no wish that could hold the error. */
  readonly decodeClient: (request: VerifiedRequest, operation: OperationName) => ClientEncryption;
  /** Headers of an answer to a client; `context` only where AWS repeats it (Put, Copy, Create). */
  readonly encodeClient: (
    observed: ObservedEncryption<string> | undefined,
    options: { readonly context: boolean },
  ) => HeaderLines;
  readonly encodeStore: (encryption: Encryption<StoreKeyId> | undefined) => HeaderLines;
  /** Undefined: the answer says nothing. */
  readonly decodeStore: (headers: HeaderLines) => ObservedEncryption | undefined;
  readonly canExpress: (encryption: ObservedEncryption<string>) => boolean;
}

export interface ClientEncryption {
  readonly wish: Wish;
  readonly customerKey?: CustomerKey;
  readonly sourceCustomerKey?: CustomerKey;
}

/** The header that names an encryption for which this language has no word. */
export const FOREIGN_ENCRYPTION = 'x-bucketseal-encryption';

export const objectEncryption: ObjectEncryptionWords = {
  decodeClient,
  encodeClient,
  encodeStore,
  decodeStore,
  canExpress,
};

const WISHING: readonly OperationName[] = ['PutObject', 'CopyObject', 'CreateMultipartUpload'];
// AWS KMS: the context is at most 8,192 characters (KMS quotas).
const MAX_CONTEXT = 8192;

function decodeClient(request: VerifiedRequest, operation: OperationName): ClientEncryption {
  const family = readFamily(request.wire, operation);
  const secure = request.wire.connection.secure;
  if (family.values.size === 0) return { wish: { state: 'absent' } };
  const wishing = WISHING.includes(operation);
  const wish = wishing ? decodeWish(family, request) : ({ state: 'absent' } as const);
  // An ill-formed wish waits for the bucket policy's word; so does what else is wrong beside it.
  if (wish.state === 'illFormed') return { wish };
  checkForm(family);
  const customerKey = wishing ? undefined : decodeCustomerKey(family.values, CUSTOMER, secure);
  const sourceCustomerKey = decodeCustomerKey(family.values, SOURCE_CUSTOMER, secure);
  return {
    wish,
    ...(customerKey === undefined ? {} : { customerKey }),
    ...(sourceCustomerKey === undefined ? {} : { sourceCustomerKey }),
  };
}

function decodeWish(family: EncryptionFamily, request: VerifiedRequest): Wish {
  const { values } = family;
  const raw = values.get(SSE) ?? values.get(`${CUSTOMER}-algorithm`) ?? '';
  try {
    checkForm(family);
    const encryption = wished(values, request);
    return encryption === undefined ? { state: 'absent' } : { state: 'wellFormed', encryption, raw };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { state: 'illFormed', error, raw, asked: askedIn(values) };
  }
}

/** Facts 1.3, rows 1–7, 15, 16, 20, 21, 24. */
function wished(values: ReadonlyMap<string, string>, request: VerifiedRequest): Encryption<WireKeyId> | undefined {
  const method = values.get(SSE);
  if (method !== undefined && customerNames(CUSTOMER).some((name) => values.has(name)))
    throw argument(
      SSE,
      method,
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
    );
  const word = method === undefined ? undefined : WORDS[method];
  if (method !== undefined && word === undefined)
    throw argument(SSE, method, 'The encryption method specified is not supported');
  if (word?.kind !== 'kms') {
    for (const name of [SSE_KEY_ID, SSE_CONTEXT, SSE_BUCKET_KEY])
      if (values.has(name))
        throw argument(
          name,
          values.get(name) ?? '',
          'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
        );
    const key = decodeCustomerKey(values, CUSTOMER, request.wire.connection.secure);
    if (key !== undefined) return { kind: 'customer', algorithm: 'AES256', key };
    return word;
  }
  if (request.form === 'sigv2-presigned')
    throw argument(
      'Authorization',
      'null',
      'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
    );
  const context = decodeContext(values.get(SSE_CONTEXT));
  const bucketKey = decodeBoolean(values.get(SSE_BUCKET_KEY));
  if (bucketKey === true && word.layers === 2)
    throw argument(SSE_BUCKET_KEY, 'true', 'Bucket Keys are not supported for dual-layer server-side encryption.');
  return {
    ...word,
    key: (values.get(SSE_KEY_ID) ?? DEFAULT_KEY) as WireKeyId | typeof DEFAULT_KEY,
    ...(context === undefined ? {} : { context }),
    ...(bucketKey === undefined ? {} : { bucketKey }),
  };
}

function encodeClient(
  observed: ObservedEncryption<string> | undefined,
  options: { readonly context: boolean },
): HeaderLines {
  if (observed === undefined || observed.kind === 'none') return [];
  if (observed.kind === 'customer')
    return [
      [`${CUSTOMER}-algorithm`, observed.algorithm],
      [`${CUSTOMER}-key-md5`, observed.md5],
    ];
  // Rounding SM4 to AES256 in the answer would be a lie; the client gets the one header that is true.
  if (!canExpress(observed)) return [[FOREIGN_ENCRYPTION, observed.algorithm]];
  const lines: [string, string][] = [[SSE, wordOf(observed)]];
  if (observed.kind === 'kms') {
    if (observed.key !== undefined) lines.push([SSE_KEY_ID, observed.key]);
    if (options.context && observed.context !== undefined) lines.push([SSE_CONTEXT, encodeContext(observed.context)]);
    if (observed.bucketKey === true) lines.push([SSE_BUCKET_KEY, 'true']);
  }
  return lines;
}

function encodeStore(encryption: Encryption<StoreKeyId> | undefined): HeaderLines {
  if (encryption === undefined || encryption.kind === 'none') return [];
  if (encryption.kind === 'customer') return encodeCustomerKey(encryption.key, CUSTOMER);
  if (encryption.algorithm !== 'AES256')
    throw argument(SSE, encryption.algorithm, `The store has no ${encryption.algorithm} encryption.`);
  const lines: [string, string][] = [[SSE, wordOf(encryption)]];
  if (encryption.kind === 'kms') {
    if (encryption.key !== DEFAULT_KEY) lines.push([SSE_KEY_ID, encryption.key]);
    if (encryption.context !== undefined) lines.push([SSE_CONTEXT, encodeContext(encryption.context)]);
    if (encryption.bucketKey !== undefined) lines.push([SSE_BUCKET_KEY, String(encryption.bucketKey)]);
  }
  return lines;
}

function decodeStore(headers: HeaderLines): ObservedEncryption | undefined {
  const md5 = headerOf(headers, `${CUSTOMER}-key-md5`);
  if (headerOf(headers, `${CUSTOMER}-algorithm`) === 'AES256' && md5 !== undefined)
    return { kind: 'customer', algorithm: 'AES256', md5 };
  const word = WORDS[headerOf(headers, SSE) ?? ''];
  if (word?.kind !== 'kms') return word;
  const key = storeKeyId(headerOf(headers, SSE_KEY_ID));
  const context = observedContext(headerOf(headers, SSE_CONTEXT));
  return {
    ...word,
    key,
    ...(context === undefined ? {} : { context }),
    ...(headerOf(headers, SSE_BUCKET_KEY) === 'true' ? { bucketKey: true } : {}),
  };
}

function canExpress(encryption: ObservedEncryption<string>): boolean {
  return encryption.kind === 'none' || encryption.algorithm === 'AES256';
}

/** The S3 word of a method, in the model. The two newest words (`aws:fsx`, `aws:backup`) are no object's wish. */
export const WORDS: Readonly<
  Record<
    string,
    | { readonly kind: 'managed'; readonly algorithm: 'AES256' }
    | { readonly kind: 'kms'; readonly algorithm: 'AES256'; readonly layers: 1 | 2 }
  >
> = Object.freeze({
  __proto__: null as never,
  AES256: { kind: 'managed', algorithm: 'AES256' },
  'aws:kms': { kind: 'kms', algorithm: 'AES256', layers: 1 },
  'aws:kms:dsse': { kind: 'kms', algorithm: 'AES256', layers: 2 },
});

export function wordOf(
  encryption: { readonly kind: 'managed' } | { readonly kind: 'kms'; readonly layers: 1 | 2 },
): string {
  if (encryption.kind === 'managed') return 'AES256';
  return encryption.layers === 2 ? 'aws:kms:dsse' : 'aws:kms';
}

/** A store's own word for a key, undefined where it names none. */
export function storeKeyId(value: string | undefined): StoreKeyId | undefined {
  if (value === undefined || value === '') return undefined;
  return withoutPrefix(value) as StoreKeyId;
}

function checkForm(family: EncryptionFamily): void {
  if (family.unsupported !== undefined) throw notSupported(family.unsupported);
  if (family.repeated !== undefined)
    throw argument(family.repeated, undefined, `The ${family.repeated} header must not be repeated.`);
  if (family.empty !== undefined) throw argument(family.empty, '', `The ${family.empty} header must not be empty.`);
}

function askedIn(values: ReadonlyMap<string, string>): AskedEncryption {
  const method = values.get(SSE);
  const word = method === undefined ? undefined : WORDS[method];
  const encryption = word?.kind === 'kms' ? (word.layers === 2 ? 'kms:2' : 'kms') : method;
  const kmsKeyId = values.get(SSE_KEY_ID);
  const customerAlgorithm = values.get(`${CUSTOMER}-algorithm`);
  return {
    ...(encryption === undefined ? {} : { encryption }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    ...(customerAlgorithm === undefined ? {} : { customerAlgorithm }),
  };
}

function encodeContext(context: EncryptionContext): string {
  return Buffer.from(JSON.stringify(context), 'utf8').toString('base64');
}

/** Ill-formed ones are InvalidArgument (RGW words it `bad context: …`); an empty object names nothing to bind. */
function decodeContext(value: string | undefined): EncryptionContext | undefined {
  if (value === undefined) return undefined;
  const read = value.length > MAX_CONTEXT * 2 ? undefined : contextOf(value);
  if (read?.ok !== true)
    throw argument(
      SSE_CONTEXT,
      undefined,
      read?.reserved === undefined
        ? 'The encryption context must be base64-encoded UTF-8 JSON with string names and string values.'
        : `The name ${read.reserved} in an encryption context is reserved by the gateway.`,
    );
  return Object.keys(read.context).length === 0 ? undefined : read.context;
}

/** What the store added itself (`aws:s3:arn`) is no part of what was decided. */
function observedContext(value: string | undefined): EncryptionContext | undefined {
  const read = value === undefined ? undefined : contextOf(value);
  if (read?.ok !== true) return undefined;
  const own = Object.entries(read.context).filter(([name]) => name !== 'aws:s3:arn');
  return own.length === 0 ? undefined : Object.fromEntries(own);
}

function contextOf(value: string): ReturnType<typeof readContext> | undefined {
  const bytes = strictBase64(value);
  if (bytes === undefined) return undefined;
  try {
    return readContext(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function decodeBoolean(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  const lower = value.toLowerCase();
  if (lower !== 'true' && lower !== 'false') throw argument(SSE_BUCKET_KEY, value, 'The value must be true or false.');
  return lower === 'true';
}

function argument(name: string, value: string | undefined, message: string): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: { ArgumentName: name, ...(value === undefined ? {} : { ArgumentValue: value }) },
  });
}
