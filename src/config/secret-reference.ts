import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { secret } from '../model/encryption.ts';
import type { Secret } from '../model/encryption.ts';
import type { Environment } from './environment.ts';
import { isReference } from './secret-mask.ts';
import type { Finding, YamlFile, YamlPath } from './yaml-file.ts';
import type { Diagnostic } from './diagnostics.ts';

/** A value as configured: in clear, from the environment or from a file. `path` leads back to its line. */
export interface Reference {
  readonly from: 'clear' | 'env' | 'file';
  /** The value, the variable's name, or the absolute path. */
  readonly value: string;
  readonly path: YamlPath;
}

/** Where references are resolved: the environment, and what a file must be. */
export interface ReferenceSources {
  readonly environment: Environment;
  readonly readFile: (path: string) => ReferencedFile;
}

export type ReferencedFile =
  | { readonly ok: true; readonly text: string; readonly worldReadable: boolean }
  | { readonly ok: false; readonly reason: string };

/** Who will rely on the secret: a client's (or the operator's) opens this gateway, a store's was chosen elsewhere. */
export type SecretUse = 'client' | 'store';

/** Reads `${env:NAME}` and `${file:/path}`; relative files stand relative to `directory`. */
export function parseReference(text: string, path: YamlPath, directory: string): Reference {
  if (!isReference(text)) return { from: 'clear', value: text, path };
  const body = text.slice(2, -1);
  const value = body.slice(body.indexOf(':') + 1);
  return body.startsWith('env:')
    ? { from: 'env', value, path }
    : { from: 'file', value: resolve(directory, value), path };
}

/**
 * Judges the form of every reference in a file, also in one that its schema refuses: a secret must be a reference,
 * and what looks like a reference must be one that is known here. That is all that `check` does without `--online`.
 */
export function checkReferences(file: YamlFile): readonly Diagnostic[] {
  return scalarsOf(file.value, []).flatMap(({ path, text }) => {
    const key = path.at(-1);
    if (typeof key !== 'string' || !REFERENCE_KEYS.includes(key) || isReference(text)) return [];
    const at = file.locate(path);
    if (/^\$\{.*\}$|^\$[A-Z_][A-Z0-9_]*$/.test(text))
      return [
        file.report(at, {
          level: 'ERROR',
          code: 'bad-reference',
          message: `"${key}" is no reference that is known here`,
          suggestion: 'write ${env:NAME} or ${file:/path}',
        }),
      ];
    if (key === 'accessKeyId') return [];
    return [
      file.report(at, {
        level: 'ERROR',
        code: 'clear-text-secret',
        message: `"${key}" stands in clear text`,
        suggestion: 'write ${env:NAME} or ${file:/path}, and replace the secret: it has been in a file',
      }),
    ];
  });
}

export type Resolved = { readonly value: Secret | undefined; readonly findings: readonly Finding[] };

/** Reads what a reference names. Never puts the value into a finding. */
export function resolveSecret(reference: Reference, use: SecretUse, sources: ReferenceSources): Resolved {
  const { text, findings } = textOf(reference, sources);
  if (text === undefined) return { value: undefined, findings };
  const refusal = weaknessOf(text, use, String(reference.path.at(-1)));
  const all = refusal === undefined ? findings : [...findings, refusal];
  return { value: all.some(({ level }) => level === 'ERROR') ? undefined : secret(text), findings: all };
}

/** The same for a value that is no secret (an access key id). */
export function resolveText(
  reference: Reference,
  sources: ReferenceSources,
): { readonly value: string | undefined; readonly findings: readonly Finding[] } {
  const { text, findings } = textOf(reference, sources);
  if (text === undefined) return { value: undefined, findings };
  return /^[\x21-\x7e]{1,256}$/.test(text)
    ? { value: text, findings }
    : {
        value: undefined,
        findings: [...findings, failure('bad-value', `${wordsFor(reference)} holds no access key id`)],
      };
}

/** Opens a referenced file without waiting on a pipe or device, and judges what was opened, not the name (no race). */
export function readReferencedFile(path: string): ReferencedFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { ok: false, reason: error instanceof Error && 'code' in error ? String(error.code) : 'unreadable' };
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { ok: false, reason: 'it is no regular file' };
    if (stat.size > SECRET_FILE_BYTES) return { ok: false, reason: `it has more than ${SECRET_FILE_BYTES} bytes` };
    const text = readFileSync(descriptor, 'utf8').replace(/\r?\n$/, '');
    return { ok: true, text, worldReadable: (stat.mode & 0o004) !== 0 };
  } finally {
    closeSync(descriptor);
  }
}

const REFERENCE_KEYS: readonly string[] = ['accessKeyId', 'secretAccessKey', 'sessionToken', 'token'];

function scalarsOf(value: unknown, path: YamlPath): readonly { readonly path: YamlPath; readonly text: string }[] {
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value)
      ? (value as readonly unknown[]).flatMap((item, index) => scalarsOf(item, [...path, index]))
      : Object.entries(value).flatMap(([key, item]) => scalarsOf(item, [...path, key]));
  }
  return typeof value === 'string' ? [{ path, text: value }] : [];
}

const SECRET_FILE_BYTES = 64 * 1024;

/** One captured signature lets anybody try secrets offline: short ones fall, published ones fall at once. */
const CLIENT_SECRET_CHARACTERS = 16;
const PUBLISHED = [
  'minioadmin',
  'changeme',
  'password',
  'secret',
  'secretkey',
  'secretaccesskey',
  'yoursecretaccesskey',
  'yoursecretkey',
  'admin',
  'rustfsadmin',
  'wjalrxutnfemi/k7mdeng/bpxrficyexamplekey',
  'wjalrxutnfemi/k7mdeng+bpxrficyexamplekey',
];

function weaknessOf(text: string, use: SecretUse, name: string): Finding | undefined {
  if (text.trim() === '') return failure('empty-secret', `"${name}" is empty`);
  if (/[\0\r\n]/.test(text)) return failure('bad-secret', `"${name}" has more than one line`);
  const plain = text.toLowerCase().replace(/[-_\s]/g, '');
  const published = PUBLISHED.includes(plain) || plain.endsWith('examplekey') || /^(.)\1*$/.test(text);
  if (published && use === 'client') return failure('example-secret', `"${name}" is an example that everybody knows`);
  if (published)
    return {
      level: 'SECURITY_WARNING',
      code: 'example-secret',
      message: `"${name}" is an example that everybody knows`,
    };
  if (use === 'client' && name !== 'sessionToken' && text.length < CLIENT_SECRET_CHARACTERS)
    return failure('short-secret', `"${name}" has fewer than ${CLIENT_SECRET_CHARACTERS} characters`);
  return undefined;
}

function textOf(
  reference: Reference,
  sources: ReferenceSources,
): { readonly text: string | undefined; readonly findings: readonly Finding[] } {
  if (reference.from === 'clear') return { text: reference.value, findings: [] };
  if (reference.from === 'env') {
    const text = sources.environment[reference.value];
    return text === undefined
      ? { text, findings: [failure('unresolved-reference', `${wordsFor(reference)} is not set`)] }
      : { text, findings: [] };
  }
  const file = sources.readFile(reference.value);
  if (!file.ok)
    return {
      text: undefined,
      findings: [failure('unresolved-reference', `${wordsFor(reference)} cannot be used: ${file.reason}`)],
    };
  const findings: readonly Finding[] = file.worldReadable
    ? [
        {
          level: 'SECURITY_WARNING',
          code: 'readable-secret',
          message: `${wordsFor(reference)} is readable by everybody`,
        },
      ]
    : [];
  return { text: file.text, findings };
}

function wordsFor(reference: Reference): string {
  if (reference.from === 'env') return `the variable ${reference.value}`;
  return reference.from === 'file' ? `the file ${reference.value}` : `"${String(reference.path.at(-1))}"`;
}

function failure(code: string, message: string): Finding {
  return { level: 'ERROR', code, message };
}
