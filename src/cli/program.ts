import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { RequestDescription } from '../config/policy-cases.ts';
import { check } from './check.ts';
import { printCodes } from './codes.ts';
import { diffPolicies } from './diff.ts';
import type { ExitCode } from './exit-codes.ts';
import { explainRequest } from './explain.ts';
import type { ExplainOptions } from './explain-head.ts';
import { KEY_ACTIONS, keys, type KeyAction } from './keys.ts';
import { testPolicy } from './policy-test.ts';
import type { SchemaName, Services } from './ports.ts';
import { OPERATIONS } from './question.ts';
import { schema, SCHEMA_NAMES } from './schema.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';

/** The command line. Parsing never ends the process: `run` (in `run.ts`) turns everything into an exit code. */
export function createProgram(services: Services, done: (code: ExitCode) => void): Command {
  const program = new Command('bucketseal')
    .description('One endpoint in front of object stores: every object lands encrypted as one policy says.')
    .addHelpText('after', EXIT_CODES)
    .configureOutput({ writeOut: services.stdout, writeErr: services.stderr })
    .exitOverride()
    .showSuggestionAfterError();

  program
    .command('serve')
    .description('run the gateway')
    .addOption(configOption())
    .option(
      '--quickstart',
      'first make missing client credentials and certificates that the configuration names',
      false,
    )
    .action(async ({ config, quickstart }: { config: string; quickstart: boolean }) => {
      done(await serve(services, config, { quickstart }));
    });

  program
    .command('check')
    .description('judge the configuration and the policy, with file:line:column')
    .addOption(new Option('-c, --config <file>', 'gateway.yaml'))
    .option('--strict', 'exit 3 for warnings too', false)
    .option('--online', 'resolve references; ask stores and keyrings', false)
    .option('--codes', 'print every code with its level and meaning instead', false)
    .addOption(jsonOption())
    .action(async ({ config, codes, ...options }: CheckFlags, command: Command) => {
      if (codes) done(printCodes(services, options));
      else if (config === undefined) command.error("error: required option '-c, --config <file>' not specified");
      else done(await check(services, { ...options, config }));
    });

  program
    .command('explain')
    .description('why a request would be answered as it would')
    .addOption(configOption())
    .option(
      '--head <file>',
      'a pasted request: request line and headers, as in a log or from curl -v; - reads standard input',
    )
    .option('--bucket <name>', 'the bucket, as clients name it')
    .option('--key <key>', 'the object’s key')
    .option('--client <name>', 'a client by name or access key id; absent: one with every right')
    .addOption(new Option('--operation <name>', 'the operation').choices(OPERATIONS).default('PutObject'))
    .option('--encryption <wish>', 'managed, managed:SM4, kms:ALIAS, customer; absent: no wish', wish)
    .option('--bucket-rule <rule>', 'the bucket’s own rule at its store: managed, kms:ALIAS', rule)
    .option('--http', 'over plain HTTP', false)
    .addOption(new Option('--tls <version>', 'the TLS version').choices(['1.2', '1.3']).default('1.3'))
    .option('--at <date>', 'when the request comes (ISO 8601)')
    .addOption(jsonOption())
    .action(async (flags: ExplainFlags) => {
      const { config, json, head } = flags;
      done(await explainRequest(services, { config, json, head, request: requestOf(flags) }));
    });

  program
    .command('test')
    .description('run the cases beside the policy')
    .argument('[files...]', 'files of cases; none: policy.tests.yaml beside the policy')
    .addOption(configOption())
    .option('--junit <file>', 'write a JUnit report')
    .addOption(jsonOption())
    .action((files: string[], { config, junit, json }: { config: string; junit?: string; json: boolean }) => {
      done(testPolicy(services, { config, files, json, junit }));
    });

  program
    .command('diff')
    .description('what two policy files answer differently')
    .argument('<old>', 'a policy file')
    .argument('<new>', 'a policy file')
    .option('--audit <file>', 'decide recorded audit lines again under both; - reads standard input')
    .option('-c, --config <file>', 'gateway.yaml: what clients may do and what stores can')
    .addOption(jsonOption())
    .action(
      (old: string, next: string, { json, audit, config }: { json: boolean; audit?: string; config?: string }) => {
        done(diffPolicies(services, { old, new: next, audit, config, json }));
      },
    );

  program
    .command('schema')
    .description('print a JSON Schema, or write all of them')
    .argument('[name]', SCHEMA_NAMES.join(', '), schemaName)
    .option('--write <directory>', 'write all of them there')
    .action((name: SchemaName | undefined, { write }: { write?: string }) => {
      done(schema(services, name, write));
    });

  program
    .command('keys')
    .description('the keyring: list its keys, or rotate, disable, enable one (managed is the gateway’s own)')
    .addArgument(new Argument('<action>', 'what to do').choices(KEY_ACTIONS))
    .argument('[key]', 'a key of the keyring')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (action: KeyAction, key: string | undefined, { config, json }: { config: string; json: boolean }) => {
      done(await keys(services, config, { action, key, json }));
    });

  program
    .command('status')
    .description('what a running gateway says of itself')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config, json }: { config: string; json: boolean }) => {
      done(await status(services, config, { json }));
    });

  return program;
}

const EXIT_CODES = `
Exit codes: 0 ok, 1 unexpected, 2 differences, 3 invalid configuration, 4 tests failed,
            5 store, keyring or gateway does not answer, 64 usage, 130 interrupted`;

interface CheckFlags {
  readonly config?: string;
  readonly strict: boolean;
  readonly online: boolean;
  readonly codes: boolean;
  readonly json: boolean;
}

interface ExplainFlags {
  readonly config: string;
  readonly head?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly client?: string;
  readonly operation: string;
  readonly encryption?: NonNullable<RequestDescription['encryption']>;
  readonly bucketRule?: NonNullable<RequestDescription['bucketRule']>;
  readonly http: boolean;
  readonly tls: '1.2' | '1.3';
  readonly at?: string;
  readonly json: boolean;
}

function requestOf(flags: ExplainFlags): ExplainOptions['request'] {
  const { bucket, key, client, operation, encryption, bucketRule, tls, at } = flags;
  return {
    operation,
    tls,
    secure: !flags.http,
    ...(bucket === undefined ? {} : { bucket }),
    ...(key === undefined ? {} : { key }),
    ...(client === undefined ? {} : { client }),
    ...(encryption === undefined ? {} : { encryption }),
    ...(bucketRule === undefined ? {} : { bucketRule }),
    ...(at === undefined ? {} : { at }),
  };
}

function configOption(): Option {
  return new Option('-c, --config <file>', 'gateway.yaml').makeOptionMandatory();
}

function jsonOption(): Option {
  return new Option('--json', 'JSON lines').default(false);
}

function schemaName(text: string): SchemaName {
  const name = SCHEMA_NAMES.find((each) => each === text);
  if (name === undefined) throw new InvalidArgumentError(`It is one of ${SCHEMA_NAMES.join(', ')}.`);
  return name;
}

function wish(text: string): NonNullable<RequestDescription['encryption']> {
  return text === 'customer' ? text : rule(text);
}

function rule(text: string): NonNullable<RequestDescription['bucketRule']> {
  if (text === 'none' || text === 'managed') return text;
  const [kind, name] = text.split(/:(.*)/s);
  if (kind === 'managed' && (name === 'SM4' || name === 'AES256')) return { managed: name };
  if (kind === 'kms' && name !== undefined && name !== '') return { kms: name };
  throw new InvalidArgumentError('It is managed, managed:SM4, kms:ALIAS, kms:default or customer.');
}
