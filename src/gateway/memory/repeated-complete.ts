import { createHash } from 'node:crypto';
import type { ObservedEncryption } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { createOldestOut } from './oldest-out.ts';

type Complete = Pick<
  StorageRequest<'CompleteMultipartUpload'>,
  'bucket' | 'key' | 'uploadId' | 'parts' | 'checksum' | 'checksumType' | 'objectSize'
>;

/** What a Complete came to, before it is worded for a client. */
export interface Completion {
  readonly result: StorageResult<'CompleteMultipartUpload'>;
  readonly observed: ObservedEncryption | undefined;
}

/**
 * Answers that a store cannot repeat to a client that missed them: of uploads whose parts were joined here, since the store
 * never heard of the client's parts, and of those that went on after their client was gone. The newest of them are kept.
 */
export interface RepeatedCompletes {
  remember(request: Complete, completion: Completion): void;
  /** Undefined for another upload, or for other parts of it. */
  recall(request: Complete): Completion | undefined;
  /**
   * Begins a Complete, or joins the same one that is under way. It goes on to its end whether or not its clients wait:
   * what nobody was there to hear (their `signal`s are aborted) is remembered.
   */
  once(request: Complete, signal: AbortSignal | undefined, begin: () => Promise<Completion>): Promise<Completion>;
}

const LIMIT = 1000;
/** Completes under way in this process; each may outlive its client. */
const UNDER_WAY_LIMIT = 1000;

interface UnderWay {
  readonly work: Promise<Completion>;
  readonly listeners: (AbortSignal | undefined)[];
}

export function createRepeatedCompletes(): RepeatedCompletes {
  const kept = createOldestOut<Completion>(LIMIT);
  const underWay = new Map<string, UnderWay>();
  const keep = (id: string, completion: Completion): void => {
    kept.set(id, completion);
  };
  return {
    remember: (request, completion) => keep(idOf(request), completion),
    recall: (request) => kept.get(idOf(request)),
    async once(request, signal, begin) {
      const id = idOf(request);
      const known = underWay.get(id);
      known?.listeners.push(signal);
      if (known !== undefined) return await known.work;
      if (underWay.size >= UNDER_WAY_LIMIT) throw new GatewayError('SlowDown', 'Please reduce your request rate.');
      const listeners = [signal];
      const work = begin()
        .then((completion) => {
          if (listeners.some((each) => each?.aborted === true)) keep(id, completion);
          return completion;
        })
        .finally(() => underWay.delete(id));
      underWay.set(id, { work, listeners });
      return await work;
    },
  };
}

/** A Complete that says something else of the parts or of the whole is another one: it has not been judged yet. */
function idOf({ bucket, key, uploadId, parts, checksum, checksumType, objectSize }: Complete): string {
  const named =
    parts === 'all'
      ? parts
      : parts.map(({ partNumber, etag, checksum: value }) => [partNumber, etag.toLowerCase(), value]);
  return createHash('sha256')
    .update(JSON.stringify([bucket, key, uploadId, named, checksum, checksumType, objectSize]))
    .digest('base64');
}
