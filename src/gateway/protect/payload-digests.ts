import type { Body, ByteStream, Checksum, ChecksumAlgorithm, PayloadDigests } from '../../model/body.ts';
import { crc64Decimal, createDigests, type DigestName, type Digests } from '../../wire/digests.ts';
import { once } from './once.ts';

/** Which digests a write is to yield; what is not wanted is '' or absent in the result. */
export interface WantedDigests {
  readonly md5: boolean;
  readonly crc64: boolean;
  /** The checksum to compute where the client named none. */
  readonly checksum: ChecksumAlgorithm | undefined;
}

/** A body whose plaintext is digested while it passes. */
export interface DigestedPayload {
  readonly bytes: ByteStream;
  /** Throws before `bytes` has ended well: there is nothing yet to vouch for. */
  finish(): PayloadDigests;
}

/**
 * Digests a body in one pass. What the client declared and the body itself verifies (Content-MD5, checksum) is taken
 * from there at the end instead of being computed twice.
 */
export async function digestPayload(body: Body, wanted: WantedDigests): Promise<DigestedPayload> {
  const names: DigestName[] = [];
  if (wanted.md5 && body.md5 === undefined) names.push('MD5');
  if (wanted.crc64) names.push('CRC64');
  if (body.checksum === undefined && wanted.checksum !== undefined) names.push(wanted.checksum);
  const digests = await createDigests(names);
  let size = 0;
  let ended = false;
  return {
    bytes: digesting(body.bytes, (chunk) => {
      if (chunk === undefined) {
        ended = true;
      } else {
        size += chunk.length;
        digests.update(chunk);
      }
    }),
    finish: once(() => {
      if (!ended) throw new Error('A payload has digests only after it has ended.');
      const checksum = checksumOf(body, wanted, digests);
      return {
        size,
        md5: wanted.md5 ? md5Of(body, digests) : '',
        crc64: wanted.crc64 ? crc64Decimal(required(digests, 'CRC64')) : '',
        ...(checksum === undefined ? {} : { checksum }),
      };
    }),
  };
}

/** `see` gets every chunk, then undefined once the source has ended without an error. */
async function* digesting(
  bytes: ByteStream,
  see: (chunk: Uint8Array | undefined) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    see(chunk);
    yield chunk;
  }
  see(undefined);
}

function md5Of(body: Body, digests: Digests): string {
  return body.md5 === undefined
    ? required(digests, 'MD5').toString('hex')
    : Buffer.from(body.md5, 'base64').toString('hex');
}

function checksumOf(body: Body, wanted: WantedDigests, digests: Digests): Checksum | undefined {
  if (body.checksum !== undefined) {
    const value = body.checksum.value();
    return value === undefined ? undefined : { algorithm: body.checksum.algorithm, value, type: 'FULL_OBJECT' };
  }
  if (wanted.checksum === undefined) return undefined;
  const value = required(digests, wanted.checksum).toString('base64');
  return { algorithm: wanted.checksum, value, type: 'FULL_OBJECT' };
}

function required(digests: Digests, name: DigestName): Buffer {
  const value = digests.value(name);
  if (value === undefined) throw new Error(`The ${name} digest was not computed.`);
  return value;
}
