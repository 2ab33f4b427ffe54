import { CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Services } from './ports.ts';
import { createProgram } from './program.ts';

/** Runs one command line (without `node` and the script) to its exit code. Never throws, never ends the process. */
export async function run(services: Services, argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(services, (given) => {
    code = given;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version are asked for; everything else that the parser throws is a wrong command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    services.stderr(`bucketseal: ${error instanceof Error ? error.message : 'unexpected failure'}\n`);
    return EXIT.unexpected;
  }
}
