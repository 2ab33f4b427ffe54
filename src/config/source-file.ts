import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { YAML_LIMITS } from './yaml-file.ts';

/** A configuration file's text, or why it cannot be had. */
export type ConfigFile = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

/** Reads a regular file of bounded size as UTF-8; a pipe or device is refused, not waited for. */
export function readConfigFile(path: string): ConfigFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { ok: false, reason: 'it is no regular file' };
    if (stat.size > YAML_LIMITS.bytes) return { ok: false, reason: `it has more than ${YAML_LIMITS.bytes} bytes` };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor)) };
  } catch (error) {
    return { ok: false, reason: error instanceof TypeError ? 'it is not UTF-8' : reasonOf(error) };
  } finally {
    closeSync(descriptor);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  return REASONS[code] ?? code;
}
