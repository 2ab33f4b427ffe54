import {
  DEFAULT_KEY,
  type DataAlgorithm,
  type Encryption,
  type ObservedEncryption,
  type StoreKeyId,
  type WireKeyId,
} from '../../../model/encryption.ts';
import { readContext, type EncryptionContext } from '../../../model/encryption-context.ts';
import { GatewayError, type GatewayErrorOptions } from '../../../model/errors.ts';
import type { AskedEncryption, Wish } from '../../../model/objects.ts';
import { headerOf, type HeaderLines, type WireRequest } from '../../../wire/message.ts';

const ALGORITHM = 'x-oss-server-side-encryption';
const KEY_ID = 'x-oss-server-side-encryption-key-id';
const DATA_ALGORITHM = 'x-oss-server-side-data-encryption';
const CONTEXT = 'x-oss-server-side-encryption-context';

const FAMILY = /^x-(?!(?:oss|amz)-meta-).*server-side-/;
const KNOWN = new Set([ALGORITHM, KEY_ID, DATA_ALGORITHM, CONTEXT]);
const ECHO = 'x-oss-copy-source-';
const CUSTOMER = /-customer-(?:algorithm|key|key-md5)$/;
/** Bytes of an encryption context; AWS KMS takes 8 KiB, OSS names no limit. */
const MAX_CONTEXT = 8192;

type Fields = readonly (readonly [name: string, value: string])[];

/** The family's headers of a request; in a query the names count as headers. */
export function encryptionFields(wire: Pick<WireRequest, 'headers' | 'query'>): Fields {
  const inQuery = wire.query.map(({ name, value }) => [name.toLowerCase(), headerText(value ?? '')] as const);
  const fields = [...wire.headers, ...inQuery].filter(([name]) => FAMILY.test(name));
  return fields.filter(([name, value]) => !isEcho(name, value, wire.headers));
}

/** A parameter's value as a header would carry it: bytes as latin1. */
function headerText(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** ali-oss `copy` sends every header twice, the second time under `x-oss-copy-source-`: the same words say nothing more. */
function isEcho(name: string, value: string, headers: HeaderLines): boolean {
  return name.startsWith(ECHO) && headerOf(headers, name.slice(ECHO.length)) === value;
}

/** What the headers of a write ask for. Ill-formed stays a value: a stored bucket policy may answer first. */
export function decodeWish(fields: Fields): Wish {
  // A context may hold personal data: for the audit it is enough that it was there.
  const raw = fields.map(([name, value]) => (name === CONTEXT ? name : `${name}: ${value}`)).join(', ');
  try {
    refuseUnknown(fields);
    const encryption = decodeFields(fields);
    if (encryption !== undefined) return { state: 'wellFormed', encryption, raw };
    // OSS ignores the data algorithm where no KMS is asked for; the audit record keeps it.
    return raw === '' ? { state: 'absent' } : { state: 'absent', ignored: raw };
  } catch (error) {
    if (error instanceof GatewayError) return { state: 'illFormed', error, raw, asked: askedOf(fields) };
    throw error;
  }
}

/** Parts and Complete: ali-oss repeats the initiate's headers but for the algorithm; the algorithm itself is a 400 at OSS. */
export function decodeRepeatedWish(fields: Fields): Wish | undefined {
  if (fields.length === 0) return undefined;
  if (fields.some(([name]) => name === ALGORITHM)) throw notApplicable(ALGORITHM);
  return decodeWish([[ALGORITHM, 'KMS'], ...fields]);
}

/** A bucket's rule has no context (PutBucket takes the three headers of the rule): there it would be dropped. */
export function refuseContext(fields: Fields): void {
  if (valueOf(fields, CONTEXT) !== undefined) throw notApplicable(CONTEXT);
}

/** For operations that take no encryption at all. */
export function refuseEncryption(fields: Fields): void {
  const [first] = fields;
  if (first !== undefined) throw notApplicable(first[0]);
}

/** Headers that tell a store how to encrypt. What OSS cannot express is refused, never rounded down. */
export function encodeEncryption(encryption: Encryption<StoreKeyId> | undefined): HeaderLines {
  if (encryption === undefined || encryption.kind === 'none') return [];
  if (encryption.kind === 'managed') return [[ALGORITHM, encryption.algorithm]];
  if (encryption.kind === 'customer') throw inexpressible('a customer-provided key (SSE-C)');
  if (encryption.layers !== 1) throw inexpressible('two layers of encryption (aws:kms:dsse)');
  const lines: [string, string][] = [[ALGORITHM, 'KMS']];
  if (encryption.key !== DEFAULT_KEY) lines.push([KEY_ID, encryption.key]);
  if (encryption.algorithm === 'SM4') lines.push([DATA_ALGORITHM, 'SM4']);
  if (encryption.context !== undefined) {
    if (encryption.key === DEFAULT_KEY) throw inexpressible('an encryption context without a key id');
    lines.push([CONTEXT, asciiJson(encryption.context)]);
  }
  return lines;
}

/** What a store's answer says; no header means that the object is not encrypted. */
export function decodeObserved(headers: HeaderLines): ObservedEncryption {
  const algorithm = headerOf(headers, ALGORITHM);
  if (algorithm === undefined || algorithm === '') return { kind: 'none' };
  if (algorithm === 'AES256' || algorithm === 'SM4') return { kind: 'managed', algorithm };
  const data = headerOf(headers, DATA_ALGORITHM);
  if (algorithm !== 'KMS' || (data !== undefined && data !== 'SM4' && data !== 'AES256'))
    throw new GatewayError('EncryptionNotHonoured', 'The store names an encryption that this gateway does not know.');
  const key = headerOf(headers, KEY_ID);
  return {
    kind: 'kms',
    key: key === undefined || key === '' ? undefined : (key as StoreKeyId),
    algorithm: data ?? 'AES256',
    layers: 1,
  };
}

/** Headers of an answer to an OSS client; what OSS has no words for gets none (the gateway names it in a header of its own). */
export function encodeObserved(encryption: ObservedEncryption<string> | undefined): HeaderLines {
  if (
    encryption === undefined ||
    encryption.kind === 'none' ||
    encryption.kind === 'customer' ||
    !expresses(encryption)
  )
    return [];
  if (encryption.kind !== 'kms') return [[ALGORITHM, encryption.algorithm]];
  const lines: [string, string][] = [[ALGORITHM, 'KMS']];
  if (encryption.key !== undefined) lines.push([KEY_ID, encryption.key]);
  if (encryption.algorithm === 'SM4') lines.push([DATA_ALGORITHM, 'SM4']);
  return lines;
}

/** Whether OSS has words for it: no customer keys, no second layer. */
export function expresses(encryption: ObservedEncryption<string>): boolean {
  return encryption.kind !== 'customer' && !(encryption.kind === 'kms' && encryption.layers === 2);
}

/** `AES256`, `SM4`, `KMS` exactly as written; anything else is OSS's own error. */
export function algorithmOf(text: string, message: string): DataAlgorithm | 'KMS' {
  if (text === 'AES256' || text === 'SM4' || text === 'KMS') return text;
  throw new GatewayError('InvalidEncryptionAlgorithmError', message, { ec: '0005-00000003' });
}

/** The data algorithm under KMS; absent is AES-256. */
export function dataAlgorithmOf(text: string | undefined): DataAlgorithm {
  if (text === undefined) return 'AES256';
  if (text === 'SM4') return 'SM4';
  throw new GatewayError(
    'InvalidDataEncryptionAlgorithmError',
    'The KMS Data Encryption request you specified is not valid. Supported value:SM4',
    { ec: '0005-00000203' },
  );
}

export function keyNotApplicable(): GatewayError {
  return new GatewayError(
    'InvalidArgument',
    'KMSMasterKeyID is not applicable if the default sse algorithm is not KMS',
    {
      ec: '0005-00000204',
      details: { ArgumentName: KEY_ID },
    },
  );
}

function decodeFields(fields: Fields): Encryption<WireKeyId> | undefined {
  const text = valueOf(fields, ALGORITHM);
  const key = valueOf(fields, KEY_ID);
  const data = dataAlgorithmOf(valueOf(fields, DATA_ALGORITHM));
  const context = valueOf(fields, CONTEXT);
  const algorithm =
    text === undefined ? undefined : algorithmOf(text, 'The encryption algorithm specified is not valid.');
  if (algorithm !== 'KMS') {
    if (key !== undefined) throw keyNotApplicable();
    if (context !== undefined) throw contextError('0005-00000228', 'The encryption context needs KMS and a key id.');
    return algorithm === undefined ? undefined : { kind: 'managed', algorithm };
  }
  if (key === '')
    throw new GatewayError('KMS.InvalidKeyId', 'The specified parameter KMS keyId is not valid.', {
      ec: '0005-00000205',
    });
  if (context === undefined)
    return { kind: 'kms', key: key === undefined ? DEFAULT_KEY : (key as WireKeyId), algorithm: data, layers: 1 };
  if (key === undefined) throw contextError('0005-00000228', 'The encryption context needs a key id.');
  const own = contextOf(context);
  const named = Object.keys(own).length === 0 ? {} : { context: own };
  return { kind: 'kms', key: key as WireKeyId, algorithm: data, layers: 1, ...named };
}

/** What could be read of an ill-formed wish. */
function askedOf(fields: Fields): AskedEncryption {
  const algorithm = valueOf(fields, ALGORITHM);
  const key = valueOf(fields, KEY_ID);
  return {
    ...(algorithm === undefined ? {} : { encryption: algorithm === 'KMS' ? 'kms' : algorithm }),
    ...(key === undefined ? {} : { kmsKeyId: key }),
  };
}

function refuseUnknown(fields: Fields): void {
  const seen = new Set<string>();
  for (const [name] of fields) {
    if (CUSTOMER.test(name))
      throw invalid(name, 'OSS has no server-side encryption with customer-provided keys (SSE-C).');
    if (!KNOWN.has(name)) throw invalid(name, `The header ${name} is not known.`);
    if (seen.has(name)) throw invalid(name, `The header ${name} is given more than once.`);
    seen.add(name);
  }
}

function valueOf(fields: Fields, name: string): string | undefined {
  return fields.find(([candidate]) => candidate === name)?.[1];
}

/** Plain JSON at OSS, base64 at S3. */
function contextOf(text: string): EncryptionContext {
  const read = text.length > MAX_CONTEXT ? undefined : readContext(utf8Of(text) ?? '');
  if (read?.ok === true) return read.context;
  throw contextError(
    '0005-00000230',
    read?.reserved === undefined
      ? 'The encryption context must be a JSON object of strings.'
      : `The name ${read.reserved} in an encryption context is reserved by the gateway.`,
  );
}

/** The bytes of a header as text; undefined where they are no UTF-8. */
function utf8Of(header: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return undefined;
  }
}

/** JSON of printable ASCII only: a header carries nothing else safely. */
function asciiJson(context: EncryptionContext): string {
  return JSON.stringify(context).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function notApplicable(name: string): GatewayError {
  return invalid(name, `${name} header is not supported for this operation.`, { ec: '0005-00000002' });
}

function contextError(ec: string, message: string): GatewayError {
  return invalid(CONTEXT, message, { ec });
}

function inexpressible(what: string): GatewayError {
  return invalid(ALGORITHM, `Alibaba OSS cannot express ${what}; nothing was stored.`);
}

function invalid(name: string, message: string, options: GatewayErrorOptions = {}): GatewayError {
  return new GatewayError('InvalidArgument', message, { ...options, details: { ArgumentName: name } });
}
