import { createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { CustomerKey } from '../model/encryption.ts';
import { contextFields, type EncryptionContext } from '../model/encryption-context.ts';
import { GatewayError } from '../model/errors.ts';
import { MANAGED_KEY, type Keyring, type WrapContext } from '../model/keyring.ts';
import type { SealHeader, WrappedKey } from '../model/seal.ts';
import { expand } from './hkdf.ts';
import { integrityError } from './integrity-error.ts';
import type { RandomBytes } from './random-bytes.ts';
import { DATA_KEY_SIZE } from './sizes.ts';
import { unwrapKey, wrapKey } from './wrap.ts';

/** Marks a data key that only the client can unwrap. */
const CUSTOMER_KEY_ID = 'customer';
const OID_SIZE = 16;
const MAC_KEY_SIZE = 64;
const META_KEY_SIZE = 32;

/** Under which key a new data key is to lie. */
export type DataKeyHome =
  | { readonly mode: 'managed' }
  /** `keyId` is the keyring's name of the policy's `alias`. */
  | { readonly mode: 'kms'; readonly alias: string; readonly keyId: string; readonly context?: EncryptionContext }
  | { readonly mode: 'customer'; readonly customerKey: CustomerKey };

/** Keys of the manifest and the sealed digests; both come from one that an SSE-C upload can keep without the data key. */
export interface ManifestKeys {
  readonly mac: KeyObject;
  readonly meta: KeyObject;
}

/** Mints object id and data key and wraps the key. `uploadId` is '' for what is not a multipart upload. */
export async function createDataKey(options: {
  readonly home: DataKeyHome;
  readonly bucket: string;
  readonly uploadId: string;
  readonly keyring: Keyring;
  readonly randomBytes: RandomBytes;
}): Promise<{ readonly header: SealHeader; readonly dataKey: KeyObject }> {
  const { home, bucket, keyring, randomBytes } = options;
  const oid = Buffer.from(randomBytes(OID_SIZE)).toString('hex');
  const client = home.mode === 'kms' ? home.context : undefined;
  const own = client === undefined || Object.keys(client).length === 0 ? undefined : { context: client };
  const context = wrapContext({ bucket, oid, ...own });
  const raw = Buffer.from(randomBytes(DATA_KEY_SIZE));
  try {
    const format = own === undefined ? 'bucketseal/v1' : 'bucketseal/v2';
    const common = { format, oid, bucket, uploadId: options.uploadId, mode: home.mode } as const;
    if (home.mode !== 'customer') {
      const keyId = home.mode === 'managed' ? MANAGED_KEY : home.keyId;
      const wrapped = await keyring.wrap(keyId, raw, context);
      return {
        header: { ...common, keyAlias: home.mode === 'kms' ? home.alias : '', ...own, wrapped },
        dataKey: createSecretKey(raw),
      };
    }
    const wrapped = wrapUnderCustomerKey(home.customerKey, raw, context, randomBytes);
    const header = { ...common, keyAlias: '', wrapped, customerKeyMd5: home.customerKey.md5 };
    if (options.uploadId === '') return { header, dataKey: createSecretKey(raw) };
    // Clients complete SSE-C uploads without their key (as at AWS), so what Complete needs waits under the managed key.
    const manifestKey = deriveManifestKey(raw, oid);
    const wrappedManifestKeys = await keyring.wrap(MANAGED_KEY, manifestKey, context);
    manifestKey.fill(0);
    return { header: { ...header, wrappedManifestKeys }, dataKey: createSecretKey(raw) };
  } finally {
    raw.fill(0);
  }
}

/** Unwraps an object's data key: by the keyring, or by the key that the client brought. */
export async function openDataKey(
  header: SealHeader,
  keyring: Keyring,
  customerKey: CustomerKey | undefined,
): Promise<KeyObject> {
  checkFormat(header);
  checkCustomerKey(header, customerKey);
  if (customerKey !== undefined) return openCustomerDataKey(header, customerKey);
  return toKeyObject(await keyring.unwrap(header.wrapped, wrapContext(header)));
}

/** Unwraps the data key of an SSE-C object. A key of the right MD5 that does not unwrap it is an integrity error. */
export function openCustomerDataKey(header: SealHeader, customerKey: CustomerKey): KeyObject {
  checkFormat(header);
  const opened = unwrapKey(
    customerKey.key.reveal(),
    { label: 'bucketseal/v1 ssec', fields: wrapFields(wrapContext(header)) },
    Buffer.from(header.wrapped.blob, 'base64'),
  );
  if (opened === undefined) throw integrityError('the data key does not unwrap under the customer key');
  return toKeyObject(opened);
}

/** The manifest's keys of an SSE-C upload under way, for Complete without the client's key. */
export async function openManifestKeys(header: SealHeader, keyring: Keyring): Promise<ManifestKeys> {
  checkFormat(header);
  if (header.wrappedManifestKeys === undefined) throw integrityError('the upload has no wrapped manifest keys');
  const raw = await keyring.unwrap(header.wrappedManifestKeys, wrapContext(header));
  return splitManifestKey(toKeyObject(raw), header.oid);
}

/** The manifest's keys of an object whose data key is at hand. */
export function manifestKeysOf(dataKey: KeyObject, oid: string): ManifestKeys {
  const raw = deriveManifestKey(dataKey, oid);
  const keys = splitManifestKey(createSecretKey(raw), oid);
  raw.fill(0);
  return keys;
}

/**
 * The answers to a customer's key that is missing, wrong or not asked for (AWS: 400 InvalidRequest, 403 AccessDenied,
 * 400 InvalidRequest). Keys are told apart by their MD5, which decoding has checked against the key.
 */
export function checkCustomerKey(
  header: Pick<SealHeader, 'mode' | 'customerKeyMd5'>,
  customerKey: CustomerKey | undefined,
): void {
  if (header.mode !== 'customer') {
    if (customerKey === undefined) return;
    throw new GatewayError('InvalidRequest', 'The encryption parameters are not applicable to this object.');
  }
  if (customerKey === undefined) {
    throw new GatewayError(
      'InvalidRequest',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    );
  }
  if (!sameText(customerKey.md5, header.customerKeyMd5 ?? '')) {
    throw new GatewayError(
      'AccessDenied',
      'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
    );
  }
}

/** What a wrapped key is bound to. The object's key is not in it: KMS logs show it in clear. */
export function wrapContext({ bucket, oid, context }: Pick<SealHeader, 'bucket' | 'oid' | 'context'>): WrapContext {
  return { gw: 'bucketseal/v1', tenant: '', bucket, oid, ...(context === undefined ? {} : { client: context }) };
}

/** The fields of a wrap context in their order, for keyrings that bind them themselves. */
export function wrapFields(context: WrapContext): readonly string[] {
  return [context.gw, context.tenant, context.bucket, context.oid, ...contextFields(context.client)];
}

function wrapUnderCustomerKey(
  customerKey: CustomerKey,
  dataKey: Uint8Array,
  context: WrapContext,
  randomBytes: RandomBytes,
): WrappedKey {
  const blob = wrapKey(
    customerKey.key.reveal(),
    { label: 'bucketseal/v1 ssec', fields: wrapFields(context) },
    dataKey,
    randomBytes,
  );
  return { keyId: CUSTOMER_KEY_ID, keyVersion: '', blob: blob.toString('base64') };
}

function checkFormat(header: SealHeader): void {
  // A record comes from a store, so the type proves nothing; any other format is refused, never tried (CVE-2020-8912).
  const format: string = header.format;
  if (format !== 'bucketseal/v1' && format !== 'bucketseal/v2') throw integrityError('unknown seal format');
  if ((format === 'bucketseal/v2') !== contextFields(header.context).length > 0)
    throw integrityError('format and encryption context disagree');
  if (!/^[0-9a-f]{32}$/.test(header.oid)) throw integrityError('malformed object id');
}

/** Any length but 32 is refused: a short key was once padded by repetition elsewhere. */
function toKeyObject(raw: Uint8Array): KeyObject {
  if (raw.length !== DATA_KEY_SIZE) throw integrityError(`a data key of ${raw.length} bytes`);
  const key = createSecretKey(raw);
  raw.fill(0);
  return key;
}

function deriveManifestKey(dataKey: KeyObject | Uint8Array, oid: string): Buffer {
  return expand(dataKey, label('bucketseal/v1 manifest', oid), DATA_KEY_SIZE);
}

function splitManifestKey(manifestKey: KeyObject, oid: string): ManifestKeys {
  const mac = expand(manifestKey, label('bucketseal/v1 manifest-mac', oid), MAC_KEY_SIZE);
  const meta = expand(manifestKey, label('bucketseal/v1 sealed-meta', oid), META_KEY_SIZE);
  const keys = { mac: createSecretKey(mac), meta: createSecretKey(meta) };
  mac.fill(0);
  meta.fill(0);
  return keys;
}

function label(purpose: string, oid: string): Buffer {
  return Buffer.from(`${purpose}\0${oid}`, 'utf8');
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}
