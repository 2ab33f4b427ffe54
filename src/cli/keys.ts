import { MANAGED_KEY } from '../model/keyring.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { KeyTool, Services } from './ports.ts';

export const KEY_ACTIONS = ['list', 'rotate', 'disable', 'enable'] as const;
export type KeyAction = (typeof KEY_ACTIONS)[number];

/** The managed key's name for people: `~managed` cannot be typed without quotes. */
const MANAGED = 'managed';

/** `bucketseal keys`: what the keyring holds, and its rotation. A running gateway sees each change with its next request. */
export async function keys(
  services: Services,
  config: string,
  asked: { readonly action: KeyAction; readonly key: string | undefined; readonly json: boolean },
): Promise<ExitCode> {
  const { action, json } = asked;
  if (action !== 'list' && asked.key === undefined) {
    services.stderr(`bucketseal: keys ${action} needs the name of a key, or ${MANAGED}\n`);
    return EXIT.usage;
  }
  const opened = await services.openKeys(config);
  if (!opened.ok) {
    services.stderr(`bucketseal: ${opened.reason}\n`);
    return EXIT.remote;
  }
  const say = (fields: Readonly<Record<string, string | number>>): void => {
    const text = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
    services.stdout(json ? `${JSON.stringify(fields)}\n` : `${text.join(' ')}\n`);
  };
  try {
    if (asked.key !== undefined) say(await act(opened.keyring, action, asked.key));
    else for (const { keyId, ...rest } of await opened.keyring.list()) say({ key: shown(keyId), ...rest });
    return EXIT.ok;
  } catch (error) {
    services.stderr(`bucketseal: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.remote;
  }
}

async function act(
  keyring: KeyTool,
  action: KeyAction,
  key: string,
): Promise<Readonly<Record<string, string | number>>> {
  const keyId = key === MANAGED ? MANAGED_KEY : key;
  switch (action) {
    case 'rotate':
      return { key, current: await keyring.rotate(keyId) };
    case 'disable':
      await keyring.disable(keyId);
      return { key, state: 'disabled' };
    case 'enable':
      await keyring.enable(keyId);
      return { key, state: 'enabled' };
    case 'list': {
      const info = (await keyring.list()).find((each) => each.keyId === keyId);
      if (info === undefined) throw new Error(`the keyring has no key ${key}`);
      const { keyId: _known, ...rest } = info;
      return { key, ...rest };
    }
  }
}

function shown(keyId: string): string {
  return keyId === MANAGED_KEY ? MANAGED : keyId;
}
