import type { Body } from '../model/body.ts';
import type { OperationName } from '../model/operations.ts';
import { readBounded } from '../wire/bounded.ts';
import type { BeforeDocument, VerifiedRequest } from './dialect.ts';

/** Bytes of a document: lists of a thousand keys and of ten thousand parts are long, everything else is not. */
export function documentLimit(operation: OperationName): number {
  return operation === 'DeleteObjects' || operation === 'CompleteMultipartUpload' ? 2 * 1024 * 1024 : 64 * 1024;
}

/** The request with a body that asks `before` when its reading begins: the client is still owed `100 Continue` then. */
export function askingFirst(
  request: VerifiedRequest,
  operation: Exclude<OperationName, 'Passthrough'>,
  before: BeforeDocument | undefined,
): VerifiedRequest {
  if (before === undefined || CARRIES_CONTENT.has(operation)) return request;
  const { bytes } = request.body;
  const asking = {
    [Symbol.asyncIterator]: () => {
      before(operation);
      return bytes[Symbol.asyncIterator]();
    },
  };
  return { ...request, body: { ...request.body, bytes: asking } };
}

/** A document of at most `limit` bytes; one that declares more is not begun. */
export async function readDocumentBytes(
  { bytes, length }: Pick<Body, 'bytes' | 'length'>,
  limit: number,
): Promise<Buffer | 'too-large'> {
  return length !== undefined && length > limit ? 'too-large' : await readBounded(bytes, limit);
}

/** Bodies that are an object's content, which the operation itself reads. */
const CARRIES_CONTENT: ReadonlySet<OperationName> = new Set(['PutObject', 'AppendObject', 'UploadPart']);
