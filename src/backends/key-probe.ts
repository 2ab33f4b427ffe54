import { Readable } from 'node:stream';
import type { Backend, CallContext } from '../model/backend.ts';
import { GatewayError, type ErrorCode } from '../model/errors.ts';
import type { KeyShape } from '../model/key-shape.ts';

type OddShape = Exclude<KeyShape, 'plain'>;

export interface KeyProbeOptions {
  readonly store: Pick<Backend, 'execute'>;
  readonly now: () => number;
  readonly randomBytes: (length: number) => Buffer;
}

/** Hidden from clients as everything of the gateway's own at a store. */
const FOLDER = '.bucketseal/probe/';
/** ms until a store that would not be asked is asked again. */
const UNDECIDED_FOR = 60_000;
/** The store is away for now: nothing is decided, and the request that asked fails as it would have anyway. */
const AWAY: readonly ErrorCode[] = ['RequestTimeout', 'ServiceUnavailable', 'SlowDown'];
/** Answers that say nothing about the name that was asked for. */
const NO_WORD: ReadonlySet<ErrorCode> = new Set([...AWAY, 'AccessDenied', 'InternalError']);

/** Other spellings of a canary's key, one for each way in which servers tidy paths. */
const SPELLINGS: Readonly<Record<OddShape, readonly ((key: string, bucket: string) => string)[]>> = {
  path: [
    (key) => `/${key}`,
    (key) => key.replace('/', '//'),
    (key) => key.replace('/', '/./'),
    (key) => key.replace(FOLDER, `${FOLDER}../probe/`),
    (key) => `${key}/.`,
    // A server that follows this one leaves the bucket.
    (key, bucket) => `../${bucket}/${key}`,
  ],
  directory: [(key) => `${key}/`],
};

/**
 * Finds out whether a store keeps odd keys apart from their plain spelling, by objects of the gateway's own. Everybody
 * waits for the one question under way; the answer holds as long as the store stays open, and there may be none.
 */
export function createKeyProbe(options: KeyProbeOptions): NonNullable<Backend['keepsApart']> {
  const known = new Map<OddShape, { readonly apart: Promise<boolean | undefined>; readonly until: number }>();
  return async (shape, bucket, context) => {
    const before = known.get(shape);
    if (before !== undefined && before.until > options.now()) return await before.apart;
    const asked = { apart: ask(options, shape, bucket, { requestId: context.requestId }), until: Infinity };
    known.set(shape, asked);
    try {
      return await asked.apart;
    } catch (error) {
      const undecided = error instanceof GatewayError && error.code !== 'NoSuchBucket' && !AWAY.includes(error.code);
      if (known.get(shape) === asked) {
        if (undecided) known.set(shape, { apart: Promise.resolve(undefined), until: options.now() + UNDECIDED_FOR });
        else known.delete(shape);
      }
      if (undecided) return undefined;
      throw error;
    }
  };
}

async function ask(options: KeyProbeOptions, shape: OddShape, bucket: string, context: CallContext): Promise<boolean> {
  const objects = objectsIn(options.store, bucket, context);
  const kept = await Promise.all(
    SPELLINGS[shape].map((spell) => {
      const plain = `${FOLDER}${options.randomBytes(16).toString('hex')}`;
      return keepsApart(objects, plain, spell(plain, bucket));
    }),
  );
  return kept.every(Boolean);
}

/** No read, write or delete under the odd name may touch the object under the plain one. */
async function keepsApart(objects: Objects, plain: string, odd: string): Promise<boolean> {
  const written = [await objects.put(plain, CANARY)];
  const intact = async (): Promise<boolean> =>
    (await objects.size(plain).catch(unlessItNamesNothing)) === CANARY.length;
  try {
    if ((await objects.size(odd).catch(unlessItNamesNothing)) !== undefined) return false;
    const second = await objects.put(odd, new Uint8Array()).catch(unlessItNamesNothing);
    if (second === undefined) return await intact();
    written.push(second);
    if (!(await intact())) return false;
    await objects.remove(second);
    return await intact();
  } finally {
    // A canary that cannot be taken away is a few bytes under a hidden name.
    for (const version of written) await objects.remove(version).catch(() => undefined);
  }
}

const CANARY: Uint8Array = Buffer.from('canary', 'utf8');

interface Version {
  readonly key: string;
  readonly versionId?: string;
}

interface Objects {
  put(key: string, bytes: Uint8Array): Promise<Version>;
  size(key: string): Promise<number>;
  remove(version: Version): Promise<unknown>;
}

function objectsIn(store: KeyProbeOptions['store'], bucket: string, context: CallContext): Objects {
  return {
    put: async (key, bytes) => {
      const { versionId } = await store.execute(
        {
          operation: 'PutObject',
          bucket,
          key,
          wish: { state: 'absent' },
          metadata: { contentType: 'application/octet-stream', user: {} },
          conditions: {},
          body: { bytes: Readable.from([bytes]), length: bytes.length },
        },
        context,
      );
      return { key, ...(versionId === undefined ? {} : { versionId }) };
    },
    size: async (key) => {
      const read = { bucket, key, conditions: {}, checksumMode: false, overrides: {} };
      return (await store.execute({ operation: 'HeadObject', ...read }, context)).size;
    },
    remove: (version) => store.execute({ operation: 'DeleteObject', bucket, ...version }, context),
  };
}

/** A name that the store refuses, or under which it has nothing, is no other object's name. */
function unlessItNamesNothing(error: unknown): undefined {
  if (error instanceof GatewayError && !NO_WORD.has(error.code)) return undefined;
  throw error;
}
