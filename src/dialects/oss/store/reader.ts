import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { WireResponse } from '../../../wire/message.ts';

/** Reads a store's answer into the model's result. */
export type StoreReader<N extends OperationName> = (
  request: StorageRequest<N>,
  response: WireResponse,
) => StorageResult<N> | Promise<StorageResult<N>>;
