import { GatewayError } from '../../../model/errors.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { WireResponse } from '../../../wire/message.ts';
import { storeError } from './errors.ts';
import { LISTING_READERS } from './lists.ts';
import type { StoreReader } from './reader.ts';
import { RESULT_READERS } from './results.ts';

/** Whatever the store answers, in the model's words; an error answer is thrown. */
export async function decodeResponse<N extends OperationName>(
  request: StorageRequest<N>,
  response: WireResponse,
): Promise<StorageResult<N>> {
  if (response.status < 200 || response.status > 299)
    throw translated(request, await storeError(response, request.operation));
  const read = (READERS as Readonly<Record<string, unknown>>)[request.operation] as StoreReader<N> | undefined;
  if (read === undefined)
    throw new GatewayError('NotImplemented', `${request.operation} has no counterpart at Alibaba OSS.`);
  return await read(request, response);
}

const READERS = { ...RESULT_READERS, ...LISTING_READERS };

/** An S3 client that said `If-None-Match: *` expects a failed precondition, not OSS's own word for it. */
function translated<N extends OperationName>(request: StorageRequest<N>, error: GatewayError): GatewayError {
  const forbade = 'forbidOverwrite' in request && request.forbidOverwrite;
  if (error.code === 'FileAlreadyExists' && !forbade)
    return new GatewayError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      cause: error,
    });
  return error;
}
