import { GatewayError } from '../../../model/errors.ts';
import type { OperationName } from '../../../model/operations.ts';
import type { WireRequest } from '../../../wire/message.ts';

/** The encryption family's fields of one request: lower-case name → value, from headers and from a presigned query. */
export interface EncryptionFamily {
  readonly values: ReadonlyMap<string, string>;
  /** Names that this operation does not take, or that nobody knows: the first of them. */
  readonly unsupported: readonly [name: string, value: string] | undefined;
  /** A name that stands there twice, or without a value. */
  readonly repeated: string | undefined;
  readonly empty: string | undefined;
}

export const SSE = 'x-amz-server-side-encryption';
export const SSE_KEY_ID = `${SSE}-aws-kms-key-id`;
export const SSE_CONTEXT = `${SSE}-context`;
export const SSE_BUCKET_KEY = `${SSE}-bucket-key-enabled`;
export const CUSTOMER = `${SSE}-customer`;
export const SOURCE_CUSTOMER = 'x-amz-copy-source-server-side-encryption-customer';

/** The three names of a customer's key under a prefix. */
export function customerNames(
  prefix: string,
): readonly [algorithm: `${string}-algorithm`, key: `${string}-key`, md5: `${string}-key-md5`] {
  return [`${prefix}-algorithm`, `${prefix}-key`, `${prefix}-key-md5`];
}

/** Reads the family. Nothing of it is judged but whether the operation takes it (S3 API model's header bindings). */
export function readFamily(wire: WireRequest, operation: OperationName): EncryptionFamily {
  const accepted = ACCEPTED[operation] ?? [];
  const values = new Map<string, string>();
  let unsupported: readonly [string, string] | undefined;
  let repeated: string | undefined;
  let empty: string | undefined;
  for (const [name, value] of familyFields(wire)) {
    if (!accepted.includes(name)) unsupported ??= [name, value];
    if (values.has(name)) repeated ??= name;
    else values.set(name, value);
    if (value === '') empty ??= name;
  }
  return { values, unsupported, repeated, empty };
}

/** Every field of the `*-server-side-*` family in a request, user metadata excepted. */
export function familyFields(wire: WireRequest): readonly (readonly [name: string, value: string])[] {
  const fields: (readonly [string, string])[] = [];
  for (const [name, value] of wire.headers) if (inFamily(name)) fields.push([name, value]);
  // The names in a presigned query count as headers: boto's SigV2 presigner puts them there.
  for (const { name, value } of wire.query) {
    const lower = name.toLowerCase();
    if (inFamily(lower)) fields.push([lower, value ?? '']);
  }
  return fields;
}

/** AWS's refusal of a field where it does not belong. A key's own bytes are never repeated. */
export function notSupported([name, value]: readonly [string, string]): GatewayError {
  return new GatewayError('InvalidArgument', `${name} header is not supported for this operation.`, {
    details: { ArgumentName: name, ...(/customer-key/.test(name) ? {} : { ArgumentValue: value }) },
  });
}

/** `x-…-server-side-…` of any vendor; user metadata may spell what it likes. */
export function inFamily(name: string): boolean {
  return /^x-(?!(?:amz|oss)-meta-).*server-side-/.test(name);
}

const WRITE = [SSE, SSE_KEY_ID, SSE_CONTEXT, SSE_BUCKET_KEY, ...customerNames(CUSTOMER)];
const KEY_ONLY = customerNames(CUSTOMER);
const ACCEPTED: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  PutObject: WRITE,
  CreateMultipartUpload: WRITE,
  CopyObject: [...WRITE, ...customerNames(SOURCE_CUSTOMER)],
  UploadPart: KEY_ONLY,
  UploadPartCopy: [...KEY_ONLY, ...customerNames(SOURCE_CUSTOMER)],
  CompleteMultipartUpload: KEY_ONLY,
  GetObject: KEY_ONLY,
  HeadObject: KEY_ONLY,
  GetObjectAttributes: KEY_ONLY,
  ListParts: KEY_ONLY,
};
