import type { Body, ChecksumAlgorithm } from '../../model/body.ts';
import type { Content } from '../../model/seal.ts';
import { ALL_DIGESTS, digestPayload } from './payload-digests.ts';

/**
 * A write that is not sealed: the bytes pass unchanged. For the embedded store all digests are taken (`checksum` is the
 * upload's algorithm where the client's part names none); a store of its own answers for its ETag, so there only a
 * CRC64 that somebody compares, and the rest is ''.
 */
export async function plainContent(
  body: Body,
  wanted: { readonly embedded: boolean; readonly crc64: boolean; readonly checksum?: ChecksumAlgorithm },
): Promise<Content> {
  const payload = await digestPayload(
    body,
    wanted.embedded
      ? { ...ALL_DIGESTS, checksum: wanted.checksum ?? ALL_DIGESTS.checksum }
      : { md5: false, crc64: wanted.crc64, checksum: undefined },
  );
  return {
    bytes: payload.bytes,
    length: body.length,
    finish() {
      const digests = payload.finish();
      return { digests, etag: digests.md5 };
    },
  };
}
