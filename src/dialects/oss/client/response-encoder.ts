import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { WireResponse } from '../../../wire/message.ts';
import type { EncodeContext } from '../../dialect.ts';

export type Encoder<N extends OperationName> = (
  request: StorageRequest<N>,
  result: StorageResult<N>,
  context: EncodeContext,
) => WireResponse;
