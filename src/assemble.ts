import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EXIT, type ExitCode } from './cli/exit-codes.ts';
import { OPERATIONS } from './cli/question.ts';
import {
  StartFailed,
  StartRefused,
  type QuickstartReport,
  type Running,
  type ServeOptions,
  type Services,
  type StatusReport,
} from './cli/ports.ts';
import { gatewaySchema } from './config/gateway-schema.ts';
import { prepareFirstStart, type QuickstartResult } from './config/quickstart.ts';
import { parseReference, resolveSecret, type Reference } from './config/secret-reference.ts';
import { readConfigFile } from './config/source-file.ts';
import { parseYamlFile } from './config/yaml-file.ts';
import { casesSchema } from './config/policy-cases.ts';
import { GatewayError } from './model/errors.ts';
import { openLocalKeyring } from './keyrings/local/keyring.ts';
import { POLICY_SCHEMA } from './policy/schema.ts';
import { createShutdown, wireFatalErrors, wireSignals } from './server/shutdown.ts';
import { files, NAMES, referenceSources } from './assemble/loading.ts';
import { readHead } from './inspection/pasted-head.ts';
import { storePreviews } from './inspection/store-preview.ts';
import { checkOnline } from './assemble/check-online.ts';
import { BadConfiguration } from './assemble/inputs.ts';
import { startRuntime, type Runtime } from './assemble/runtime.ts';

/** ms that load balancers get to see readiness go before the listeners close. */
const SHUTDOWN_GRACE_MS = 0;

const STATUS_TIMEOUT_MS = 5_000;

/** The file descriptor. */
const STDIN = 0;

/** The services that the commands ask for, over this process. */
export function createServices(): Services {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    colours: process.stdout.isTTY && process.stdout.hasColors(),
    now: Date.now,
    ...files,
    checkOnline: (outcome) => checkOnline(outcome, Date.now),
    readHead: (text, question) => readHead(text, question, referenceSources()),
    storePreviews,
    clientIds: (outcome) =>
      outcome.resolve(referenceSources()).config?.clients.map(({ accessKeyId }) => accessKeyId) ?? [],
    serve,
    status,
    openKeys,
    schemas: () => ({ gateway: gatewaySchema(NAMES), policy: POLICY_SCHEMA, cases: casesSchema(OPERATIONS) }),
    writeFile: (path, text) => {
      writeFileSync(path, text);
    },
    readFile: (path) => {
      try {
        return { ok: true, text: readFileSync(path === '-' ? STDIN : path, 'utf8') };
      } catch (error) {
        return { ok: false, reason: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

/** Whoever read the output has seen enough (`… | head`): what is still said goes nowhere, and the exit code stays the command's own. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function serve(configFile: string, options: ServeOptions): Promise<Running> {
  let quickstart: QuickstartResult | undefined;
  if (options.quickstart) {
    const { config, diagnostics } = files.load(configFile);
    if (config === undefined) throw new StartRefused(diagnostics);
    quickstart = await prepareFirstStart(config, { now: Date.now() });
  }
  const runtime = await startRuntime(configFile, Date.now).catch((error: unknown) => {
    if (error instanceof BadConfiguration) throw new StartRefused(error.diagnostics);
    if (error instanceof GatewayError && error.code === 'ServiceUnavailable')
      throw new StartFailed(error.message, { cause: error });
    throw error;
  });
  return runningOf(runtime, quickstart);
}

/** The keyring alone: a gateway may run beside it. It must exist, because a new one would open nothing. */
async function openKeys(configFile: string): ReturnType<Services['openKeys']> {
  const { config } = files.load(configFile);
  const keyring = config?.keyring;
  if (keyring?.type !== 'local') return { ok: false, reason: 'the configuration names no local keyring' };
  if (!existsSync(keyring.file)) return { ok: false, reason: `there is no keyring at ${keyring.file}` };
  try {
    return { ok: true, keyring: await openLocalKeyring({ file: keyring.file, now: Date.now, randomBytes }) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Asks the admin port of a running gateway. */
async function status(configFile: string): Promise<StatusReport> {
  const admin = adminOf(configFile);
  if (admin === undefined) return { reachable: false, detail: { reason: 'the configuration names no admin port' } };
  const { host, port, token } = admin;
  try {
    const response = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/status`, {
      signal: AbortSignal.timeout(STATUS_TIMEOUT_MS),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    if (!response.ok) return { reachable: false, detail: { reason: (await response.text()).trim() } };
    return { reachable: true, detail: (await response.json()) as Record<string, unknown> };
  } catch (error) {
    return { reachable: false, detail: { reason: error instanceof Error ? error.message : String(error) } };
  }
}

interface AdminAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
}

/** Also from a file that has mistakes elsewhere: that is when one asks what is still in force. */
function adminOf(configFile: string): AdminAddress | undefined {
  const { config } = files.load(configFile);
  if (config !== undefined) return config.admin && { ...config.admin, token: tokenIn(config.admin.token) };
  const read = readConfigFile(configFile);
  const value = read.ok ? parseYamlFile(configFile, read.text).value : undefined;
  const named = (value as { readonly admin?: Readonly<Record<string, unknown>> } | null)?.admin;
  if (typeof named?.['port'] !== 'number') return undefined;
  const { host, port, token } = named;
  return {
    host: typeof host === 'string' ? host : '127.0.0.1',
    port,
    token:
      typeof token === 'string'
        ? tokenIn(parseReference(token, ['admin', 'token'], dirname(resolve(configFile))))
        : undefined,
  };
}

function tokenIn(reference: Reference | undefined): string | undefined {
  return reference && resolveSecret(reference, 'client', referenceSources()).value?.reveal();
}

function runningOf(runtime: Runtime, quickstart: QuickstartResult | undefined): Running {
  const report = (error: unknown): void => runtime.telemetry.logger.error({ error }, 'shutdown');
  const shutdown = createShutdown({
    running: runtime.listening,
    unready: runtime.unready,
    grace: SHUTDOWN_GRACE_MS,
    budget: runtime.config.limits.shutdown,
    after: [runtime.close],
    report,
  });
  const stopped = new Promise<ExitCode>((resolve) => {
    wireFatalErrors(
      process,
      (error, origin) => runtime.telemetry.logger.error({ error, origin }, 'fatal'),
      (code) => process.exit(code),
    );
    wireSignals(process, {
      shutdown,
      reload: () => void runtime.reload(),
      exit: (code) => resolve(code === 0 ? EXIT.ok : EXIT.interrupted),
    });
  });
  const secureNames = new Set(runtime.config.listeners.filter(({ tls }) => tls !== undefined).map(({ name }) => name));
  return {
    listeners: runtime.listening.addresses.map(({ name, host, port }) => {
      const secure = secureNames.has(name);
      return { name, secure, url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}` };
    }),
    admin: runtime.admin === undefined ? undefined : `http://${runtime.admin.host}:${runtime.admin.port}`,
    revision: runtime.revision(),
    diagnostics: runtime.diagnostics,
    quickstart: quickstart === undefined ? undefined : { ...quickstart, credentials: firstCredentials(runtime) },
    stopped,
    stop: () => void shutdown.run(),
  };
}

/** What a quickstart shows on its terminal: whoever starts it can read the files that hold them. */
function firstCredentials({ config }: Runtime): QuickstartReport['credentials'] {
  const [first] = config.clients;
  return first && { accessKeyId: first.accessKeyId, secretAccessKey: first.secretAccessKey.reveal() };
}
