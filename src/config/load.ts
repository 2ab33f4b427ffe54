import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { PolicyDocument } from '../policy/document.ts';
import { POLICY_SCHEMA } from '../policy/schema.ts';
import { checkClientKeys } from './client-keys.ts';
import { hasErrors, inOrder } from './diagnostics.ts';
import type { Diagnostic } from './diagnostics.ts';
import { understandGateway } from './gateway-config.ts';
import type { DeclaredConfig, GatewayConfig } from './gateway-config.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { checkGateway } from './gateway-meaning.ts';
import { gatewaySchema } from './gateway-schema.ts';
import type { GatewayNames } from './gateway-schema.ts';
import { resolveConfig } from './resolution.ts';
import { checkSchema } from './schema-check.ts';
import type { JsonSchema } from './schema-check.ts';
import { checkReferences } from './secret-reference.ts';
import type { ReferenceSources } from './secret-reference.ts';
import type { ConfigFile } from './source-file.ts';
import { parseYamlFile } from './yaml-file.ts';
import type { Finding, YamlFile, YamlPath } from './yaml-file.ts';

/** What the loader is given, because it may not know it: the languages, the policy's meaning, the disk. */
export interface LoadPorts {
  readonly names: GatewayNames;
  readonly readFile: (path: string) => ConfigFile;
  /** The second pass, for meaning and feasibility; never throws for a bad policy. */
  readonly judgePolicy: (policy: LoadedPolicy, config: DeclaredConfig) => readonly PolicyFinding[];
}

/** A finding about a place in the policy's value; absent path: the file as a whole. */
export interface PolicyFinding extends Finding {
  readonly path?: YamlPath;
  readonly part?: 'key' | 'value';
}

/** A policy file that its schema accepts. */
export interface LoadedPolicy {
  readonly document: PolicyDocument;
  /** As diagnostics name it. */
  readonly file: string;
  readonly revision: string;
  /** The line of a path in the document, counted from 1. */
  lineOf(path: YamlPath): number;
}

/** Everything that was read. `config` and `policy` are there only where no ERROR stands against them. */
export interface LoadOutcome {
  readonly config: DeclaredConfig | undefined;
  readonly policy: LoadedPolicy | undefined;
  readonly shadow: LoadedPolicy | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Absolute paths to watch, whether they could be read or not. */
  readonly files: readonly string[];
  /** Of all files together. */
  readonly revision: string;
  /** Turns references into values, at `serve` and `check --online`; its diagnostics come on top. */
  resolve(sources: ReferenceSources): ResolveOutcome;
}

export interface ResolveOutcome {
  readonly config: GatewayConfig | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads and judges `gateway.yaml` and the policy files it names. Never throws for bad input; resolves no secret. */
export function loadConfig(file: string, ports: LoadPorts): LoadOutcome {
  const gateway = readYaml(file, ports);
  const gatewayFindings = [
    ...gateway.diagnostics,
    ...(gateway.value === undefined ? [] : checkSchema(gateway, schemaFor(ports.names))),
    ...(gateway.value === undefined ? [] : checkReferences(gateway)),
  ];
  const named = policyPathsOf(gateway.value);
  const document =
    gateway.value === undefined || !wellFormed(gatewayFindings) ? undefined : (gateway.value as GatewayDocument);
  const findings = document === undefined ? [] : checkGateway(gateway, document, ports.names);
  const declared = document === undefined ? undefined : understandGateway(document, gateway, ports.names);
  const [policy, shadow] = (['policy', 'shadowPolicy'] as const).map((key) =>
    named[key] === undefined ? undefined : readPolicy(key, named[key], gateway, declared, ports),
  );
  const keys = [policy, shadow].map((each) => (each === undefined ? [] : each.keys));
  // Where a policy cannot be read, nobody knows its keys, and that is said already.
  const undeclared =
    document === undefined || keys.includes(undefined)
      ? []
      : checkClientKeys(
          gateway,
          document,
          keys.flatMap((names) => names ?? []),
        );
  const diagnostics = inOrder([
    ...gatewayFindings,
    ...findings,
    ...undeclared,
    ...(policy?.diagnostics ?? []),
    ...(shadow?.diagnostics ?? []),
  ]);
  const config = hasErrors([...gatewayFindings, ...findings, ...undeclared]) ? undefined : declared;
  return {
    config,
    policy: policy?.loaded,
    shadow: shadow?.loaded,
    diagnostics,
    files: [file, ...[policy, shadow].flatMap((each) => (each === undefined ? [] : [each.file]))].map((path) =>
      resolve(path),
    ),
    revision: createHash('sha256')
      .update([gateway.revision, policy?.revision ?? '', shadow?.revision ?? ''].join('\n'))
      .digest('hex')
      .slice(0, 12),
    resolve: (sources) =>
      config === undefined ? { config: undefined, diagnostics: [] } : resolveConfig(config, gateway, sources),
  };
}

/** A policy file by itself: judged by its schema alone, since no gateway says what its stores can do. */
export function loadPolicyFile(
  file: string,
  readFile: LoadPorts['readFile'],
): { readonly loaded: LoadedPolicy | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const read = readFile(file);
  if (!read.ok) return { loaded: undefined, diagnostics: [unreadable(file, read.reason)] };
  const { candidate, diagnostics } = parsePolicy(file, read.text);
  return { loaded: candidate, diagnostics };
}

/** One schema for one registry, so that it is compiled once. */
const SCHEMAS = new WeakMap<GatewayNames, JsonSchema>();

function schemaFor(names: GatewayNames): JsonSchema {
  const schema = SCHEMAS.get(names) ?? gatewaySchema(names);
  SCHEMAS.set(names, schema);
  return schema;
}

interface PolicyOutcome {
  readonly file: string;
  readonly revision: string;
  /** The names that it declares; undefined where it cannot be read. */
  readonly keys: readonly string[] | undefined;
  readonly loaded: LoadedPolicy | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

function readPolicy(
  key: 'policy' | 'shadowPolicy',
  reference: string,
  gateway: YamlFile,
  config: DeclaredConfig | undefined,
  ports: LoadPorts,
): PolicyOutcome {
  const file = isAbsolute(reference) ? reference : join(dirname(gateway.file), reference);
  const read = ports.readFile(file);
  if (!read.ok) {
    const message = `the policy file ${file} cannot be read: ${read.reason}`;
    const missing = gateway.report(gateway.locate([key]), { level: 'ERROR', code: 'unreadable-file', message });
    return { file, revision: '', keys: undefined, loaded: undefined, diagnostics: [missing] };
  }
  const { yaml, candidate, diagnostics: formal } = parsePolicy(file, read.text);
  const { revision } = yaml;
  if (candidate === undefined) return { file, revision, keys: undefined, loaded: undefined, diagnostics: formal };
  const meaning =
    config === undefined
      ? []
      : ports
          .judgePolicy(candidate, config)
          .map(({ path = [], part, ...finding }) => yaml.report(yaml.locate(path, part), finding));
  const diagnostics = [...formal, ...meaning];
  const keys = Object.keys(candidate.document.keys ?? {});
  return { file, revision, keys, loaded: hasErrors(diagnostics) ? undefined : candidate, diagnostics };
}

function parsePolicy(
  file: string,
  text: string,
): {
  readonly yaml: YamlFile;
  readonly candidate: LoadedPolicy | undefined;
  readonly diagnostics: readonly Diagnostic[];
} {
  const yaml = parseYamlFile(file, text);
  const diagnostics = [...yaml.diagnostics, ...(yaml.value === undefined ? [] : checkSchema(yaml, POLICY_SCHEMA))];
  if (hasErrors(diagnostics)) return { yaml, candidate: undefined, diagnostics };
  const { revision } = yaml;
  const document = yaml.value as PolicyDocument;
  return { yaml, candidate: { document, file, revision, lineOf: (path) => yaml.locate(path).line }, diagnostics };
}

function readYaml(file: string, ports: LoadPorts): YamlFile {
  const read = ports.readFile(file);
  if (read.ok) return parseYamlFile(file, read.text);
  return { ...parseYamlFile(file, ''), diagnostics: [unreadable(file, read.reason)] };
}

function unreadable(file: string, reason: string): Diagnostic {
  const message = `the file cannot be read: ${reason}`;
  return { file, line: 1, column: 1, length: 1, level: 'ERROR', code: 'unreadable-file', message };
}

/** The policy is read and judged even where the rest of the gateway's file is wrong: one run tells everything. */
function policyPathsOf(value: unknown): Readonly<Record<'policy' | 'shadowPolicy', string | undefined>> {
  const named = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const pathOf = (key: string): string | undefined =>
    typeof named[key] === 'string' && named[key] !== '' ? named[key] : undefined;
  return { policy: pathOf('policy'), shadowPolicy: pathOf('shadowPolicy') };
}

/** A secret in clear is an ERROR, but not one that makes the rest unreadable. */
function wellFormed(diagnostics: readonly Diagnostic[]): boolean {
  return !hasErrors(diagnostics.filter(({ code }) => code !== 'clear-text-secret' && code !== 'bad-reference'));
}
