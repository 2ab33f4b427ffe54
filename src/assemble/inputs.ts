import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { hasErrors, type Diagnostic } from '../config/diagnostics.ts';
import type { DeclaredConfig, GatewayConfig } from '../config/gateway-config.ts';
import type { LoadOutcome } from '../config/load.ts';
import { secret } from '../model/encryption.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { secureOptions, type TlsMaterial } from '../server/tls-material.ts';
import { compileLoaded, files, referenceSources } from './loading.ts';
import { selfTest } from './self-test.ts';

/** Everything that a configuration leads to on disk, read and judged: what a start or a reload builds from. */
export interface Inputs {
  readonly config: GatewayConfig;
  readonly revision: string;
  readonly policy: CompiledPolicy;
  readonly shadow: CompiledPolicy | undefined;
  /** The keyring's own ids of the keys that the policy names. */
  readonly aliases: readonly string[];
  /** By listener. */
  readonly certificates: ReadonlyMap<string, TlsMaterial>;
  /** None of them an ERROR. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The files on disk do not allow what was asked. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    const problems = diagnostics.filter((each) => hasErrors([each]));
    super(`the configuration cannot be used: ${problems.map(({ message }) => message).join('; ')}`);
    this.diagnostics = diagnostics;
  }
}

/** Reads a configuration and all it names; `outcome` is there for a bad one too. */
export function loadInputs(
  configFile: string,
  now: number,
): { readonly outcome: LoadOutcome; readonly inputs: Inputs | BadConfiguration } {
  const outcome = files.load(configFile);
  return { outcome, inputs: judged(outcome, now) };
}

/** Absolute paths whose content decides what the gateway does: the YAML files, certificates, authorities and secrets. */
export function watchedFiles({ files: own, config }: LoadOutcome): readonly string[] {
  return [...own, ...(config === undefined ? [] : [...tlsFilesOf(config), ...secretFilesOf(config)])];
}

/** Certificates and private authorities: each must be readable and what it says it is. */
export function judgeTlsFiles(
  config: Pick<GatewayConfig, 'listeners' | 'stores'>,
  now: number,
): { readonly certificates: ReadonlyMap<string, TlsMaterial>; readonly diagnostics: readonly Diagnostic[] } {
  const certificates = new Map<string, TlsMaterial>();
  const diagnostics: Diagnostic[] = [];
  for (const { name, tls } of config.listeners) {
    if (tls === undefined) continue;
    try {
      const material = {
        certificate: readFileSync(tls.certificate, 'utf8'),
        key: secret(readFileSync(tls.key, 'utf8')),
      };
      secureOptions(material, '1.2');
      certificates.set(name, material);
      if (Date.parse(new X509Certificate(material.certificate).validTo) < now)
        diagnostics.push(
          about(
            tls.certificate,
            'WARNING',
            'expired-certificate',
            `the certificate of the listener ${name} has expired`,
          ),
        );
    } catch (error) {
      const message = `the listener ${name} cannot use its certificate and key: ${reasonOf(error)}`;
      diagnostics.push(about(tls.certificate, 'ERROR', 'bad-certificate', message));
    }
  }
  for (const [name, store] of Object.entries(config.stores)) {
    if (store.kind !== 'remote' || store.ca === undefined) continue;
    try {
      new X509Certificate(readFileSync(store.ca, 'utf8'));
    } catch (error) {
      diagnostics.push(
        about(store.ca, 'ERROR', 'bad-ca', `the store ${name} cannot use its authority: ${reasonOf(error)}`),
      );
    }
  }
  return { certificates, diagnostics };
}

/** A finding about a file as a whole. */
export function about(file: string, level: Diagnostic['level'], code: string, message: string): Diagnostic {
  return { file, line: 1, column: 1, length: 1, level, code, message };
}

/** The innermost reason: what wraps it says only what was tried. */
export function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  return reason instanceof Error ? reason.message : String(reason);
}

function judged(outcome: LoadOutcome, now: number): Inputs | BadConfiguration {
  const { config, diagnostics } = outcome.resolve(referenceSources());
  const read = [...outcome.diagnostics, ...diagnostics];
  if (config === undefined || outcome.policy === undefined || hasErrors(read)) return new BadConfiguration(read);
  const tls = judgeTlsFiles(config, now);
  const policy = compileLoaded(outcome.policy, config);
  const shadow = outcome.shadow === undefined ? undefined : compileLoaded(outcome.shadow, config);
  const all = [
    ...read,
    ...tls.diagnostics,
    ...[policy, ...(shadow === undefined ? [] : [shadow])].flatMap((each) => selfTest(each, config, now)),
  ];
  if (hasErrors(all)) return new BadConfiguration(all);
  return {
    config,
    revision: outcome.revision,
    policy,
    shadow,
    aliases: policy.aliases.map((alias) => policy.keyAt(alias as never, 'keyring')),
    certificates: tls.certificates,
    diagnostics: all,
  };
}

function tlsFilesOf({ listeners, stores, keyring }: DeclaredConfig): readonly string[] {
  const authorities = [...Object.values(stores), keyring].flatMap((each) =>
    each !== undefined && 'ca' in each && each.ca !== undefined ? [each.ca] : [],
  );
  return [...listeners.flatMap(({ tls }) => (tls === undefined ? [] : [tls.certificate, tls.key])), ...authorities];
}

function secretFilesOf({ admin, stores, clients, keyring }: DeclaredConfig): readonly string[] {
  const credentials = Object.values(stores).flatMap((store) => (store.kind === 'remote' ? [store.credentials] : []));
  const references = [
    ...[
      ...credentials,
      ...clients,
      ...(keyring !== undefined && 'credentials' in keyring ? [keyring.credentials] : []),
    ].flatMap(({ accessKeyId, secretAccessKey, sessionToken }) => [accessKeyId, secretAccessKey, sessionToken]),
    keyring !== undefined && 'token' in keyring ? keyring.token : undefined,
    admin?.token,
  ];
  return references.flatMap((reference) => (reference?.from === 'file' ? [reference.value] : []));
}
