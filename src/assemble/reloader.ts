import { hasErrors, renderText, type Diagnostic } from '../config/diagnostics.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { GatewayError } from '../model/errors.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { watchConfiguration } from './configuration-watch.ts';
import { about, BadConfiguration, loadInputs, reasonOf, watchedFiles, type Inputs } from './inputs.ts';
import { files } from './loading.ts';
import { needsRestart } from './restart.ts';

export type ReloadOutcome =
  | { readonly ok: true; readonly revision: string; readonly needsRestart: readonly string[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Whether the files on disk are the ones in force, for `/status`. Names and places only, secrets masked. */
export interface ConfigurationStatus {
  readonly state: 'in-force' | 'rejected';
  /** When what is in force was loaded. */
  readonly loadedAt: string;
  readonly warnings: number;
  /** What only a restart can change. */
  readonly needsRestart: readonly string[];
  readonly rejected?: {
    /** When the files on disk stopped being in force. */
    readonly since: string;
    readonly problems: readonly string[];
    readonly diagnostics: readonly Diagnostic[];
  };
}

export interface Reloader {
  readonly first: Inputs;
  /** Loads everything but ports; one at a time. A bad file keeps the last good one. */
  readonly reload: () => Promise<ReloadOutcome>;
  readonly status: () => ConfigurationStatus;
  /** From now on changes on disk are loaded by themselves. */
  readonly watch: () => void;
  readonly close: () => void;
}

export interface ReloaderOptions {
  readonly configFile: string;
  readonly now: () => number;
  readonly telemetry: Pick<Telemetry, 'audit' | 'logger' | 'metrics'>;
  /** Opens what is new, then swaps one reference; rejects before the swap or not at all. */
  readonly apply: (inputs: Inputs) => Promise<void>;
}

/** Files that name files that name files: a set that still changes after this many loads is left to the next event. */
const SETTLING_LOADS = 4;

/** Loads the files of a start, and then again whenever they change. Rejects with `BadConfiguration`. */
export async function createReloader(options: ReloaderOptions): Promise<Reloader> {
  const { configFile, now, telemetry } = options;
  let watched = false;
  const onChange = (): void => {
    if (watched) void reload();
  };
  let paths = watchedFiles(files.load(configFile));
  const watch = await watchConfiguration(paths, onChange);
  const first = await load();
  if (first instanceof BadConfiguration) {
    watch.close();
    throw first;
  }
  let inForce: Inputs = first;
  let loadedAt = now();
  let rejected: ConfigurationStatus['rejected'];
  let queue: Promise<unknown> = Promise.resolve();

  /** What was read is never older than what the watch has seen. */
  async function load(): Promise<Inputs | BadConfiguration> {
    await watch.seen();
    let found = loadInputs(configFile, now());
    for (let loads = 1; loads < SETTLING_LOADS; loads++) {
      const named = watchedFiles(found.outcome);
      // A file that cannot be read names nothing: what the last good one named may be what gets mended.
      paths = found.outcome.config === undefined ? [...new Set([...paths, ...named])] : named;
      if (!(await watch.follow(paths))) break;
      found = loadInputs(configFile, now());
    }
    return found.inputs;
  }

  async function reloadOnce(): Promise<ReloadOutcome> {
    try {
      const next = await load();
      if (next instanceof BadConfiguration) throw next;
      await options.apply(next);
      return accepted(next);
    } catch (error) {
      return refused(error);
    }
  }

  function accepted(next: Inputs): ReloadOutcome {
    inForce = next;
    loadedAt = now();
    rejected = undefined;
    const restart = restartOf(next.config);
    telemetry.metrics.reloaded({ ok: true, atSeconds: loadedAt / 1000 });
    telemetry.logger.info({ revision: next.revision }, 'configuration reloaded');
    if (restart.length > 0)
      telemetry.logger.warn({ needsRestart: restart }, 'the configuration has changes that only a restart can make');
    record('accepted', { revision: next.revision, policy: next.policy.revision });
    return { ok: true, revision: next.revision, needsRestart: restart };
  }

  function refused(error: unknown): ReloadOutcome {
    const diagnostics =
      error instanceof BadConfiguration
        ? error.diagnostics
        : [about(configFile, 'ERROR', 'not-loaded', `the configuration could not be opened: ${wordsFor(error)}`)];
    const problems = diagnostics.filter((each) => hasErrors([each])).map(lineOf);
    rejected = { since: rejected?.since ?? new Date(now()).toISOString(), problems, diagnostics };
    telemetry.metrics.reloaded({ ok: false, atSeconds: now() / 1000 });
    telemetry.logger.error(
      error instanceof BadConfiguration ? { problems } : { problems, error },
      'configuration not reloaded; the last good one stays',
    );
    record('rejected', { problems });
    return { ok: false, diagnostics };
  }

  function record(outcome: string, details: Readonly<Record<string, unknown>>): void {
    telemetry.audit.write({ kind: 'configuration', requestId: '', outcome, details });
  }

  function reload(): Promise<ReloadOutcome> {
    const next = queue.then(reloadOnce);
    queue = next;
    return next;
  }

  const restartOf = (config: GatewayConfig): readonly string[] => needsRestart(first.config, config);

  return {
    first,
    reload,
    status: () => ({
      state: rejected === undefined ? 'in-force' : 'rejected',
      loadedAt: new Date(loadedAt).toISOString(),
      warnings: inForce.diagnostics.length,
      needsRestart: restartOf(inForce.config),
      ...(rejected === undefined ? {} : { rejected }),
    }),
    watch: () => {
      watched = true;
    },
    close: watch.close,
  };
}

function lineOf({ source: _source, ...diagnostic }: Diagnostic): string {
  return renderText(diagnostic);
}

/** A failure outside the files (a locked directory, a keyring that is down) in a line. */
function wordsFor(error: unknown): string {
  const reason = reasonOf(error);
  return error instanceof GatewayError && error.message !== reason ? `${error.message} (${reason})` : reason;
}
