import type { Body, ByteStream, ChecksumAlgorithm } from '../../model/body.ts';
import { createDigests, type Digests } from '../../wire/digests.ts';

/**
 * A copied part that passes through the gateway, with the checksum that its upload was created with: the store demands
 * one with every part, and a copy's client sends none.
 */
export async function withChecksum(body: Body, algorithm: ChecksumAlgorithm): Promise<Body> {
  const digests = await createDigests([algorithm]);
  let value: string | undefined;
  const ended = (): void => {
    value = digests.value(algorithm)?.toString('base64');
  };
  return { ...body, bytes: summed(body.bytes, digests, ended), checksum: { algorithm, value: () => value } };
}

async function* summed(
  bytes: ByteStream,
  digests: Digests,
  ended: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    digests.update(chunk);
    yield chunk;
  }
  ended();
}
