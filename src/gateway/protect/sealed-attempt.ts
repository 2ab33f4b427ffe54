import type { KeyObject } from 'node:crypto';
import type { Body, ByteStream, PayloadDigests } from '../../model/body.ts';
import type { SealHeader, SealedPart } from '../../model/seal.ts';
import { derivePartKey, partContext } from '../../envelope/part-key.ts';
import type { RandomBytes } from '../../envelope/random-bytes.ts';
import { SALT_SIZE, sealedLength } from '../../envelope/sizes.ts';
import { sealStream } from '../../envelope/stream.ts';
import { digestPayload, type WantedDigests } from './payload-digests.ts';

const ATTEMPT_SIZE = 16;

/** One attempt at sealing one part. */
export interface SealedAttempt {
  readonly bytes: ByteStream;
  readonly length: number | undefined;
  finish(): { readonly digests: PayloadDigests; readonly part: SealedPart };
}

/**
 * Seals a body as a part. Every attempt draws its own salt: a key that depended on the part's number alone would see
 * two plaintexts when a part is uploaded again.
 */
export async function sealAttempt(options: {
  readonly header: Pick<SealHeader, 'bucket' | 'oid' | 'uploadId'>;
  readonly dataKey: KeyObject;
  readonly number: number;
  readonly body: Body;
  readonly wanted: WantedDigests;
  readonly randomBytes: RandomBytes;
}): Promise<SealedAttempt> {
  const { header, number, body, randomBytes } = options;
  const payload = await digestPayload(body, options.wanted);
  const context = partContext({ bucket: header.bucket, oid: header.oid, uploadId: header.uploadId, number });
  const key = derivePartKey(options.dataKey, randomBytes(SALT_SIZE), context);
  const attempt = Buffer.from(randomBytes(ATTEMPT_SIZE)).toString('hex');
  return {
    bytes: sealStream(key, payload.bytes, body.length),
    length: body.length === undefined ? undefined : sealedLength(body.length),
    finish() {
      const digests = payload.finish();
      const part = {
        number,
        attempt,
        plaintextLength: digests.size,
        ciphertextLength: sealedLength(digests.size),
        salt: Buffer.from(key.salt).toString('base64'),
        commitment: Buffer.from(key.commitment).toString('base64'),
      };
      return { digests, part };
    },
  };
}
