import fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { secret } from '../../../src/model/encryption.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import { createRedactor } from '../../../src/telemetry/redact.ts';

const NAMES = [
  'x-amz-signature',
  'x-amz-credential',
  'x-amz-security-token',
  'awsaccesskeyid',
  'signature',
  'ossaccesskeyid',
  'security-token',
  'x-oss-signature',
  'x-oss-credential',
  'x-oss-security-token',
  'authorization',
  'x-amz-server-side-encryption-customer-key',
  'x-amz-copy-source-server-side-encryption-customer-key',
];
const redactor = createRedactor({ secretNames: NAMES });

const anyCase = (name: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) =>
    Array.from(name)
      .map((letter, at) => (upper[at] === true ? letter.toUpperCase() : letter))
      .join(''),
  );
const secretName = fc.constantFrom(...NAMES).chain(anyCase);
/** What credentials, signatures and base64 keys are made of; long enough not to occur by chance. */
const secretValue = fc.stringMatching(/^[A-Za-z0-9+/]{16,44}={0,2}$/);
const word = fc.stringMatching(/^[a-z]{1,8}$/);

describe('the redactor', () => {
  test('lets no secret of a header list through, whatever its case', () => {
    fc.assert(
      fc.property(secretName, secretValue, word, (name, value, other) => {
        const lines = [
          ['host', other],
          [name, value],
          ['x-last', other],
        ] as const;
        for (const shown of [
          redactor.headers(lines),
          redactor.value(lines),
          redactor.value(lines.flat()),
          redactor.value({ headers: Object.fromEntries(lines) }),
        ])
          expect(JSON.stringify(shown)).not.toContain(value);
      }),
    );
  });

  test('lets no secret of a query through, nor of a whole target, nor behind an escaped name', () => {
    fc.assert(
      fc.property(secretName, secretValue, word, fc.boolean(), (name, value, other, escaped) => {
        const spelled = escaped ? `%${name.charCodeAt(0).toString(16)}${name.slice(1)}` : name;
        const target = `/${other}/${other}?${other}=1&${spelled}=${encodeURIComponent(value)}&uploads`;
        for (const shown of [redactor.query(target), redactor.text(target), redactor.text(`GET ${target} failed`)]) {
          expect(shown).not.toContain(encodeURIComponent(value));
          expect(shown).toContain(`/${other}/${other}?${other}=1`);
          expect(shown).toContain('uploads');
        }
      }),
    );
  });

  test('lets no secret of free text, JSON or an error through', () => {
    fc.assert(
      fc.property(secretName, secretValue, fc.constantFrom('=', ': ', ':', ' = '), (name, value, sign) => {
        const text = `refused ${name}${sign}${value} at once`;
        const json = JSON.stringify({ [name]: value, deep: JSON.stringify({ [name]: value }) });
        const cause = new GatewayError('AccessDenied', text);
        const error = new Error(json, { cause });
        const shown = redactor.value({ text, json, error, list: [new Map([[name, value]])], set: new Set([text]) });
        expect(JSON.stringify(shown)).not.toContain(value);
        expect(redactor.text(text)).not.toContain(value);
      }),
    );
  });

  test('removes configured values wherever they stand, encoded ones too', () => {
    fc.assert(
      fc.property(secretValue, word, (value, other) => {
        const own = createRedactor({ secretNames: [], secretValues: [secret(value)] });
        const shown = [
          own.text(`${other}${value}${other}`),
          own.query(`a=${encodeURIComponent(value)}`),
          own.text(Buffer.from(value).toString('base64')),
          JSON.stringify(own.value({ [other]: [value] })),
        ].join('\n');
        expect(shown).not.toContain(value);
        expect(shown).not.toContain(encodeURIComponent(value));
        expect(shown).not.toContain(Buffer.from(value).toString('base64'));
      }),
    );
  });

  test.each([
    [
      'Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/r/s/aws4_request, SignedHeaders=host, Signature=deadbeef',
      ['AKIDEXAMPLE', 'deadbeef'],
    ],
    ['Authorization: OSS LTAIexample:c2lnbmF0dXJl', ['LTAIexample', 'c2lnbmF0dXJl']],
    ['header was "OSS LTAIexample:c2lnbmF0dXJl"', ['c2lnbmF0dXJl']],
    ['sent Bearer eyJhbGciOi.J9.abc', ['eyJhbGciOi']],
    ['secretAccessKey="two words" here', ['two words']],
    ['{"password":"one\\"rest"}', ['one', 'rest']],
    ['X-Vault-Token: hvs.CAESI', ['hvs.CAESI']],
  ])('cleans %s', (text, secrets) => {
    for (const each of secrets) expect(redactor.text(text)).not.toContain(each);
  });

  test('leaves what is no secret readable', () => {
    const text = 'PUT photos: rule orders-* (policy.yaml:12) managed AES256, status=200 partNumber=3 AWS S3 said no';
    expect(redactor.text(text)).toBe(text);
    expect(redactor.value({ status: 200, ok: true, none: null, missing: undefined })).toEqual({
      status: 200,
      ok: true,
      none: null,
      missing: undefined,
    });
  });

  test('does not hang on a long text', { timeout: 10_000 }, () => {
    for (const text of [
      'a'.repeat(1e6),
      'a '.repeat(5e5),
      'signature'.repeat(1e5),
      `x${' '.repeat(1e6)}`,
      '"'.repeat(1e6),
    ])
      expect(redactor.text(text).length).toBeLessThan(40_000);
  });

  test('is bounded and prints neither bytes nor secrets of the model', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(inspect(redactor.value(loop), { depth: 20 })).toContain('[too deep]');
    expect(redactor.value({ data: Buffer.from('secret'), held: secret('x') })).toEqual({
      data: '[6 bytes]',
      held: '[redacted]',
    });
  });
});
