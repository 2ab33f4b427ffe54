import { GatewayError } from '../../../model/errors.ts';
import { formatBasicDate, parseBasicDate, parseHttpDate } from '../../../wire/http-date.ts';
import { headerOf, headersOf } from '../../../wire/message.ts';
import type { QueryParameter, WireRequest } from '../../../wire/message.ts';
import { parseCredential } from './credential-scope.ts';
import type { CredentialScope } from './credential-scope.ts';
import { ALGORITHM_V4, onlyQueryValue } from './mechanism.ts';

/** What a SigV4 request says of its signature, in headers or in a presigned query. Nothing of it is proven yet. */
export interface SignedParts {
  readonly form: 'sigv4' | 'sigv4-presigned';
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261121T170000Z`, as it is signed. */
  readonly timestamp: string;
  /** The timestamp in ms since the epoch. */
  /** Last line of the canonical request. */
  readonly payloadHash: string;
  readonly sessionTokens: readonly string[];
}

/** 15 minutes, as at S3. */
const MAX_SKEW_MS = 900_000;
/** 7 days in seconds. */
const MAX_EXPIRES = 604_800;
const PRESIGNED = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-Date',
  'X-Amz-SignedHeaders',
  'X-Amz-Expires',
] as const;

/** Parses `Authorization` (without its algorithm) and the headers that belong to it, and judges the clock. */
export function partsOfHeader(wire: WireRequest, parameters: string, now: number): SignedParts {
  const fields = headerFields(parameters);
  const outcome = parseCredential(fields.credential);
  if (!outcome.ok) throw malformedHeader(outcome.problem);
  const { timestamp, signedAt } = headerDate(wire);
  if (outcome.scope.date !== timestamp.slice(0, 8))
    throw malformedHeader(
      `Invalid credential date "${outcome.scope.date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`,
    );
  // A captured request must not work for longer (replay).
  if (Math.abs(now - signedAt) > MAX_SKEW_MS)
    throw new GatewayError(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      {
        details: {
          RequestTime: timestamp,
          ServerTime: isoSeconds(now),
          MaxAllowedSkewMilliseconds: MAX_SKEW_MS,
        },
      },
    );
  const hashes = headersOf(wire.headers, 'x-amz-content-sha256');
  const [payloadHash] = hashes;
  if (payloadHash === undefined)
    throw new GatewayError('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  return {
    form: 'sigv4',
    scope: outcome.scope,
    signedHeaders: parseSignedHeaders(fields.signedHeaders, () =>
      malformedHeader('the SignedHeaders parameter is mal-formed.'),
    ),
    signature: fields.signature,
    timestamp,
    payloadHash: hashes.join(','),
    sessionTokens: headersOf(wire.headers, 'x-amz-security-token'),
  };
}

/** Parses the query of a presigned URL and judges its lifetime. */
export function partsOfQuery(wire: WireRequest, now: number): SignedParts {
  const [algorithm, credential, signature, timestamp, names, expires] = PRESIGNED.map((name) =>
    onlyQueryValue(wire.query, name),
  );
  if (
    algorithm === undefined ||
    credential === undefined ||
    signature === undefined ||
    timestamp === undefined ||
    names === undefined ||
    expires === undefined
  )
    throw malformedQuery(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  if (algorithm !== ALGORITHM_V4) throw malformedQuery(`X-Amz-Algorithm only supports "${ALGORITHM_V4}"`);
  const outcome = parseCredential(credential);
  if (!outcome.ok) throw malformedQuery(`Error parsing the X-Amz-Credential parameter; ${outcome.problem}`);
  const signedAt = parseBasicDate(timestamp);
  if (signedAt === undefined)
    throw malformedQuery(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  if (outcome.scope.date !== timestamp.slice(0, 8))
    throw malformedQuery(
      `Error parsing the X-Amz-Credential parameter; Invalid credential date "${outcome.scope.date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`,
    );
  judgeLifetime(signedAt, expires, now);
  const signedHeaders = parseSignedHeaders(names, () => malformedQuery('X-Amz-SignedHeaders is mal-formed.'));
  return {
    form: 'sigv4-presigned',
    scope: outcome.scope,
    signedHeaders,
    signature,
    timestamp,
    payloadHash: presignedPayloadHash(wire, signedHeaders),
    sessionTokens: [
      ...valuesOf(wire.query, 'X-Amz-Security-Token'),
      ...headersOf(wire.headers, 'x-amz-security-token'),
    ],
  };
}

/** `2026-11-21T17:00:00Z`, as S3 writes the times of its errors. */
export function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function judgeLifetime(signedAt: number, expires: string, now: number): void {
  if (!/^-?\d+$/.test(expires)) throw malformedQuery('X-Amz-Expires should be a number');
  const seconds = Number(expires);
  if (seconds < 0) throw malformedQuery('X-Amz-Expires must be non-negative');
  if (seconds === 0) throw malformedQuery('X-Amz-Expires must be at least 1 second');
  if (seconds > MAX_EXPIRES)
    throw malformedQuery(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${MAX_EXPIRES} seconds`,
    );
  if (signedAt - now > MAX_SKEW_MS) throw new GatewayError('AccessDenied', 'Request is not valid yet');
  const end = signedAt + seconds * 1000;
  if (now > end)
    throw new GatewayError('AccessDenied', 'Request has expired', {
      details: { 'X-Amz-Expires': seconds, Expires: isoSeconds(end), ServerTime: isoSeconds(now) },
    });
}

/** A header counts only where it is signed: otherwise whoever sends the URL could choose the line that was signed. */
function presignedPayloadHash(wire: WireRequest, signedHeaders: readonly string[]): string {
  const inQuery = wire.query.filter(({ name }) => name.toLowerCase() === 'x-amz-content-sha256');
  if (inQuery.length > 1) throw malformedQuery('X-Amz-Content-Sha256 must be given once.');
  const header = signedHeaders.includes('x-amz-content-sha256')
    ? headerOf(wire.headers, 'x-amz-content-sha256')
    : undefined;
  return inQuery[0]?.value ?? header ?? 'UNSIGNED-PAYLOAD';
}

function headerFields(parameters: string): { credential: string; signedHeaders: string; signature: string } {
  const fields = new Map<string, string>();
  for (const field of parameters.split(',')) {
    // Trimmed first: a pattern that trims by itself backtracks over every blank of a crafted header.
    const [, name, value] = /^(Credential|SignedHeaders|Signature)=(.*)$/.exec(field.trim()) ?? [];
    if (name === undefined || value === undefined || fields.has(name))
      throw malformedHeader('it must hold Credential, SignedHeaders and Signature, each once.');
    fields.set(name, value);
  }
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((name) =>
    fields.get(name),
  );
  if (credential === undefined) throw malformedHeader('missing Credential.');
  if (signedHeaders === undefined) throw malformedHeader('missing SignedHeaders.');
  if (signature === undefined) throw malformedHeader('missing Signature.');
  return { credential, signedHeaders, signature };
}

function headerDate(wire: WireRequest): { timestamp: string; signedAt: number } {
  const own = headersOf(wire.headers, 'x-amz-date');
  const dates = own.length > 0 ? own : headersOf(wire.headers, 'date');
  const [text] = dates;
  const signedAt = text === undefined || dates.length > 1 ? undefined : (parseBasicDate(text) ?? parseHttpDate(text));
  if (signedAt === undefined)
    throw new GatewayError('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  return { timestamp: formatBasicDate(signedAt), signedAt };
}

/** Lower case, sorted, each once: anything else has two readings. */
function parseSignedHeaders(text: string, malformed: () => GatewayError): readonly string[] {
  const names = text.split(';');
  const sorted = names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name);
  if (!sorted || !names.every((name) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) throw malformed();
  return names;
}

function valuesOf(query: readonly QueryParameter[], name: string): readonly string[] {
  return query.filter((parameter) => parameter.name === name).map(({ value }) => value ?? '');
}

function malformedHeader(problem: string): GatewayError {
  return new GatewayError('AuthorizationHeaderMalformed', `The authorization header is malformed; ${problem}`);
}

function malformedQuery(message: string): GatewayError {
  return new GatewayError('AuthorizationQueryParametersError', message);
}
