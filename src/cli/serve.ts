import { relative } from 'node:path';
import { renderText, summaryOf } from '../config/diagnostics.ts';
import type { Diagnostic } from '../config/diagnostics.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { pasteLines } from './paste-lines.ts';
import { StartFailed, StartRefused } from './ports.ts';
import type { Running, ServeOptions, Services } from './ports.ts';

/** `bucketseal serve`: prints where it listens and how to use it, then waits until the gateway has stopped. */
export async function serve(services: Services, config: string, options: ServeOptions): Promise<ExitCode> {
  let running: Running;
  try {
    running = await services.serve(config, options);
  } catch (error) {
    if (error instanceof StartFailed) {
      services.stderr(`bucketseal: ${error.message}\n`);
      return EXIT.remote;
    }
    if (!(error instanceof StartRefused)) throw error;
    printDiagnostics({ ...services, stdout: services.stderr }, error.diagnostics, { json: false, subject: config });
    return EXIT.invalid;
  }
  warn(services, running.diagnostics, config);
  for (const line of greeting(running)) services.stdout(`${line}\n`);
  return running.stopped;
}

/** What endangers is said in full; of the rest one line: `check` tells it all. */
function warn(services: Services, diagnostics: readonly Diagnostic[], config: string): void {
  if (diagnostics.length === 0) return;
  const grave = diagnostics.filter(({ level }) => level === 'SECURITY_WARNING');
  for (const diagnostic of grave) services.stderr(`${renderText(diagnostic)}\n`);
  services.stderr(`${config}: ${summaryOf(diagnostics)}; npx bucketseal check --config ${config} shows them\n`);
}

function greeting(running: Running): readonly string[] {
  const { quickstart } = running;
  return [
    `bucketseal listens (revision ${running.revision})`,
    ...running.listeners.map(({ name, url }) => `  ${name.padEnd(8)} ${url}`),
    ...(running.admin === undefined ? [] : [`  ${'admin'.padEnd(8)} ${running.admin}`]),
    ...(quickstart === undefined ? [] : ['', ...quickstart.created.map((path) => `created  ${relative('', path)}`)]),
    ...(quickstart === undefined ? [] : pasteLines(running.listeners, quickstart)),
  ];
}
