import { createHash, createHmac } from 'node:crypto';
import { encodeComponent, encodePath } from '../../../wire/percent-encoding.ts';
import { byBytes, headerMap, resourcePath, type Signable } from './canonical-request.ts';

export const ALGORITHM_V4 = 'OSS4-HMAC-SHA256';
export const TERMINATOR_V4 = 'aliyun_v4_request';
/** OSS never hashes a payload: any other value is refused (EC 0002-00000214). */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** `<date>/<region>/<product>/aliyun_v4_request`. */
export interface Scope {
  readonly date: string;
  readonly region: string;
  /** `oss`, or `oss-cloudbox` with the cloud box's id as region. */
  readonly product: string;
}

export interface SignableV4 extends Signable {
  /** Lower-case names that the client signed beside the default ones. */
  readonly additionalHeaders: readonly string[];
}

/** Built from bucket and decoded key, never from the wire's path; as latin1 text of its bytes. */
export function canonicalRequestV4(request: SignableV4): string {
  const headers = headerMap(request.headers);
  // oss2 sorts the list by first letters only, and may list what is signed anyway.
  const additional = [...new Set(request.additionalHeaders)].filter((name) => !isDefault(name)).sort(byBytes);
  const covered = [...headers]
    .filter(([name]) => isDefault(name) || additional.includes(name))
    .sort(([a], [b]) => byBytes(a, b))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  return [
    request.method,
    encodePath(resourcePath(request)),
    queryV4(request),
    covered,
    additional.join(';'),
    UNSIGNED_PAYLOAD,
  ].join('\n');
}

/** `time` is the timestamp line verbatim: GO1 puts its RFC 1123 `Date` there. */
export function stringToSignV4(time: string, scope: Scope, canonicalRequest: string): string {
  const digest = createHash('sha256').update(canonicalRequest, 'latin1').digest('hex');
  return [ALGORITHM_V4, time, scopeText(scope), digest].join('\n');
}

/** Lower-case hex. */
export function signatureV4(secretAccessKey: string, scope: Scope, stringToSign: string): string {
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text, 'latin1').digest();
  const key = hmac(
    hmac(hmac(hmac(`aliyun_v4${secretAccessKey}`, scope.date), scope.region), scope.product),
    TERMINATOR_V4,
  );
  return hmac(key, stringToSign).toString('hex');
}

export function scopeText(scope: Scope): string {
  return `${scope.date}/${scope.region}/${scope.product}/${TERMINATOR_V4}`;
}

/** Covered without being listed. */
function isDefault(name: string): boolean {
  return name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5';
}

function queryV4(request: SignableV4): string {
  return request.parameters
    .filter(({ name }) => name !== 'x-oss-signature')
    .map(({ name, value }) => [encodeComponent(name), encodeComponent(value)] as const)
    .sort(([a, av], [b, bv]) => byBytes(a, b) || byBytes(av, bv))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&');
}
