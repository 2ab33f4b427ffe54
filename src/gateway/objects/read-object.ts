import type { CustomerKey } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { demand, enter, type Call, type Place } from '../call/call.ts';
import {
  demandDigests,
  guardOf,
  guardOfSeal,
  mayKnowDigests,
  withoutDigests,
  withoutPartDigests,
  type Guard,
} from '../answer/digest-rights.ts';
import { demandFitTransfer } from '../decide/encrypted-transfer.ts';
import { getWithRangeRule, headWithRangeRule, release } from './lenient-range.ts';
import { openContent, proveCustomerKey } from '../protect/open-read.ts';
import { shown } from '../answer/shown.ts';
import { withValidators } from './unchanged.ts';

/** Streams an object; what the gateway sealed is opened here, under the reader's own key grant. */
export async function getObject(call: Call, request: StorageRequest<'GetObject'>): Promise<StorageResult<'GetObject'>> {
  const place = enter(call, 'read', request.bucket, request.key);
  const result = await readObject(call, place, request);
  return { ...result, encryption: shown(call, place, result.encryption) };
}

/** The object as plain bytes: also what a copy reads its source with; `judge` may refuse it by its metadata. */
export async function readObject(
  call: Call,
  place: Place,
  request: StorageRequest<'GetObject'>,
  judge?: (metadata: ObjectMetadata) => void,
): Promise<StorageResult<'GetObject'> & { readonly content: { readonly kind: 'plain' } }> {
  const { backend } = place;
  const asked = { ...request, bucket: place.storeBucket };
  const result = await withValidators(backend, asked, call.context, () =>
    getWithRangeRule(backend, asked, call.context),
  );
  const { content } = result;
  try {
    demandFitTransfer(call, place, result.encryption.kind);
    judge?.(result.metadata);
    if (content.kind === 'plain') {
      if (request.customerKey !== undefined && place.backend.capabilities.seals) throw notApplicable();
      return { ...result, content };
    }
    demandKeyGrant(call, place, content.record.mode, content.record.keyAlias);
    const opened = await openContent({
      content,
      range: result.range,
      bucket: place.storeBucket,
      binding: { key: request.key, metadata: result.metadata },
      keyring: call.snapshot.keyring,
      customerKey: request.customerKey,
    });
    return { ...result, content: { kind: 'plain', ...opened } };
  } catch (error) {
    await release(content);
    throw error;
  }
}

export async function headObject(
  call: Call,
  request: StorageRequest<'HeadObject'>,
): Promise<StorageResult<'HeadObject'>> {
  const place = enter(call, 'read', request.bucket, request.key);
  const { backend } = place;
  const asked = { ...request, bucket: place.storeBucket };
  const result = await withValidators(backend, asked, call.context, () =>
    headWithRangeRule(backend, asked, call.context),
  );
  demandFitTransfer(call, place, result.encryption.kind);
  proveKey(place, result, request.customerKey);
  const guard = result.seal === undefined ? guardOf(place, result.encryption) : guardOfSeal(result.seal);
  const question = { key: request.key, guard, customerKey: request.customerKey };
  if (request.checksumMode) demandDigests(call, place, question);
  const told = mayKnowDigests(call, place, question) ? result : withoutDigests(result);
  return { ...told, encryption: shown(call, place, result.encryption) };
}

export async function getObjectAttributes(
  call: Call,
  request: StorageRequest<'GetObjectAttributes'>,
): Promise<StorageResult<'GetObjectAttributes'>> {
  const place = enter(call, 'read', request.bucket, request.key);
  let guard: Guard = { kind: 'open' };
  if (place.backend.capabilities.seals) {
    const ask = {
      ...request,
      operation: 'HeadObject' as const,
      bucket: place.storeBucket,
      conditions: {},
      checksumMode: false,
      overrides: {},
    };
    const head = await place.backend.execute(ask, call.context);
    proveKey(place, head, request.customerKey);
    guard = head.seal === undefined ? guardOf(place, head.encryption) : guardOfSeal(head.seal);
  }
  const question = { key: request.key, guard, customerKey: request.customerKey };
  if (request.attributes.includes('Checksum')) demandDigests(call, place, question);
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  demandFitTransfer(call, place, result.encryption.kind);
  const encryption = shown(call, place, result.encryption);
  if (mayKnowDigests(call, place, question)) return { ...result, encryption };
  const { parts } = result;
  return {
    ...withoutDigests(result),
    ...(parts === undefined ? {} : { parts: withoutPartDigests(parts) }),
    encryption,
  };
}

/** Key grants on what the gateway itself sealed; on store-encrypted objects the store's own word stands. */
function demandKeyGrant(call: Call, place: Place, mode: string, alias: string): void {
  if (mode === 'kms')
    demand(call.snapshot.policy.mayRead(call.client.principal, place.bucket, alias), call.dialect.name);
}

/** A HEAD asks for the customer's key as a GET does. */
function proveKey(place: Place, head: StorageResult<'HeadObject'>, customerKey: CustomerKey | undefined): void {
  if (!place.backend.capabilities.seals) return;
  if (head.seal !== undefined) proveCustomerKey(head.seal, place.storeBucket, customerKey);
  else if (customerKey !== undefined) throw notApplicable();
}

function notApplicable(): GatewayError {
  return new GatewayError('InvalidRequest', 'The encryption parameters are not applicable to this object.');
}
