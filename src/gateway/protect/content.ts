import { GatewayError } from '../../model/errors.ts';
import type { KeyAlias } from '../../model/encryption.ts';
import type { Content } from '../../model/seal.ts';
import { Readable } from 'node:stream';
import type { Body, ByteStream, ChecksumAlgorithm } from '../../model/body.ts';
import type { StorageRequest } from '../../model/operations.ts';
import { readBounded, withholdLast } from '../../wire/bounded.ts';
import type { Call, Place } from '../call/call.ts';
import type { Protection } from '../decide/decide-write.ts';
import { plainContent } from './plain-content.ts';
import { sealPut, type SealServices } from './seal-write.ts';

/** What goes to the store, and what must be cleaned up whatever happens. */
export interface PreparedContent extends AsyncDisposable {
  readonly content: Content;
}

/** Seals, or passes through; a body that the store cannot take as it is gets a length first. */
export async function contentFor(
  call: Call,
  place: Place,
  protection: Protection,
  request: Pick<StorageRequest<'PutObject'>, 'key' | 'body' | 'metadata'>,
  checksum?: ChecksumAlgorithm,
): Promise<PreparedContent> {
  const { seal } = protection;
  if (seal !== undefined) {
    const content = await sealPut({
      body: request.body,
      encryption: seal,
      bucket: place.storeBucket,
      binding: { key: request.key, metadata: request.metadata },
      crc64: call.dialect.traits.crc64,
      ...(checksum === undefined ? {} : { checksum }),
      ...sealServices(call),
    });
    return prepared(content);
  }
  return await unsealed(call, place, request.body, checksum);
}

/** Bytes that go as they are: digests on the way, the last chunk withheld until the client's own digests agreed; `whole`: held on disk before the first goes. */
export async function unsealed(
  call: Call,
  place: Place,
  body: Body,
  checksumAlgorithm?: ChecksumAlgorithm,
  { whole = false }: { readonly whole?: boolean } = {},
): Promise<PreparedContent> {
  const embedded = place.backend.capabilities.seals;
  const content = await plainContent(body, {
    embedded,
    crc64: call.dialect.traits.crc64,
    ...(checksumAlgorithm === undefined ? {} : { checksum: checksumAlgorithm }),
  });
  if (embedded) return prepared(content);
  if (whole || (content.length === undefined && place.backend.capabilities.needsContentLength)) {
    const spooled = await call.services.spool.hold(content.bytes);
    return {
      content: { ...content, bytes: spooled.bytes, length: spooled.length },
      [Symbol.asyncDispose]: () => spooled.discard(),
    };
  }
  const bytes = content.length === 0 ? await verifiedEmpty(content.bytes) : withholdLast(content.bytes);
  return prepared({ ...content, bytes });
}

/** Content that leaves nothing to clean up. */
export function prepared(content: Content): PreparedContent {
  return { content, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** The keyring's own names stand under `keyring` in the policy's `keys:`. */
export function sealServices(call: Call): SealServices {
  const { policy, keyring } = call.snapshot;
  return {
    keyring,
    keyIdOf: (alias) => policy.keyAt(alias as KeyAlias, 'keyring'),
    randomBytes: call.services.randomBytes,
  };
}

/** There is no last byte to withhold in an empty body: its digests are judged before the store hears of it. */
async function verifiedEmpty(bytes: ByteStream): Promise<ByteStream> {
  const held = await readBounded(bytes, 0);
  if (held === 'too-large')
    throw new GatewayError(
      'IncompleteBody',
      'You did not provide the number of bytes specified by the Content-Length HTTP header',
    );
  return Readable.from([]);
}
