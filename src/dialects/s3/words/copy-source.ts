import { GatewayError } from '../../../model/errors.ts';
import type { VersionedRef } from '../../../model/objects.ts';
import { decodeComponent, encodeComponent, encodePath } from '../../../wire/percent-encoding.ts';

/**
 * `x-amz-copy-source`: `[/]bucket/key[?versionId=…]`, percent-encoded. Split first, decode after; `+` is a plus. Where
 * the whole value is encoded (`bucket%2Fkey`, older SDKs) the first decoded slash splits.
 */
export function parseCopySource(value: string): VersionedRef {
  const text = utf8(value);
  if (text === undefined) throw odd(value);
  const mark = text.indexOf('?');
  const path = (mark === -1 ? text : text.slice(0, mark)).replace(/^\//, '');
  const whole = path.includes('/') ? path : decodeComponent(path.replace(/^%2F/i, ''));
  if (whole === undefined) throw odd(value);
  const slash = whole.indexOf('/');
  if (slash <= 0 || slash === whole.length - 1) throw odd(value);
  const decode = path.includes('/') ? decodeComponent : (part: string): string => part;
  const [bucket, key] = [decode(whole.slice(0, slash)), decode(whole.slice(slash + 1))];
  // A bucket that decodes to something with a slash, or to `..`, would be authorised as one bucket and read as another.
  if (bucket === undefined || key === undefined || !/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}$/.test(bucket))
    throw odd(value);
  const versionId = mark === -1 ? undefined : versionOf(text.slice(mark + 1), value);
  return { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
}

/** The header for a store. */
export function formatCopySource(source: VersionedRef): string {
  const version = source.versionId === undefined ? '' : `?versionId=${encodeComponent(source.versionId)}`;
  return `/${encodeComponent(source.bucket)}/${encodePath(source.key)}${version}`;
}

function versionOf(query: string, value: string): string {
  const match = /^versionId=([^&=]+)$/.exec(query);
  const version = match?.[1] === undefined ? undefined : decodeComponent(match[1]);
  if (version === undefined) throw odd(value);
  return version;
}

/** Header values are latin1 text of bytes that should be UTF-8. */
function utf8(value: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return undefined;
  }
}

function odd(value: string): GatewayError {
  return new GatewayError(
    'InvalidArgument',
    'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    {
      details: { ArgumentName: 'x-amz-copy-source', ArgumentValue: value },
    },
  );
}
