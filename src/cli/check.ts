import { REMOTE_CODES } from '../config/diagnostic-codes.ts';
import { exitCodeOf, hasErrors, inOrder } from '../config/diagnostics.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { missingKeysText } from './missing-keys.ts';
import type { Services } from './ports.ts';

export interface CheckOptions {
  readonly config: string;
  readonly strict: boolean;
  readonly json: boolean;
  /** Resolve references and ask stores and keyrings too. */
  readonly online: boolean;
}

/** `bucketseal check`: 0 with warnings, 3 for an ERROR, or for any warning with `--strict`; 5 where only a store or keyring fails. */
export async function check(services: Services, options: CheckOptions): Promise<ExitCode> {
  const outcome = services.load(options.config);
  const online = options.online && !hasErrors(outcome.diagnostics) ? await services.checkOnline(outcome) : [];
  const diagnostics = inOrder([...outcome.diagnostics, ...online]);
  if (!options.json) services.stdout(missingKeysText(diagnostics));
  printDiagnostics(services, diagnostics, { json: options.json, subject: options.config });
  const here = exitCodeOf(
    diagnostics.filter(({ code }) => !REMOTE_CODES.has(code)),
    { strict: options.strict },
  );
  if (here !== EXIT.ok) return here;
  return hasErrors(diagnostics) ? EXIT.remote : EXIT.ok;
}
