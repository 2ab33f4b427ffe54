import { GatewayError } from '../../../model/errors.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { WireResponse } from '../../../wire/message.ts';
import type { EncodeContext } from '../../dialect.ts';
import { encodeBucketResult } from './response-buckets.ts';
import { encodeListResult } from './response-lists.ts';
import { encodeMultipartResult } from './response-multipart.ts';
import { encodeObjectResult } from './response-objects.ts';
import type { Answered } from './answer.ts';
import type { ResponseWords } from './answer.ts';

/** The model's answer in S3's words. */
export function encodeResponse<N extends OperationName>(
  request: StorageRequest<N>,
  result: StorageResult<N>,
  context: EncodeContext,
  words: ResponseWords,
): WireResponse {
  const answered = { operation: request.operation, request, result } as unknown as Answered;
  const response =
    encodeObjectResult(answered, context, words) ??
    encodeMultipartResult(answered, context, words) ??
    encodeListResult(answered, context) ??
    encodeBucketResult(answered, context, words);
  if (response === undefined)
    throw new GatewayError('InternalError', `${request.operation} has no answer in this API.`);
  return response;
}
