import type { Body } from '../../../model/body.ts';
import type { OperationName, StorageRequest } from '../../../model/operations.ts';
import type { Content } from '../../../model/seal.ts';
import type { HeaderLines } from '../../../wire/message.ts';

/** What an operation is on OSS's wire, before it has a host. */
export interface StoreCall {
  readonly method: string;
  readonly bucket?: string;
  readonly key?: string;
  /** Name → value; '' is a bare name. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: HeaderLines;
  readonly body?: Uint8Array | StoreBody;
}

/** A body that streams. */
export interface StoreBody {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly length: number | undefined;
  readonly md5?: string;
}

/** The payload of a write: sealed content if the gateway made it, else the client's bytes. */
export function payloadOf(request: { readonly body: Body; readonly content?: Content }): StoreBody {
  if (request.content !== undefined) return { bytes: request.content.bytes, length: request.content.length };
  const { bytes, length, md5 } = request.body;
  return md5 === undefined ? { bytes, length } : { bytes, length, md5 };
}

export type StoreEncoders = { readonly [N in OperationName]?: (request: StorageRequest<N>) => StoreCall };
