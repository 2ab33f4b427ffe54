import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { hasErrors, type Diagnostic, type Level } from '../config/diagnostics.ts';
import type { GatewayConfig, StoreConfig } from '../config/gateway-config.ts';
import type { LoadOutcome } from '../config/load.ts';
import { readConfigFile } from '../config/source-file.ts';
import { parseYamlFile, type YamlPath } from '../config/yaml-file.ts';
import { openLocalKeyring } from '../keyrings/local/keyring.ts';
import { GatewayError } from '../model/errors.ts';
import type { Backend } from '../model/backend.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { judgeTlsFiles, reasonOf } from './inputs.ts';
import { compileLoaded, referenceSources } from './loading.ts';
import { openStores } from './stores.ts';

/** Resolves references, and asks every store and the keyring a cheap question. Writes nothing, takes no lock. */
export async function checkOnline(outcome: LoadOutcome, now: () => number): Promise<readonly Diagnostic[]> {
  const { config, diagnostics } = outcome.resolve(referenceSources());
  if (config === undefined || outcome.policy === undefined) return diagnostics;
  const tls = judgeTlsFiles(config, now());
  const before = [...diagnostics, ...tls.diagnostics];
  if (hasErrors(before)) return before;
  const policy = compileLoaded(outcome.policy, config);
  const at = locator(config.file);
  const stores = await Promise.all(
    Object.entries(config.stores).map(async ([name, store]) =>
      store.kind === 'embedded'
        ? await checkDirectory(store, at(['stores', name]))
        : await checkRemote(config, name, policy, { at, now }),
    ),
  );
  return [...before, ...stores.flat(), ...(await checkKeyring(config, policy, { at, now }))];
}

type Report = (level: Level, code: string, message: string) => Diagnostic;
type Locator = (path: YamlPath) => Report;

/** Findings at their lines of gateway.yaml. */
function locator(file: string): Locator {
  const read = readConfigFile(file);
  const yaml = parseYamlFile(file, read.ok ? read.text : '');
  return (path) => (level, code, message) => yaml.report(yaml.locate(path, 'key'), { level, code, message });
}

interface Context {
  readonly at: Locator;
  readonly now: () => number;
}

async function checkRemote(
  config: GatewayConfig,
  name: string,
  policy: CompiledPolicy,
  { at, now }: Context,
): Promise<readonly Diagnostic[]> {
  const report = at(['stores', name]);
  const only = Object.fromEntries(Object.entries(config.stores).filter(([other]) => other === name));
  const opened = await openStores({ ...config, stores: only }, [], {
    now,
    log: () => undefined,
    columnKey: noEmbeddedStore,
    rowsBound: () => ({ known: noEmbeddedStore, remember: noEmbeddedStore }),
    observe: () => undefined,
    uploadsBefore: () => 0,
  });
  const backend = opened.get(name)?.backend;
  if (backend === undefined) return [];
  try {
    return await ask(backend, literalBucket(policy, name), report);
  } finally {
    await backend.close();
  }
}

function noEmbeddedStore(): Promise<never> {
  return Promise.reject(new Error('no embedded store is opened'));
}

async function ask(backend: Backend, bucket: string | undefined, report: Report): Promise<readonly Diagnostic[]> {
  const context = { requestId: 'check' };
  try {
    await backend.execute({ operation: 'ListBuckets' }, context);
    return [];
  } catch (error) {
    if (codeOf(error) !== 'AccessDenied') return [failureOf(backend.name, error, report)];
  }
  // Many credentials may not list buckets: then one that the policy names must be reachable.
  if (bucket === undefined)
    return [report('WARNING', 'store-unproven', `the store ${backend.name} lets the gateway list no buckets`)];
  try {
    await backend.execute({ operation: 'HeadBucket', bucket }, context);
    return [];
  } catch (error) {
    if (codeOf(error) === 'NoSuchBucket')
      return [report('WARNING', 'store-unproven', `the store ${backend.name} answers, and has no bucket ${bucket}`)];
    return [failureOf(backend.name, error, report)];
  }
}

function literalBucket(policy: CompiledPolicy, store: string): string | undefined {
  const rule = policy.set.rules.find((each) => each.store === store && !each.pattern.includes('*'));
  return rule === undefined ? undefined : policy.route(rule.pattern)?.storeBucket;
}

function failureOf(store: string, error: unknown, report: Report): Diagnostic {
  const reason = reasonOf(error);
  const code = codeOf(error);
  if (code === undefined || code === 'ServiceUnavailable')
    return report('ERROR', 'store-unreachable', `the store ${store} does not answer: ${reason}`);
  return report('ERROR', 'store-refused', `the store ${store} refuses the gateway: ${reason === '' ? code : reason}`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof GatewayError ? error.code : undefined;
}

/** The nearest directory that exists must be one to write in; a gateway that runs holds the store's lock, so it is not opened. */
async function checkDirectory(
  { directory }: Extract<StoreConfig, { kind: 'embedded' }>,
  report: Report,
): Promise<readonly Diagnostic[]> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      if (!(await stat(path)).isDirectory()) throw new Error(`${path} is no directory`);
      await access(path, constants.W_OK | constants.X_OK);
      return [];
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (missing && dirname(path) !== path) continue;
      return [report('ERROR', 'store-directory', `${directory} cannot be used: ${reasonOf(error)}`)];
    }
  }
}

/** Keys that the policy names and that are not there yet are made by the start. */
async function checkKeyring(
  config: GatewayConfig,
  policy: CompiledPolicy,
  { at, now }: Context,
): Promise<readonly Diagnostic[]> {
  const { keyring } = config;
  if (keyring === undefined) return [];
  const report = at(['keyring']);
  try {
    if (keyring.type !== 'local') throw new Error('only the local keyring is available');
    // Opening would make the file.
    if (!(await exists(keyring.file))) return [];
    const opened = await openLocalKeyring({ file: keyring.file, now, randomBytes });
    const known = new Map((await opened.list()).map((key) => [key.keyId, key]));
    return policy.aliases.flatMap((alias): readonly Diagnostic[] => {
      const id = policy.keyAt(alias as never, 'keyring');
      const key = known.get(id);
      if (key === undefined) return [report('SUGGESTION', 'missing-kms-key', `the keyring has no key ${id} yet`)];
      if (key.state === 'enabled') return [];
      return [report('ERROR', 'unusable-kms-key', `the key ${id} is ${key.state}`)];
    });
  } catch (error) {
    return [report('ERROR', 'keyring-unavailable', `the keyring cannot be used: ${reasonOf(error)}`)];
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: unknown) => !(error instanceof Error && 'code' in error && error.code === 'ENOENT'),
  );
}
