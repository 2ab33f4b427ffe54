import type { Dialect, StoreTarget } from '../dialects/dialect.ts';
import type { Backend, CallContext } from '../model/backend.ts';
import type { OperationName, StorageRequest, StorageResult } from '../model/operations.ts';
import type { Transport } from './transport.ts';

export interface RemoteStoreOptions {
  readonly name: string;
  readonly type: string;
  readonly dialect: Dialect;
  readonly target: StoreTarget;
  readonly transport: Transport;
  readonly now: () => number;
  /** ms from a request's last byte to the head of its answer; copies and completes may take `slowHead`. */
  readonly head: number;
  readonly slowHead: number;
  readonly observe: (observation: UpstreamObservation) => void;
}

export interface UpstreamObservation {
  readonly store: string;
  readonly operation: OperationName;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly seconds: number;
}

/** A store across the network: encode, sign, send, decode. */
export function createRemoteStore(options: RemoteStoreOptions): Backend {
  const { dialect, target, transport } = options;
  return {
    name: options.name,
    type: options.type,
    dialect: dialect.name,
    capabilities: target.capabilities,
    region: target.region,
    async execute<N extends OperationName>(
      request: StorageRequest<N>,
      context: CallContext,
    ): Promise<StorageResult<N>> {
      const started = options.now();
      let status = 0;
      try {
        const unsigned = dialect.encodeRequest(request as StorageRequest, target);
        const response = await transport.send(dialect.sign(unsigned, target, options.now()), {
          headTimeout: isSlow(request.operation) ? options.slowHead : options.head,
          ...(context.signal === undefined ? {} : { signal: context.signal }),
        });
        status = response.status;
        return await dialect.decodeResponse(request, response);
      } finally {
        options.observe({
          store: options.name,
          operation: request.operation,
          status,
          seconds: (options.now() - started) / 1000,
        });
      }
    },
    close: () => transport.close(),
  };
}

/** Stores answer these only when the bytes have moved. */
function isSlow(operation: OperationName): boolean {
  return operation === 'CopyObject' || operation === 'UploadPartCopy' || operation === 'CompleteMultipartUpload';
}
