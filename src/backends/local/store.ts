import { constants } from 'node:fs';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Backend, Capabilities, QuarantineReport, SealedStore } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import { openDataFiles } from './data-files.ts';
import { storeFailure } from './failures.ts';
import { createCollector, recover, scrub } from './garbage.ts';
import type { ScrubReport } from './garbage.ts';
import { openFittingIndex } from './fitting-index.ts';
import { execute } from './operations.ts';
import type { LocalStoreOptions, StoreLog } from './ports.ts';
import { openQuarantine, quarantineReport } from './quarantine.ts';
import { createPins } from './room.ts';
import type { Room } from './room.ts';
import { createSealedStore } from './sealed-store.ts';
import { abortOldUploads } from './uploads.ts';

/** The embedded store: files named by opaque ids under `directory`, and a SQLite index over them. */
export interface LocalStore extends Backend {
  readonly sealed: SealedStore;
  readonly quarantine: () => QuarantineReport;
  /** Compares files and index in both directions; one runs by itself after the start. */
  scrub(): Promise<ScrubReport>;
  health(): LocalStoreHealth;
}

export interface LocalStoreHealth {
  /** Writes that failed at the disk since the start, by stage. Any `sync` is a reason to look at the disk. */
  readonly failures: Readonly<Record<'write' | 'sync' | 'link', number>>;
  readonly lastScrub: ScrubReport | undefined;
}

/** The store seals nothing itself: it keeps what the gateway has sealed. */
export const LOCAL_CAPABILITIES: Capabilities = {
  managed: [],
  kms: 'none',
  kmsAlgorithms: [],
  layers: [],
  customerKey: false,
  kmsDefaultKey: false,
  context: false,
  bucketKey: false,
  perObject: true,
  copyWithEncryption: false,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'unsigned',
  minimumPartSize: 5 * 1024 * 1024,
  checksumHeaders: true,
  needsContentLength: false,
  tlsOnly: false,
  seals: true,
  append: true,
  tagging: true,
  bucketInfo: true,
  completesAll: true,
};

/**
 * Opens or creates the store, takes its lock, and finishes what a crash left. Rejects when another process has it, and
 * where the index does not fit the data.
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  const { name, region, log } = options;
  const directory = resolve(options.directory);
  const failures = { write: 0, sync: 0, link: 0 };
  const failpoint = options.failpoint ?? (() => undefined);
  try {
    await prepareDirectory(directory, log);
  } catch (error) {
    throw storeFailure(error);
  }
  const { index, mark } = await openFittingIndex({ ...options, directory });
  const closeIndex = (): void => {
    index.close();
    mark.close();
  };
  try {
    const files = await openDataFiles({
      directory,
      randomBytes: options.randomBytes,
      failpoint,
      reserve: options.reserve ?? RESERVE,
      failed: (stage, error) => {
        failures[stage]++;
        log('error', `a ${stage} on the store's disk failed`, { reason: String(error) });
      },
    });
    let closed = false;
    const collector = createCollector(() => room);
    const collect = (): void => {
      if (!closed) collector.kick();
    };
    const room: Room = {
      region,
      now: options.now,
      randomBytes: options.randomBytes,
      columns: options.columns,
      index,
      files,
      quarantine: openQuarantine(directory),
      pins: createPins(collect),
      log,
      failpoint,
      collect,
    };
    await recover(room);

    let aside: QuarantineReport = await quarantineReport(room.quarantine);
    let lastScrub: ScrubReport | undefined;
    const { uploadsBefore } = options;
    const abortOld = async (): Promise<void> => {
      if (uploadsBefore !== undefined) await abortOldUploads(room, uploadsBefore(), () => closed);
    };
    const runScrub = async (): Promise<ScrubReport> => {
      await abortOld();
      const report = await scrub(room, () => closed);
      aside = await quarantineReport(room.quarantine);
      if (!closed) {
        lastScrub = report;
        log(report.missing + report.damaged > 0 ? 'error' : 'info', 'scrub finished', { ...report });
      }
      return report;
    };
    // In the background: a large store serves while it is looked through.
    let scrubbing: Promise<unknown> = runScrub().catch((error: unknown) =>
      log('error', 'scrub failed', { reason: String(error) }),
    );

    const aging = setInterval(() => {
      scrubbing = scrubbing
        .then(abortOld)
        .catch((error: unknown) => log('error', 'old uploads stay for now', { reason: String(error) }));
    }, AGING_INTERVAL).unref();

    return {
      name,
      type: 'local',
      dialect: undefined,
      capabilities: LOCAL_CAPABILITIES,
      sealed: createSealedStore(room),
      execute: (request, context) => {
        if (closed) return Promise.reject(new GatewayError('ServiceUnavailable', 'The store is closed.'));
        return execute(room, request, context);
      },
      scrub: () => {
        const next = scrubbing.then(runScrub);
        scrubbing = next.catch(() => undefined);
        return next;
      },
      quarantine: () => aside,
      health: () => ({ failures: { ...failures }, lastScrub }),
      close: async () => {
        if (closed) return;
        closed = true;
        clearInterval(aging);
        await Promise.all([scrubbing, collector.idle()]);
        closeIndex();
      },
    };
  } catch (error) {
    closeIndex();
    throw storeFailure(error);
  }
}

/** Room for the index's log between two checkpoints (about 4 MiB) with the largest records, several times over. */
const RESERVE = 32 * 1024 * 1024;
/** How often uploads that have become too old are looked for, ms. */
const AGING_INTERVAL = 60 * 60 * 1000;

async function prepareDirectory(directory: string, log: StoreLog): Promise<void> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined) await chmod(directory, 0o700);
  const found = await stat(directory);
  // What others may write, others may plant. A mounted volume may belong to someone else, though.
  if ((found.mode & (constants.S_IWGRP | constants.S_IWOTH)) !== 0)
    await chmod(directory, 0o700).catch((error: unknown) =>
      log('warn', "others may write into the store's directory", { reason: String(error) }),
    );
}
