import type { Running } from './listener.ts';

export interface ShutdownOptions {
  readonly running: Pick<Running, 'stopAccepting' | 'drain' | 'close'>;
  /** Turns readiness off: the first thing to happen. */
  readonly unready: () => void;
  /** ms between readiness off and the end of accepting: load balancers need time to look. */
  readonly grace: number;
  /** ms for requests under way. */
  readonly budget: number;
  /** Flush and close what is behind the listeners, in order; each runs even if one before it failed. */
  readonly after: readonly (() => Promise<void>)[];
  readonly report: (error: unknown) => void;
}

export interface Shutdown {
  /** Runs once, however often it is called; true when every request under way could finish. */
  readonly run: () => Promise<boolean>;
}

/** Readiness off, stop accepting, drain within a budget, then end what is left. */
export function createShutdown(options: ShutdownOptions): Shutdown {
  let running: Promise<boolean> | undefined;
  return { run: () => (running ??= shutDown(options)) };
}

async function shutDown(options: ShutdownOptions): Promise<boolean> {
  options.unready();
  if (options.grace > 0) await new Promise((resolve) => setTimeout(resolve, options.grace));
  options.running.stopAccepting();
  const drained = await options.running.drain(options.budget);
  for (const step of [options.running.close, ...options.after]) {
    try {
      await step();
    } catch (error) {
      options.report(error);
    }
  }
  return drained;
}

/** The part of `process` that signals are wired to. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
  on(event: 'uncaughtException', listener: (error: Error, origin: string) => void): unknown;
  on(event: 'unhandledRejection', listener: (reason: unknown) => void): unknown;
}

export interface SignalActions {
  readonly shutdown: Shutdown;
  readonly reload: () => void;
  readonly exit: (code: number) => void;
}

/** SIGTERM and SIGINT drain and exit (0 drained, 1 cut off); a second one exits at once. SIGHUP reloads. */
export function wireSignals(source: SignalSource, actions: SignalActions): void {
  let asked = false;
  const stop = (): void => {
    if (asked) {
      actions.exit(1);
      return;
    }
    asked = true;
    void actions.shutdown.run().then((drained) => actions.exit(drained ? 0 : 1));
  };
  source.on('SIGTERM', stop);
  source.on('SIGINT', stop);
  source.on('SIGHUP', actions.reload);
}

/** A process that has thrown past every handler is in no known state: it says why and ends; it never goes on. */
export function wireFatalErrors(
  source: SignalSource,
  log: (error: unknown, origin: string) => void,
  exit: (code: number) => void,
): void {
  const die = (error: unknown, origin: string): void => {
    try {
      log(error, origin);
    } finally {
      exit(1);
    }
  };
  source.on('uncaughtException', (error, origin) => die(error, origin));
  source.on('unhandledRejection', (reason) => die(reason, 'unhandledRejection'));
}
