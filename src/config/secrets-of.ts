import type { Secret } from '../model/encryption.ts';

/** Every secret that a configuration holds, wherever it stands in it. */
export function secretsOf(value: unknown): readonly Secret[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isSecret(value)) return [value];
  const inside: readonly unknown[] = value instanceof Map ? [...value.values()] : Object.values(value);
  return inside.flatMap(secretsOf);
}

function isSecret(value: object): value is Secret {
  return 'reveal' in value && typeof value.reveal === 'function';
}
