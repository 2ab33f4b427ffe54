import { GatewayError } from '../../../model/errors.ts';
import { headerOf, queryOf, type WireRequest } from '../../../wire/message.ts';
import { formatIsoSeconds, parseBasicDate, parseHttpDate, formatBasicDate } from '../../../wire/http-date.ts';
import type { Presented, PresentedV4 } from './claim.ts';

/** OSS's limit of clock skew, ms. */
const MAX_SKEW_MS = 15 * 60 * 1000;
/** Seven days in seconds: the longest life of a V4 URL. */
const MAX_LIFETIME_S = 604_800;

/** Judges the request's time and returns it as the string to sign holds it. */
export function signedTime(wire: WireRequest, presented: Presented, now: number): string {
  if (presented.form === 'oss-v4' || presented.form === 'oss-v4-url') return timeV4(wire, presented, now);
  return presented.expires === undefined ? timeOfHeader(wire, now) : timeOfUrl(presented.expires, now);
}

function timeOfHeader(wire: WireRequest, now: number): string {
  const text = headerOf(wire.headers, 'x-oss-date') ?? headerOf(wire.headers, 'date');
  const time = text === undefined ? undefined : (parseHttpDate(text) ?? parseBasicDate(text));
  if (text === undefined || time === undefined) throw dateNeeded();
  refuseSkew(time, now);
  return text;
}

function timeOfUrl(text: string, now: number): string {
  if (!/^\d{1,12}$/.test(text)) throw new GatewayError('AccessDenied', 'Invalid date (should be seconds since epoch).');
  if (now >= Number(text) * 1000) throw expired(Number(text) * 1000, now);
  return text;
}

function timeV4(wire: WireRequest, presented: PresentedV4, now: number): string {
  if (presented.form === 'oss-v4-url') {
    const text = queryOf(wire.query, 'x-oss-date') ?? '';
    const time = parseBasicDate(text);
    if (time === undefined) throw dateNeeded();
    refuseOtherDay(presented, time);
    const lifetime = lifetimeOf(presented.expires ?? '');
    // A start up to 15 minutes ahead is taken for a clock that runs fast.
    if (time - now > MAX_SKEW_MS) throw skewed(time, now);
    // Python v2 cuts the fraction of the lifetime off: 300 s goes out as 299.
    if (now >= time + (lifetime + 1) * 1000) throw expired(time + lifetime * 1000, now);
    return text;
  }
  const vendor = headerOf(wire.headers, 'x-oss-date');
  // GO1 never sends x-oss-date: its RFC 1123 Date stands in the string to sign.
  const text = vendor ?? headerOf(wire.headers, 'date');
  const time =
    text === undefined
      ? undefined
      : vendor === undefined
        ? parseHttpDate(text)
        : (parseBasicDate(text) ?? parseHttpDate(text));
  if (text === undefined || time === undefined) throw dateNeeded();
  refuseOtherDay(presented, time);
  refuseSkew(time, now);
  return text;
}

function lifetimeOf(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > MAX_LIFETIME_S)
    throw new GatewayError('InvalidArgument', 'x-oss-expires must be between 1 and 604800 seconds.', {
      ec: '0002-00000215',
      details: { ArgumentName: 'x-oss-expires', ArgumentValue: text },
    });
  return seconds;
}

function refuseOtherDay(presented: PresentedV4, time: number): void {
  if (formatBasicDate(time).slice(0, 8) !== presented.scope.date)
    throw new GatewayError('InvalidArgument', 'The date of the credential does not match x-oss-date.', {
      details: { ArgumentName: 'Credential', ArgumentValue: presented.scope.date },
    });
}

function refuseSkew(time: number, now: number): void {
  if (Math.abs(now - time) > MAX_SKEW_MS) throw skewed(time, now);
}

function skewed(time: number, now: number): GatewayError {
  return new GatewayError(
    'RequestTimeTooSkewed',
    'The difference between the request time and the current time is too large.',
    {
      ec: '0002-00000504',
      details: {
        MaxAllowedSkewMilliseconds: MAX_SKEW_MS,
        RequestTime: formatIsoSeconds(time),
        ServerTime: formatIsoSeconds(now),
      },
    },
  );
}

function expired(at: number, now: number): GatewayError {
  return new GatewayError('AccessDenied', 'Request has expired.', {
    details: { Expires: formatIsoSeconds(at), ServerTime: formatIsoSeconds(now) },
  });
}

function dateNeeded(): GatewayError {
  return new GatewayError('AccessDenied', 'OSS authentication requires a valid Date.');
}
