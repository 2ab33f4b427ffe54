import { createHmac } from 'node:crypto';
import { binary, byBytes, headerMap, resourcePath, type Parameter, type Signable } from './canonical-request.ts';

/** Which parameters the client's SDK signs: the union of all lists, or the short list of the newest SDKs. */
export type SubresourceList = 'union' | 'minimal';

export interface SignableV1 extends Signable {
  /** The Date slot: `x-oss-date`, else `Date`, or the `Expires` of a URL. */
  readonly date: string;
  readonly list: SubresourceList;
}

/** Sub-resources that are signed by some SDK (oss2, Go, Java, PHP, GO2 with its operations' own). */
const UNION: ReadonlySet<string> = new Set(
  (
    'acl append asyncFetch accessPoint accessPointPolicy accessmonitor bucketArchiveDirectRead bucketInfo callback callback-var ' +
    'cloudboxes cname comp continuation-token cors delete dir dirDelete encryption endTime group httpsConfig img inventory ' +
    'inventoryId lifecycle link live location logging metaQuery objectInfo objectMeta partNumber policy policyStatus position ' +
    'publicAccessBlock qos qosInfo qosRequester redundancyTransition referer regionList rename replication replicationLocation ' +
    'replicationProgress requestPayment requesterQosInfo resourceGroup resourcePool resourcePoolBuckets resourcePoolInfo ' +
    'response-cache-control response-content-disposition response-content-encoding response-content-language ' +
    'response-content-type response-expires responseHeader restore rtc seal security-token sequential startTime stat status ' +
    'style styleName symlink tagging transferAcceleration udf udfName udfId udfImage udfImageDesc udfApplication ' +
    'udfApplicationLog uploadId uploads versionId versioning versions vip vod vpcip website withHashContext worm wormExtend wormId'
  ).split(' '),
);

/**
 * Left unsigned by the newest SDKs and without any effect here: only these may go uncovered on the second try, so that
 * nobody can append a sub-resource to somebody else's signature.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  'continuation-token',
  'endTime',
  'img',
  'objectInfo',
  'security-token',
  'sequential',
  'startTime',
  'status',
  'style',
  'styleName',
  'withHashContext',
  'x-oss-request-payer',
  'x-oss-traffic-limit',
]);

/** `VERB\nMD5\nTYPE\nDATE\nx-oss-* headers + resource`, as latin1 text of its bytes. */
export function stringToSignV1(request: SignableV1): string {
  const headers = headerMap(request.headers);
  const lines = [request.method, headers.get('content-md5') ?? '', headers.get('content-type') ?? '', request.date];
  const vendor = [...headers].filter(([name]) => name.startsWith('x-oss-')).sort(([a], [b]) => byBytes(a, b));
  return `${lines.join('\n')}\n${vendor.map(([name, value]) => `${name}:${value}\n`).join('')}${resourceV1(request)}`;
}

/** base64 of the HMAC-SHA1. */
export function signatureV1(secretAccessKey: string, stringToSign: string): string {
  return createHmac('sha1', secretAccessKey).update(stringToSign, 'latin1').digest('base64');
}

/** Whether a V1 signature covers the parameter. */
export function isSignedV1(name: string, list: SubresourceList = 'union'): boolean {
  if (list === 'minimal' && HARMLESS.has(name)) return false;
  return UNION.has(name) || name.startsWith('x-oss-');
}

/**
 * Whether one V1 resource string has two readings: the key stands in it undecoded, so `/b/k%3Facl` and `/b/k?acl` would share
 * one signature, and a value with `&uploadId=` in it would read as two parameters. Control characters mislead nobody:
 * nothing follows the resource, and no header line before it begins with a slash.
 */
export function isAmbiguousV1(path: string, parameters: readonly Parameter[]): 'key' | 'parameter' | undefined {
  if (READS_AS_PARAMETERS.test(path)) return 'key';
  const hidden = parameters.some(
    ({ name, value }) =>
      isSignedV1(name) &&
      (/[&=?\u0000-\u001f]/.test(name) ||
        /[\u0000-\u001f]/.test(value) ||
        value
          .split('&')
          .slice(1)
          .some((part) => isSignedV1(part.split('=')[0] ?? ''))),
  );
  return hidden ? 'parameter' : undefined;
}

/** Signed by SigV2 alone (S3 REST authentication), whose text for a URL is the same. */
const SIGV2_ONLY =
  'accelerate analytics defaultObjectAcl metrics notification object-lock select select-type storageClass torrent';
const NAME = `(?:${[...UNION, ...SIGV2_ONLY.split(' ')].join('|')}|x-oss-[^&=?]*)`;
/** A `?` behind which signed parameters can be read, at any place: whatever follows a `=` may be its value, a `?` too. */
const READS_AS_PARAMETERS = new RegExp(`\\?(?:${NAME}&)*${NAME}(?:=|$)`);

function resourceV1(request: SignableV1): string {
  const signed = request.parameters
    .filter(({ name }) => isSignedV1(name, request.list))
    .map(({ name, value }) => ({ name, text: value === '' ? name : `${name}=${value}` }))
    .sort((a, b) => byBytes(a.name, b.name))
    .map(({ text }) => text);
  return binary(resourcePath(request) + (signed.length === 0 ? '' : `?${signed.join('&')}`));
}
