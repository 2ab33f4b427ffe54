import { relative } from 'node:path';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { pasteLines } from './paste-lines.ts';
import { StartRefused } from './ports.ts';
import type { Running, ServeOptions, Services } from './ports.ts';

/** `bucketseal serve`: prints where it listens and how to use it, then waits until the gateway has stopped. */
export async function serve(services: Services, config: string, options: ServeOptions): Promise<ExitCode> {
  let running: Running;
  try {
    running = await services.serve(config, options);
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    printDiagnostics({ ...services, stdout: services.stderr }, error.diagnostics, { json: false, subject: config });
    return EXIT.invalid;
  }
  if (running.diagnostics.length > 0)
    printDiagnostics({ ...services, stdout: services.stderr }, running.diagnostics, { json: false, subject: config });
  for (const line of greeting(running)) services.stdout(`${line}\n`);
  return running.stopped;
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
