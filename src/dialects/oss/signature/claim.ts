import { GatewayError } from '../../../model/errors.ts';
import { headersOf, queryOf, type WireRequest } from '../../../wire/message.ts';
import type { Claim } from '../../dialect.ts';
import { ALGORITHM_V4, TERMINATOR_V4, type Scope } from './v4.ts';

/** A signature as the request presents it; not yet believed. */
export type Presented = PresentedOld | PresentedV4;

export interface PresentedOld {
  readonly form: 'oss-v1' | 'oss-v1-url' | 'oss-v2' | 'oss-v2-url';
  readonly accessKeyId: string;
  readonly signature: string;
  /** Unix seconds as written; URL forms only. */
  readonly expires?: string;
  readonly additionalHeaders: readonly string[];
}

export interface PresentedV4 {
  readonly form: 'oss-v4' | 'oss-v4-url';
  readonly accessKeyId: string;
  readonly signature: string;
  readonly scope: Scope;
  /** Lifetime in seconds as written; URL form only. */
  readonly expires?: string;
  readonly additionalHeaders: readonly string[];
}

const OSS_SCHEME = /^(?:OSS|OSS2|OSS4-HMAC-SHA256)(?: |$)/;
const OSS_QUERY = [
  'OSSAccessKeyId',
  'x-oss-signature-version',
  'x-oss-credential',
  'x-oss-access-key-id',
  'x-oss-signature',
];
const FOREIGN_QUERY = [
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-signature',
  'x-amz-security-token',
  'awsaccesskeyid',
];

/** Whether the request carries an OSS signature, and for which access key. */
export function claimOf(wire: WireRequest): Claim | undefined {
  const inHeader = headersOf(wire.headers, 'authorization').some((value) => OSS_SCHEME.test(value));
  if (!inHeader && !carriesQuerySignature(wire)) return undefined;
  try {
    return { accessKeyId: presentedSignature(wire).accessKeyId };
  } catch {
    return { accessKeyId: undefined };
  }
}

/** Every name of the family is Alibaba's alone. */
export function speaksOss(wire: WireRequest): boolean {
  return [...wire.headers.map(([name]) => name), ...wire.query.map(({ name }) => name)].some((name) =>
    name.toLowerCase().startsWith('x-oss-'),
  );
}

/** The one signature of the request. Throws InvalidArgument for two mechanisms, a foreign vendor's headers or a malformed one. */
export function presentedSignature(wire: WireRequest): Presented {
  const authorization = headersOf(wire.headers, 'authorization');
  const foreign = wire.query.find(({ name }) => FOREIGN_QUERY.includes(name.toLowerCase()));
  if (authorization.length > 1 || (authorization.length === 1 && carriesQuerySignature(wire)) || foreign !== undefined)
    throw argument('Only one authentication mechanism is allowed in a request.', 'Authorization');
  const header = authorization[0];
  if (header !== undefined) return fromHeader(header);
  const version = queryOf(wire.query, 'x-oss-signature-version');
  const old = wire.query.some(({ name }) => name === 'OSSAccessKeyId');
  if (version !== undefined && old)
    throw argument('Only one authentication mechanism is allowed in a request.', 'OSSAccessKeyId');
  if (version === ALGORITHM_V4) return fromQueryV4(wire);
  if (version === 'OSS2') return fromQueryV2(wire);
  if (version !== undefined) throw argument('The signature version is invalid.', 'x-oss-signature-version', version);
  if (old) return fromQueryV1(wire);
  throw argument('The signature version is missing.', 'x-oss-signature-version');
}

function carriesQuerySignature(wire: WireRequest): boolean {
  return wire.query.some(({ name }) => OSS_QUERY.includes(name));
}

function fromHeader(header: string): Presented {
  if (header.startsWith(`${ALGORITHM_V4} `)) return fromHeaderV4(header.slice(ALGORITHM_V4.length + 1));
  if (header.startsWith('OSS2 ')) {
    const fields = fieldsOf(header.slice(5), ':');
    return {
      form: 'oss-v2',
      accessKeyId: needed(fields.get('AccessKeyId')),
      signature: needed(fields.get('Signature')),
      additionalHeaders: listOf(fields.get('AdditionalHeaders')),
    };
  }
  const match = /^OSS ([^:\s]+):([^:\s]+)$/.exec(header);
  if (match === null) throw malformed();
  return { form: 'oss-v1', accessKeyId: needed(match[1]), signature: needed(match[2]), additionalHeaders: [] };
}

function fromHeaderV4(text: string): PresentedV4 {
  const fields = fieldsOf(text, '=');
  return {
    form: 'oss-v4',
    ...credentialOf(needed(fields.get('Credential'))),
    signature: needed(fields.get('Signature')),
    additionalHeaders: listOf(fields.get('AdditionalHeaders')),
  };
}

function fromQueryV4(wire: WireRequest): PresentedV4 {
  return {
    form: 'oss-v4-url',
    ...credentialOf(needed(queryOf(wire.query, 'x-oss-credential'))),
    signature: needed(queryOf(wire.query, 'x-oss-signature')),
    expires: queryOf(wire.query, 'x-oss-expires') ?? '',
    additionalHeaders: listOf(queryOf(wire.query, 'x-oss-additional-headers')),
  };
}

function fromQueryV2(wire: WireRequest): PresentedOld {
  return {
    form: 'oss-v2-url',
    accessKeyId: neededInQuery(queryOf(wire.query, 'x-oss-access-key-id')),
    signature: base64(neededInQuery(queryOf(wire.query, 'x-oss-signature'))),
    expires: neededInQuery(queryOf(wire.query, 'x-oss-expires')),
    additionalHeaders: listOf(queryOf(wire.query, 'x-oss-additional-headers')),
  };
}

function fromQueryV1(wire: WireRequest): PresentedOld {
  return {
    form: 'oss-v1-url',
    accessKeyId: neededInQuery(queryOf(wire.query, 'OSSAccessKeyId')),
    signature: base64(neededInQuery(queryOf(wire.query, 'Signature'))),
    expires: neededInQuery(queryOf(wire.query, 'Expires')),
    additionalHeaders: [],
  };
}

function credentialOf(text: string): { accessKeyId: string; scope: Scope } {
  const parts = text.split('/');
  const [accessKeyId, date, region, product, terminator] = parts;
  const sound =
    parts.length === 5 &&
    accessKeyId !== '' &&
    /^\d{8}$/.test(date ?? '') &&
    /^[A-Za-z0-9-]+$/.test(region ?? '') &&
    (product === 'oss' || product === 'oss-cloudbox') &&
    terminator === TERMINATOR_V4;
  if (!sound) throw argument('Invalid credential in Authorization header.', 'Credential', text);
  return { accessKeyId: accessKeyId ?? '', scope: { date: date ?? '', region: region ?? '', product } };
}

/** SDKs disagree on the order of the fields and on the blank after the comma. */
function fieldsOf(text: string, separator: ':' | '='): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const at = field.indexOf(separator);
    const name = field.slice(0, Math.max(at, 0)).trim();
    if (
      at === -1 ||
      fields.has(name) ||
      !['AccessKeyId', 'Credential', 'AdditionalHeaders', 'Signature'].includes(name)
    )
      throw malformed();
    fields.set(name, field.slice(at + 1).trim());
  }
  return fields;
}

/** An empty list and a trailing `;` are errors of their own at OSS (EC 0002-00000209, 0002-00000210). */
function listOf(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const names = text.toLowerCase().split(';');
  if (names.includes(''))
    throw new GatewayError('InvalidArgument', 'Invalid AdditionalHeaders.', {
      ec: text === '' ? '0002-00000209' : '0002-00000210',
      details: { ArgumentName: 'AdditionalHeaders', ArgumentValue: text },
    });
  return names;
}

/** A base64 `+` that a hand-made URL left unescaped was read as a space. */
function base64(text: string): string {
  return text.replaceAll(' ', '+');
}

function needed(value: string | undefined): string {
  if (value === undefined || value === '') throw malformed();
  return value;
}

function neededInQuery(value: string | undefined): string {
  if (value === undefined || value === '')
    throw new GatewayError(
      'AccessDenied',
      'Query string authentication requires the Signature, Expires and OSSAccessKeyId parameters.',
    );
  return value;
}

function malformed(): GatewayError {
  return argument('Authorization header is invalid.', 'Authorization');
}

function argument(message: string, name: string, value?: string): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: value === undefined ? { ArgumentName: name } : { ArgumentName: name, ArgumentValue: value },
  });
}
