import { createSecretKey } from 'node:crypto';
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { derivePartKey } from '../../envelope/part-key.ts';
import { DATA_KEY_SIZE, SALT_SIZE, segmentCount } from '../../envelope/sizes.ts';
import { openStream, sealStream } from '../../envelope/stream.ts';
import type { ByteStream } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import { withholdLast } from '../../wire/bounded.ts';

/** A body without a length, held on disk (sealed under a key of this process) until its length is known. */
export interface Spooled {
  readonly length: number;
  /** Readable once. */
  readonly bytes: ByteStream;
  /** Releases what is on disk; idempotent. */
  discard(): Promise<void>;
}

/** Bounded by `limits.spool` over all requests; beyond it bodies are refused with `SlowDown`. */
export interface Spool {
  hold(bytes: ByteStream): Promise<Spooled>;
}

export interface SpoolOptions {
  readonly directory: string;
  /** Bytes over all bodies held at one time. */
  readonly limit: number;
  readonly randomBytes: (length: number) => Buffer;
}

const READ_SIZE = 256 * 1024;
const CONTEXT = Buffer.from('bucketseal/v1 spool');

/** Files are unlinked as soon as they are open: a crash leaves nothing behind, and the key dies with the process. */
export function createSpool({ directory, limit, randomBytes }: SpoolOptions): Spool {
  const processKey = createSecretKey(randomBytes(DATA_KEY_SIZE));
  let held = 0;
  return {
    async hold(bytes) {
      const path = join(directory, `${randomBytes(16).toString('hex')}.spool`);
      const file = await open(
        path,
        constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        0o600,
      );
      let length = 0;
      let own = 0;
      const discard = async (): Promise<void> => {
        held -= own;
        own = 0;
        await file.close().catch(() => undefined);
      };
      try {
        await unlink(path);
        const part = derivePartKey(processKey, randomBytes(SALT_SIZE), CONTEXT);
        const counted = counting(bytes, (size) => {
          length += size;
        });
        for await (const sealed of sealStream(part, counted)) {
          if (held + sealed.length > limit)
            throw new GatewayError(
              'SlowDown',
              'Bodies without a length are held on disk, and no more of them can be held now. Send a Content-Length.',
            );
          held += sealed.length;
          own += sealed.length;
          await file.write(sealed);
        }
        const run = { first: 0, last: segmentCount(length) - 1, plaintextLength: length, prefixed: true };
        return { length, bytes: withholdLast(openStream(part, run, reading(file))), discard };
      } catch (error) {
        await discard();
        throw error;
      }
    },
  };
}

async function* counting(
  bytes: ByteStream,
  count: (size: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    count(chunk.length);
    yield chunk;
  }
}

async function* reading(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_SIZE), 0, READ_SIZE, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
