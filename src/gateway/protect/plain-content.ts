import type { Body, ChecksumAlgorithm } from '../../model/body.ts';
import type { Content } from '../../model/seal.ts';
import { digestPayload } from './payload-digests.ts';

/**
 * A write that is not sealed: the bytes pass unchanged. The embedded store needs the MD5 for its ETag; other stores
 * answer for theirs. A CRC64 is taken where the client's language answers one, `checksum` where the upload named it.
 */
export async function plainContent(
  body: Body,
  wanted: { readonly embedded: boolean; readonly crc64: boolean; readonly checksum?: ChecksumAlgorithm },
): Promise<Content> {
  const payload = await digestPayload(body, { md5: wanted.embedded, crc64: wanted.crc64, checksum: wanted.checksum });
  return {
    bytes: payload.bytes,
    length: body.length,
    finish() {
      const digests = payload.finish();
      return { digests, etag: digests.md5 };
    },
  };
}
