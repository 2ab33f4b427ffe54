import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, type Call } from '../call/call.ts';
import { protectWrite } from '../decide/decide-write.ts';
import { writeObject } from './write-object.ts';

/** Decide, protect, stream, attest. */
export async function putObject(call: Call, request: StorageRequest<'PutObject'>): Promise<StorageResult<'PutObject'>> {
  const place = enter(call, 'write', request.bucket, request.key);
  return await writeObject(call, place, await protectWrite(call, place, request), request, request.checksumAlgorithm);
}
