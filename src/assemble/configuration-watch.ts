import { watchFiles, type Watching } from '../config/watch.ts';

export interface ConfigurationWatch {
  /** What the files hold now counts as seen: to be called before they are loaded, so that a later change is told. */
  readonly seen: () => Promise<void>;
  /** Watches these files from now on. True where the set changed: what was loaded before may be stale. */
  readonly follow: (files: readonly string[]) => Promise<boolean>;
  readonly close: () => void;
}

/** A ConfigMap's files change by a symlink in their directory, and events get lost: the content is polled too. */
const POLL_MS = 10_000;

/** Tells when a file of the configuration holds something else than at the last load. */
export async function watchConfiguration(files: readonly string[], onChange: () => void): Promise<ConfigurationWatch> {
  let quiet = 0;
  let followed = setOf(files);
  const start = (paths: readonly string[]): Watching =>
    watchFiles(
      paths,
      () => {
        if (quiet === 0) onChange();
      },
      { pollMs: POLL_MS },
    );
  let watching = start(files);
  const seen = async (): Promise<void> => {
    quiet++;
    try {
      await watching.look();
    } finally {
      quiet--;
    }
  };
  await seen();
  return {
    seen,
    async follow(next) {
      const set = setOf(next);
      if (set === followed) return false;
      watching.close();
      watching = start(next);
      followed = set;
      await seen();
      return true;
    },
    close: () => watching.close(),
  };
}

function setOf(files: readonly string[]): string {
  return JSON.stringify([...new Set(files)].sort());
}
