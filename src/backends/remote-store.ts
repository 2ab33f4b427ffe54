import type { Dialect, StoreTarget } from '../dialects/dialect.ts';
import type { Backend, CallContext } from '../model/backend.ts';
import type { OperationName, StorageRequest, StorageResult } from '../model/operations.ts';
import type { WireResponse } from '../wire/message.ts';
import { createKeyProbe } from './key-probe.ts';
import type { Transport } from './transport.ts';

export interface RemoteStoreOptions {
  readonly name: string;
  readonly type: string;
  readonly dialect: Dialect;
  readonly target: StoreTarget;
  readonly transport: Transport;
  readonly now: () => number;
  readonly randomBytes: (length: number) => Buffer;
  /** ms from a request's last byte to the head of its answer; copies and completes may take `slowHead`. */
  readonly head: number;
  readonly slowHead: number;
  /** A Complete goes on after its client was told to ask again; absent: `slowHead`. */
  readonly completeHead?: number;
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
  const backend: Backend = {
    name: options.name,
    type: options.type,
    dialect: dialect.name,
    capabilities: target.capabilities,
    bucketsInHost: target.addressing === 'virtual',
    async execute<N extends OperationName>(
      request: StorageRequest<N>,
      context: CallContext,
    ): Promise<StorageResult<N>> {
      const started = options.now();
      let status = 0;
      try {
        const unsigned = dialect.encodeRequest(request as StorageRequest, target);
        const response = await transport.send(dialect.sign(unsigned, target, options.now()), {
          headTimeout: headTimeoutOf(request.operation, options),
          ...(context.signal === undefined ? {} : { signal: context.signal }),
        });
        status = response.status;
        return await decoded(dialect, request, response);
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
  if (target.capabilities.keys === 'exact') return backend;
  return { ...backend, keepsApart: createKeyProbe({ ...options, store: backend }) };
}

/** An answer that is not understood is not read to its end either: it must not keep its connection. */
async function decoded<N extends OperationName>(
  dialect: Dialect,
  request: StorageRequest<N>,
  response: WireResponse,
): Promise<StorageResult<N>> {
  try {
    return await dialect.decodeResponse(request, response);
  } catch (error) {
    if (response.body !== undefined && !(response.body instanceof Uint8Array)) await giveUp(response.body);
    throw error;
  }
}

async function giveUp(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    // A stream lets go of its connection only once it has been begun.
    for await (const _chunk of bytes) break;
  } catch {
    // It has ended or failed: there is nothing left to give up.
  }
}

/** Stores answer copies and Completes only when the bytes have moved. */
function headTimeoutOf(
  operation: OperationName,
  { head, slowHead, completeHead = slowHead }: RemoteStoreOptions,
): number {
  if (operation === 'CompleteMultipartUpload') return completeHead;
  return operation === 'CopyObject' || operation === 'UploadPartCopy' ? slowHead : head;
}
