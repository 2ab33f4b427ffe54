import { createHash } from 'node:crypto';
import type { Body } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import { headerOf, type WireRequest } from '../../../wire/message.ts';

/** The payload with its length and Content-MD5 checked. OSS has no chunked signature: the bytes are what came. */
export function bodyOf(wire: WireRequest): Body {
  const length = lengthOf(wire);
  const md5 = headerOf(wire.headers, 'content-md5');
  if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5)) throw invalidDigest(md5);
  const bytes = checked(wire.body, length, md5);
  return md5 === undefined ? { bytes, length } : { bytes, length, md5 };
}

/** Undefined for `Transfer-Encoding: chunked`, which ali-oss, oss2 and Java use for streams of unknown length. */
function lengthOf(wire: WireRequest): number | undefined {
  if (headerOf(wire.headers, 'transfer-encoding') !== undefined) return undefined;
  const text = headerOf(wire.headers, 'content-length');
  if (text === undefined) return 0;
  const length = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(length))
    throw new GatewayError('InvalidArgument', 'The Content-Length is invalid.', {
      details: { ArgumentName: 'Content-Length', ArgumentValue: text },
    });
  return length;
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  length: number | undefined,
  md5: string | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = md5 === undefined ? undefined : createHash('md5');
  let size = 0;
  try {
    for await (const chunk of source) {
      size += chunk.length;
      if (length !== undefined && size > length) throw incomplete();
      hash?.update(chunk);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError('IncompleteBody', 'The request body terminated unexpectedly.', { cause });
  }
  if (length !== undefined && size !== length) throw incomplete();
  if (hash !== undefined && md5 !== undefined && hash.digest('base64') !== md5) throw badDigest(md5);
}

function incomplete(): GatewayError {
  return new GatewayError('IncompleteBody', 'The request body does not have the length that Content-Length declares.');
}

function invalidDigest(md5: string): GatewayError {
  return new GatewayError('InvalidDigest', 'The Content-MD5 you specified is not valid.', {
    details: { 'Content-MD5': md5 },
  });
}

function badDigest(md5: string): GatewayError {
  return new GatewayError('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
    details: { ExpectedDigest: md5 },
  });
}
