import { GatewayError } from '../../../model/errors.ts';
import { headersOf, queryOf } from '../../../wire/message.ts';
import type { QueryParameter, WireRequest } from '../../../wire/message.ts';

/** How a request says who sent it. */
export type Mechanism =
  | { readonly kind: 'none' | 'header-v2' | 'query-v4' | 'query-v2' | 'asymmetric' | 'foreign' }
  | { readonly kind: 'header-v4'; readonly parameters: string }
  /** More than one: what is verified and what is obeyed could differ. */
  | { readonly kind: 'conflict' };

/** The S3 algorithm of SigV4, in headers and queries. */
export const ALGORITHM_V4 = 'AWS4-HMAC-SHA256';
const ALGORITHM_V4A = 'AWS4-ECDSA-P256-SHA256';
const QUERY_V4 = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature'];
const QUERY_V2 = ['AWSAccessKeyId'];
const QUERY_FOREIGN = ['OSSAccessKeyId', 'x-oss-signature-version', 'x-oss-signature', 'x-oss-credential'];

/** Finds the one mechanism of a request, before any secret is touched. */
export function mechanismOf(wire: WireRequest): Mechanism {
  const authorizations = headersOf(wire.headers, 'authorization');
  const has = (names: readonly string[]): boolean => wire.query.some(({ name }) => names.includes(name));
  const [v4, v2, foreign] = [has(QUERY_V4), has(QUERY_V2), has(QUERY_FOREIGN)];
  const [authorization] = authorizations;
  if (authorizations.length + Number(v4) + Number(v2) + Number(foreign) > 1) return { kind: 'conflict' };
  if (authorization !== undefined) return headerMechanism(authorization);
  if (v4) return { kind: queryOf(wire.query, 'X-Amz-Algorithm') === ALGORITHM_V4A ? 'asymmetric' : 'query-v4' };
  if (v2) return { kind: 'query-v2' };
  return { kind: foreign ? 'foreign' : 'none' };
}

/** Whether the request carries any mechanism that S3 knows: then its errors are S3's to word. */
export function speaksS3(wire: WireRequest, mechanism: Mechanism): boolean {
  if (mechanism.kind !== 'conflict') return mechanism.kind !== 'none' && mechanism.kind !== 'foreign';
  return (
    wire.query.some(({ name }) => QUERY_V4.includes(name) || QUERY_V2.includes(name)) ||
    headersOf(wire.headers, 'authorization').some((value) => headerMechanism(value).kind !== 'foreign')
  );
}

/** The refusal of a request with several mechanisms. The header's value stays out: it opens doors for 15 minutes. */
export function severalMechanisms(): GatewayError {
  return new GatewayError(
    'InvalidArgument',
    'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    { details: { ArgumentName: 'Authorization' } },
  );
}

/** A parameter that must stand exactly once: of two, one would be verified and the other obeyed. */
export function onlyQueryValue(query: readonly QueryParameter[], name: string): string | undefined {
  const found = query.filter((parameter) => parameter.name === name);
  return found.length === 1 ? (found[0]?.value ?? '') : undefined;
}

function headerMechanism(authorization: string): Mechanism {
  const [scheme = ''] = authorization.split(' ', 1);
  switch (scheme) {
    case ALGORITHM_V4:
      return { kind: 'header-v4', parameters: authorization.slice(scheme.length) };
    case ALGORITHM_V4A:
      return { kind: 'asymmetric' };
    case 'AWS':
      return { kind: 'header-v2' };
    default:
      return { kind: 'foreign' };
  }
}
