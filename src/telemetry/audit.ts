import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Redactor } from './redact.ts';

/** One decision on a write, or what became of it. Never a secret, never a query string. */
export interface AuditRecord {
  readonly kind: 'decision' | 'outcome' | 'not-honoured' | 'unproven' | 'configuration';
  readonly requestId: string;
  /** The access key id. */
  readonly who?: string | undefined;
  readonly operation?: string | undefined;
  readonly bucket?: string | undefined;
  /** Hashed, and left out unless the audit is told to keep it: keys can be personal data. */
  readonly key?: string | undefined;
  readonly wish?: string | undefined;
  readonly rule?: string | undefined;
  readonly effect?: string | undefined;
  readonly effective?: string | undefined;
  readonly by?: string | undefined;
  readonly storeSays?: string | undefined;
  readonly outcome?: string | number | undefined;
  /** Whatever else belongs to the record: dialect, store, reason, revision … */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Audit {
  /**
   * Queues one line. False: the queue was full and the line is lost and counted. The policy on overflow is
   * `drop-newest`: older lines keep their place, and no request waits for the audit's disk.
   */
  readonly write: (record: AuditRecord) => boolean;
  readonly dropped: () => number;
  /** Resolves when everything queued so far was handed to the sink. */
  readonly flush: () => Promise<void>;
}

export interface AuditOptions {
  /** A file opened for appending, or standard output. */
  readonly sink: Writable;
  readonly redactor: Redactor;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Lines that may wait. */
  readonly capacity?: number;
  readonly keys: 'omit' | 'hash';
  readonly onDropped: (lines: number) => void;
}

const DEFAULT_CAPACITY = 10_000;

/** JSON lines through a bounded queue to the sink, at the sink's speed. */
export function createAudit(options: AuditOptions): Audit {
  const { sink } = options;
  const capacity = options.capacity ?? DEFAULT_CAPACITY;
  const queue: string[] = [];
  let dropped = 0;
  let broken = false;
  let pumping: Promise<void> | undefined;

  const lose = (lines: number): void => {
    if (lines === 0) return;
    dropped += lines;
    options.onDropped(lines);
  };
  sink.on('error', () => {
    broken = true;
  });

  async function pump(): Promise<void> {
    // One turn later, so that lines of the same turn go out together.
    await Promise.resolve();
    while (queue.length > 0) {
      if (broken || sink.destroyed) {
        lose(queue.splice(0).length);
        return;
      }
      const line = queue.shift() ?? '';
      if (!sink.write(line)) await writable(sink);
    }
  }

  return {
    write: (record) => {
      if (broken || queue.length >= capacity) {
        lose(1);
        return false;
      }
      queue.push(`${JSON.stringify(lineOf(record, options))}\n`);
      pumping ??= pump().finally(() => {
        pumping = undefined;
      });
      return true;
    },
    dropped: () => dropped,
    flush: async () => {
      await pumping;
      if (sink.writableLength > 0) await writable(sink);
    },
  };
}

function lineOf({ key, ...record }: AuditRecord, options: AuditOptions): unknown {
  const hashed =
    key === undefined || options.keys === 'omit' ? {} : { keyHash: createHash('sha256').update(key).digest('hex') };
  return options.redactor.value({ time: new Date(options.now()).toISOString(), ...record, ...hashed });
}

function writable(sink: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ['drain', 'error', 'close'] as const) sink.off(event, settle);
      resolve();
    };
    for (const event of ['drain', 'error', 'close'] as const) sink.on(event, settle);
  });
}
