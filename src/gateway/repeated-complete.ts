import { createHash } from 'node:crypto';
import type { ObservedEncryption } from '../model/encryption.ts';
import type { StorageRequest, StorageResult } from '../model/operations.ts';

type Complete = Pick<StorageRequest<'CompleteMultipartUpload'>, 'bucket' | 'key' | 'uploadId' | 'parts'>;

/** What a Complete came to, before it is worded for a client. */
export interface Completion {
  readonly result: StorageResult<'CompleteMultipartUpload'>;
  readonly observed: ObservedEncryption | undefined;
}

/**
 * Answers of uploads whose parts were joined here. The store never heard of the client's parts, so it cannot repeat its
 * answer to a client that missed it; this gateway does, for the newest of them.
 */
export interface RepeatedCompletes {
  remember(request: Complete, completion: Completion): void;
  /** Undefined for another upload, or for other parts of it. */
  recall(request: Complete): Completion | undefined;
}

const LIMIT = 1000;

export function createRepeatedCompletes(): RepeatedCompletes {
  const kept = new Map<string, Completion>();
  return {
    remember(request, completion) {
      const oldest = kept.size >= LIMIT ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(idOf(request), completion);
    },
    recall: (request) => kept.get(idOf(request)),
  };
}

function idOf({ bucket, key, uploadId, parts }: Complete): string {
  const named = parts === 'all' ? parts : parts.map(({ partNumber, etag }) => [partNumber, etag.toLowerCase()]);
  return createHash('sha256')
    .update(JSON.stringify([bucket, key, uploadId, named]))
    .digest('base64');
}
