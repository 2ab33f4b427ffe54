import { createHmac } from 'node:crypto';
import { encodeComponent } from '../../../wire/percent-encoding.ts';
import { byBytes, headerMap, resourcePath, type Signable } from './canonical-request.ts';

export interface SignableV2 extends Signable {
  /** `x-oss-date`, else `Date`, or the `x-oss-expires` of a URL. */
  readonly date: string;
  /** Lower-case names beside `x-oss-*`. */
  readonly additionalHeaders: readonly string[];
}

/** The rare OSS2 form: like V1, but every parameter is covered and the resource is percent-encoded, slashes too. */
export function stringToSignV2(request: SignableV2): string {
  const headers = headerMap(request.headers);
  const additional = [...new Set(request.additionalHeaders)].sort(byBytes);
  const lines = [request.method, headers.get('content-md5') ?? '', headers.get('content-type') ?? '', request.date];
  const covered = [...headers]
    .filter(([name]) => name.startsWith('x-oss-') || additional.includes(name))
    .sort(([a], [b]) => byBytes(a, b))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  return `${lines.join('\n')}\n${covered}${additional.join(';')}\n${resourceV2(request)}`;
}

/** base64 of the HMAC-SHA256. */
export function signatureV2(secretAccessKey: string, stringToSign: string): string {
  return createHmac('sha256', secretAccessKey).update(stringToSign, 'latin1').digest('base64');
}

function resourceV2(request: SignableV2): string {
  const parameters = request.parameters
    .filter(({ name }) => name !== 'x-oss-signature')
    .map(({ name, value }) => [encodeComponent(name), encodeComponent(value)] as const)
    .sort(([a], [b]) => byBytes(a, b))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  return encodeComponent(resourcePath(request)) + (parameters.length === 0 ? '' : `?${parameters.join('&')}`);
}
