import { GatewayError } from '../../../model/errors.ts';
import { formatBasicDate, formatHttpDate } from '../../../wire/http-date.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import type { SignedRequest, StoreTarget, UnsignedRequest } from '../../dialect.ts';
import { parametersOfText, resourcePath } from './canonical-request.ts';
import { isAmbiguousV1, signatureV1, stringToSignV1 } from './v1.ts';
import { ALGORITHM_V4, canonicalRequestV4, scopeText, signatureV4, stringToSignV4, UNSIGNED_PAYLOAD } from './v4.ts';

/** Signs a request for a store: V4, or V1 where the store is told to. */
export function signRequest(request: UnsignedRequest, target: StoreTarget, now: number): SignedRequest {
  const { accessKeyId, secretAccessKey, sessionToken } = target.credential;
  const token: HeaderLines = sessionToken === undefined ? [] : [['x-oss-security-token', sessionToken.reveal()]];
  const parameters = parametersOfText(request.query);
  const place = { method: request.method, bucket: request.bucket, key: request.key, parameters };
  if (target.signature === 'v1') {
    if (isAmbiguousV1(resourcePath(request), parameters) !== undefined)
      throw new GatewayError('InvalidObjectName', 'Signature version 1 cannot cover this name.');
    const date = formatHttpDate(now);
    const headers: HeaderLines = [...request.headers, ...token, ['x-oss-date', date]];
    const signature = signatureV1(secretAccessKey.reveal(), stringToSignV1({ ...place, headers, date, list: 'union' }));
    return signed(request, [...headers, ['authorization', `OSS ${accessKeyId}:${signature}`]]);
  }
  const time = formatBasicDate(now);
  const scope = { date: time.slice(0, 8), region: target.region.replace(/^oss-/, ''), product: 'oss' };
  const own: HeaderLines = [
    ['x-oss-date', time],
    ['x-oss-content-sha256', UNSIGNED_PAYLOAD],
  ];
  const headers: HeaderLines = [...request.headers, ...token, ...own];
  const text = stringToSignV4(time, scope, canonicalRequestV4({ ...place, headers, additionalHeaders: [] }));
  const signature = signatureV4(secretAccessKey.reveal(), scope, text);
  const authorization = `${ALGORITHM_V4} Credential=${accessKeyId}/${scopeText(scope)},Signature=${signature}`;
  return signed(request, [...headers, ['authorization', authorization]]);
}

function signed(request: UnsignedRequest, headers: HeaderLines): SignedRequest {
  const { method, path, query, host, body } = request;
  return { method, path, query, host, body, headers } as SignedRequest;
}
