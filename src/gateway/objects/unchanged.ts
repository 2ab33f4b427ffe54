import type { Backend, CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import { notModified, unchangedOf, type Unchanged } from '../../model/not-modified.ts';
import type { StorageRequest } from '../../model/operations.ts';

/**
 * Runs a conditional read. A 304 tells what its 200 would have told (RFC 9110 15.4.5): the `response-*` parameters of the
 * request, and the validators also where the store leaves them out, as Ceph RGW does.
 */
export async function withValidators<T>(
  backend: Backend,
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  context: CallContext,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'NotModified') throw error;
    const told = unchangedOf(error);
    const known =
      told.etag === undefined || told.lastModified === undefined ? await ask(backend, request, context) : told;
    throw notModified({
      ...known,
      cacheControl: request.overrides['cache-control'] ?? known.cacheControl,
      expires: request.overrides['expires'] ?? known.expires,
    });
  }
}

async function ask(
  backend: Backend,
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  context: CallContext,
): Promise<Unchanged> {
  const { range: _range, partNumber: _partNumber, ...whole } = request;
  const head = { ...whole, operation: 'HeadObject' as const, conditions: {}, checksumMode: false };
  const { etag, lastModified, metadata } = await backend.execute(head, context);
  return { etag, lastModified, cacheControl: metadata.cacheControl, expires: metadata.expires };
}
