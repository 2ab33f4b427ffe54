import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openLocalKeyring, type LocalKeyring } from '../../../src/keyrings/local/keyring.ts';
import { MANAGED_KEY, type WrapContext } from '../../../src/model/keyring.ts';

const CONTEXT: WrapContext = { gw: 'bucketseal/v1', tenant: '', bucket: 'orders', oid: 'ab'.repeat(16) };
const DEK = randomBytes(32);

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyring-'));
  file = join(directory, 'data', 'keyring.json');
});

const open = (): Promise<LocalKeyring> => openLocalKeyring({ file, now: Date.now, randomBytes });

describe('the keyring file', () => {
  test('is made on first start, private, and holds the managed and the default key', async () => {
    const before = process.umask(0);
    try {
      const keyring = await open();
      expect((await keyring.list()).map(({ keyId, state, versions }) => [keyId, state, versions])).toEqual([
        [MANAGED_KEY, 'enabled', 1],
        ['default', 'enabled', 1],
      ]);
    } finally {
      process.umask(before);
    }
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'data'))).toEqual(['keyring.json']);
  });

  test('is not touched by a second start', async () => {
    await open();
    const text = await readFile(file, 'utf8');
    await open();
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test.each([0o640, 0o604, 0o660, 0o700, 0o644])('of mode %o is refused', async (mode) => {
    await open();
    await chmod(file, mode);
    await expect(open()).rejects.toThrow(/chmod 600/);
  });

  test('of mode 0400 is taken', async () => {
    await open();
    await chmod(file, 0o400);
    await expect(open()).resolves.toBeDefined();
  });

  test.skipIf(process.geteuid?.() !== 0)('of another owner is refused (only root can plant one here)', async () => {
    await open();
    await chown(file, 54_321, 54_321);
    await expect(open()).rejects.toThrow(/belongs to user 54321/);
  });

  test('needs no write where nothing is to be made', async () => {
    const keyring = await open();
    const before = await stat(file);
    expect(await keyring.ensure(['default'])).toEqual([]);
    expect((await stat(file)).ino).toBe(before.ino);
    expect(await keyring.ensure(['more'])).toEqual(['more']);
    expect((await stat(file)).ino).not.toBe(before.ino);
  });

  test('notes once since when ages count, also in a file of release 0.1.0, which has no such line', async () => {
    const at = (ms: number): Promise<LocalKeyring> => openLocalKeyring({ file, now: () => ms, randomBytes });
    const keyring = await at(1_000);
    const own = await keyring.ownKey('upload-tokens');
    expect(await readFile(file, 'utf8')).not.toContain('since');
    expect(await (await at(5_000)).since()).toBe(5_000);
    const later = await at(9_000);
    expect(await later.since()).toBe(5_000);
    await later.rotate('default');
    expect(await (await at(10_000)).since()).toBe(5_000);
    expect(await later.ownKey('upload-tokens')).toEqual(own);
  });

  test('that is broken while it serves is ServiceUnavailable for every call, and heals', async () => {
    const keyring = await open();
    const wrapped = await keyring.wrap('default', DEK, CONTEXT);
    const text = await readFile(file, 'utf8');
    await writeFile(file, 'x');
    for (const call of [
      () => keyring.wrap('default', DEK, CONTEXT),
      () => keyring.unwrap(wrapped, CONTEXT),
      () => keyring.rewrap(wrapped, CONTEXT),
      () => keyring.list(),
      () => keyring.ensure(['x']),
      () => keyring.rotate('default'),
      () => keyring.disable('default'),
      () => keyring.ownKey('index'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    expect(await readFile(file, 'utf8')).toBe('x');
    await writeFile(file, text);
    expect(Buffer.from(await keyring.unwrap(wrapped, CONTEXT))).toEqual(DEK);
  });

  test('that is a link, a directory or no keyring is refused, and left as it is', async () => {
    await open();
    const real = join(directory, 'real.json');
    await rename(file, real);
    await symlink(real, file);
    await expect(open()).rejects.toThrow(/symbolic link/);
    await unlink(file);
    await mkdir(file);
    await expect(open()).rejects.toThrow(/regular file/);
    const other = join(directory, 'other.json');
    for (const text of ['', '{}', '{"format":"bucketseal-keyring/v2","keys":{},"dataKeys":{}}', 'secret-material']) {
      await writeFile(other, text, { mode: 0o600 });
      const failure = openLocalKeyring({ file: other, now: Date.now, randomBytes });
      await expect(failure).rejects.toThrow(/is not a keyring/);
      await expect(failure).rejects.not.toThrow(/secret-material/);
      expect(await readFile(other, 'utf8')).toBe(text);
    }
  });

  test('with a short or missing key is refused: nothing is padded', async () => {
    await open();
    const document = JSON.parse(await readFile(file, 'utf8')) as {
      keys: Record<string, { versions: Record<string, { material: string }> }>;
    };
    document.keys[MANAGED_KEY]!.versions['1']!.material = randomBytes(16).toString('base64');
    await writeFile(file, JSON.stringify(document));
    await expect(open()).rejects.toThrow(/is malformed/);
  });

  test('that others change at the same time loses nothing', async () => {
    const rings = await Promise.all([open(), open(), open()]);
    await Promise.all(
      rings.flatMap((ring, index) => [ring.ensure([`a${index}`]), ring.rotate('default'), ring.ensure(['shared'])]),
    );
    const list = await (await open()).list();
    expect(list.map(({ keyId }) => keyId).sort()).toEqual(['a0', 'a1', 'a2', 'default', 'shared', MANAGED_KEY].sort());
    expect(list.find(({ keyId }) => keyId === 'default')?.versions).toBe(4);
    for (const ring of rings) expect(await ring.list()).toEqual(list);
  });

  test('is not blocked by a lock that a dead process left', async () => {
    await open();
    await writeFile(`${file}.lock`, '');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${file}.lock`, longAgo, longAgo);
    await expect((await open()).ensure(['late'])).resolves.toEqual(['late']);
  });

  test('that is gone makes the keyring unavailable, never empty', async () => {
    const keyring = await open();
    const wrapped = await keyring.wrap('default', DEK, CONTEXT);
    const aside = join(directory, 'aside');
    await link(file, aside);
    await unlink(file);
    await expect(keyring.wrap('default', DEK, CONTEXT)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    await rename(aside, file);
    expect(Buffer.from(await keyring.unwrap(wrapped, CONTEXT))).toEqual(DEK);
  });
});

describe('wrapped keys', () => {
  test('unwrap after a restart and after a rotation, and rewrap to the current version', async () => {
    const keyring = await open();
    await keyring.ensure(['orders']);
    const first = await keyring.wrap('orders', DEK, CONTEXT);
    expect(await keyring.rotate('orders')).toBe('2');
    const again = await open();
    const second = await again.wrap('orders', DEK, CONTEXT);
    expect([first.keyVersion, second.keyVersion]).toEqual(['1', '2']);
    for (const wrapped of [first, second, await again.rewrap(first, CONTEXT)])
      expect(Buffer.from(await keyring.unwrap(wrapped, CONTEXT))).toEqual(DEK);
    expect((await again.rewrap(first, CONTEXT)).keyVersion).toBe('2');
    expect(await again.rewrap(second, CONTEXT)).toBe(second);
  });

  test('of one key and context never repeat', async () => {
    const keyring = await open();
    const blobs = await Promise.all(Array.from({ length: 20 }, () => keyring.wrap('default', DEK, CONTEXT)));
    expect(new Set(blobs.map(({ blob }) => blob)).size).toBe(20);
  });

  test('open for their own context, key, version and bytes only, with one uniform error', async () => {
    const keyring = await open();
    await keyring.ensure(['orders', 'other']);
    await keyring.rotate('orders');
    const wrapped = await keyring.wrap('orders', DEK, CONTEXT);
    const bytes = Buffer.from(wrapped.blob, 'base64');
    const flipped = [0, 40, 70, bytes.length - 1].map((index) => {
      const copy = Buffer.from(bytes);
      copy[index]! ^= 1;
      return { ...wrapped, blob: copy.toString('base64') };
    });
    const shortened = [0, 64, bytes.length - 1].map((length) => ({
      ...wrapped,
      blob: bytes.subarray(0, length).toString('base64'),
    }));
    const failures = [
      ...[{ bucket: 'x' }, { oid: 'x' }, { tenant: 'x' }].map((change) =>
        keyring.unwrap(wrapped, { ...CONTEXT, ...change }),
      ),
      ...[
        ...flipped,
        ...shortened,
        { ...wrapped, keyId: 'other' },
        { ...wrapped, keyVersion: '1' },
        { ...wrapped, keyVersion: '9' },
      ].map((altered) => keyring.unwrap(altered, CONTEXT)),
    ];
    const settled = await Promise.allSettled(failures);
    const seen = settled.map((outcome) =>
      outcome.status === 'rejected'
        ? `${(outcome.reason as { code: string }).code} ${(outcome.reason as Error).message}`
        : 'opened',
    );
    expect(new Set(seen)).toEqual(new Set(['InternalError We encountered an internal error. Please try again.']));
  });

  test('of unknown keys are refused: no fallback to another key', async () => {
    const keyring = await open();
    await expect(keyring.wrap('missing', DEK, CONTEXT)).rejects.toMatchObject({ code: 'KMS.NotFoundException' });
    for (const keyId of ['missing', '__proto__', 'constructor'])
      await expect(keyring.unwrap({ keyId, keyVersion: '1', blob: 'AAAA' }, CONTEXT)).rejects.toMatchObject({
        code: 'KMS.NotFoundException',
      });
    await expect(keyring.rotate('missing')).rejects.toMatchObject({ code: 'KMS.NotFoundException' });
    await expect(keyring.disable('missing')).rejects.toMatchObject({ code: 'KMS.NotFoundException' });
  });

  test('a key may be named __proto__', async () => {
    const keyring = await open();
    expect(await keyring.ensure(['__proto__', '__proto__'])).toEqual(['__proto__']);
    const wrapped = await keyring.wrap('__proto__', DEK, CONTEXT);
    expect(Buffer.from(await (await open()).unwrap(wrapped, CONTEXT))).toEqual(DEK);
  });
});

describe('key states', () => {
  test('bind at once, in other processes too, and can be undone', async () => {
    const [here, there] = [await open(), await open()];
    await here.ensure(['orders']);
    const wrapped = await there.wrap('orders', DEK, CONTEXT);
    for (const [change, code] of [
      ['disable', 'KMS.DisabledException'],
      ['scheduleDeletion', 'KMS.KMSInvalidStateException'],
    ] as const) {
      await here[change]('orders');
      await expect(there.wrap('orders', DEK, CONTEXT)).rejects.toMatchObject({ code });
      await expect(there.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code });
      await expect(there.rewrap(wrapped, CONTEXT)).rejects.toMatchObject({ code });
      await expect(there.rotate('orders')).rejects.toMatchObject({ code });
    }
    await here.enable('orders');
    expect(Buffer.from(await there.unwrap(wrapped, CONTEXT))).toEqual(DEK);
  });

  test('the managed key rotates but is always enabled', async () => {
    const keyring = await open();
    await expect(keyring.disable(MANAGED_KEY)).rejects.toMatchObject({ code: 'InvalidRequest' });
    expect(await keyring.rotate(MANAGED_KEY)).toBe('2');
  });
});

describe("the gateway's own keys", () => {
  test('stay the same over restarts and rotations, differ by name, and are not in clear in the file', async () => {
    const keyring = await open();
    const [index, other] = [await keyring.ownKey('index'), await keyring.ownKey('tokens')];
    expect(index).toHaveLength(32);
    expect(index.equals(other)).toBe(false);
    await keyring.rotate(MANAGED_KEY);
    expect((await (await open()).ownKey('index')).equals(index)).toBe(true);
    expect(await readFile(file, 'utf8')).not.toContain(index.toString('base64'));
  });

  test('asked for twice at once are one key', async () => {
    const rings = await Promise.all([open(), open()]);
    const [a, b] = await Promise.all(rings.map((ring) => ring.ownKey('index')));
    expect(a!.equals(b!)).toBe(true);
  });
});
