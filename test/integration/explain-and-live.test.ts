import { createHash } from 'node:crypto';
import { CreateBucketCommand, PutBucketEncryptionCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { files } from '../../src/assemble/loading.ts';
import { ask } from '../../src/cli/question.ts';
import type { RequestDescription } from '../../src/config/policy-cases.ts';
import type { Explanation } from '../../src/policy/explain.ts';
import { startGateway, type AuditLine, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';
import { describe as words, expectationOf } from '../../src/gateway/expectation.ts';

/**
 * The decision table on the embedded store: every combination is numbered, and every n-th is run (all of them in CI). `explain` answers from
 * the files alone, the gateway from the wire; both must say the same.
 */
const DEFAULTS = ['none', 'managed', { kms: 'default' }, { kms: 'orders' }, 'store'] as const;
const CLIENTS = ['choose', 'strengthen', 'ignore', 'refuse'] as const;
const ACCEPTS = [undefined, [], ['managed', { kms: 'orders' }, 'customer'], [{ kms: 'default' }]] as const;
const MODES = ['enforce', 'audit'] as const;
const BUCKET_RULES = [undefined, 'managed', { kms: 'orders' }] as const;
const PREFIXED = [false, true] as const;

interface Shape {
  readonly standard: (typeof DEFAULTS)[number];
  readonly clients: (typeof CLIENTS)[number];
  readonly accept: (typeof ACCEPTS)[number];
  readonly mode: (typeof MODES)[number];
}
const SHAPES: readonly Shape[] = DEFAULTS.flatMap((standard) =>
  CLIENTS.flatMap((clients) => ACCEPTS.flatMap((accept) => MODES.map((mode) => ({ standard, clients, accept, mode })))),
);

type Wish = RequestDescription['encryption'];
const KEY = Buffer.alloc(32, 7);
const CUSTOMER = {
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: KEY.toString('base64'),
  SSECustomerKeyMD5: createHash('md5').update(KEY).digest('base64'),
};
const WISHES: readonly { readonly explained: Wish; readonly sent: object }[] = [
  { explained: undefined, sent: {} },
  { explained: 'managed', sent: { ServerSideEncryption: 'AES256' } },
  { explained: { kms: 'default' }, sent: { ServerSideEncryption: 'aws:kms' } },
  { explained: { kms: 'orders' }, sent: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' } },
  { explained: { kms: 'archive' }, sent: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'archive' } },
  { explained: { kms: 'unknown' }, sent: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'unknown' } },
  { explained: { kms: 'orders', layers: 2 }, sent: { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: 'orders' } },
  { explained: 'customer', sent: CUSTOMER },
];
const WHO = ['all', 'orders', 'none', 'readonly'] as const;
const SECURE = [true, false] as const;

/** 77 is coprime to the sizes of the axes, so that every value meets every other: about 800 of 61 440 rows. A long run takes all. */
const EVERY = process.env['BUCKETSEAL_LONG'] === undefined ? 77 : 1;
const TIMEOUT_MS = 1_500_000;

describe('explain and the live gateway', () => {
  let gateway: TestGateway;
  const clients = new Map<string, S3Client>();
  const grants = [{ buckets: ['*'], actions: ['read', 'write', 'list', 'configure'] }];
  beforeAll(async () => {
    gateway = await startGateway({
      clients: {
        all: { name: 'all', grants, keys: ['*'] },
        orders: { name: 'orders', grants, keys: ['orders'] },
        none: { name: 'none', grants },
        readonly: { name: 'readonly', grants: [{ buckets: ['*'], actions: ['read'] }], keys: ['*'] },
      },
      policy: {
        version: 1,
        keys: { orders: {}, archive: {} },
        // Each rule its own object: shared ones would become YAML aliases, of which a file may have few.
        buckets: SHAPES.flatMap((shape, index) =>
          BUCKET_RULES.map((_rule, rule) => structuredClone(ruleOf(shape, `row-${index}-${rule}`))),
        ),
      },
    });
    for (const who of WHO)
      for (const secure of SECURE)
        clients.set(`${who} ${secure}`, awsClient(gateway, { secure, client: gateway.clients[who]! }));
  });
  afterAll(() => gateway.close());

  test(
    'agree on effect, encryption, rule and code, row by row',
    async () => {
      const { loaded, policy } = loadedOf(gateway);
      const made = new Set<string>();
      const different: string[] = [];
      let rows = 0;
      const outcomes = new Set<string>();
      for (const row of sampled()) {
        rows++;
        if (!made.has(row.bucket)) {
          made.add(row.bucket);
          await prepare(clients.get('all true')!, row);
        }
        const request: RequestDescription = {
          client: row.who,
          bucket: row.bucket,
          key: row.key,
          secure: row.secure,
          ...(row.wish.explained === undefined ? {} : { encryption: row.wish.explained }),
          ...(row.rule === undefined ? {} : { bucketRule: row.rule }),
        };
        const answer = ask(policy, loaded, request, Date.now());
        if (!answer.ok) throw new Error(answer.reason);
        const before = (await gateway.audit()).length;
        const live = await put(clients.get(`${row.who} ${row.secure}`)!, row);
        const recorded = (await gateway.audit()).slice(before).filter(({ kind }) => kind === 'decision');
        const expected = explained(answer.explanation);
        outcomes.add(expected.verdict);
        const problem = disagreement(expected, live, recorded);
        if (problem !== undefined && different.length < 10)
          different.push(`${JSON.stringify({ ...row, wish: row.wish.explained })}: ${problem}`);
      }
      expect(different).toEqual([]);
      expect(rows).toBeGreaterThan(700);
      expect(outcomes.size).toBeGreaterThan(6);
    },
    TIMEOUT_MS,
  );
});

interface Row {
  readonly bucket: string;
  readonly key: string;
  readonly shape: Shape;
  readonly rule: (typeof BUCKET_RULES)[number];
  readonly wish: (typeof WISHES)[number];
  readonly who: (typeof WHO)[number];
  readonly secure: boolean;
}

function* sampled(): Generator<Row> {
  const sizes = [SHAPES.length, BUCKET_RULES.length, WISHES.length, WHO.length, SECURE.length, PREFIXED.length];
  const total = sizes.reduce((product, size) => product * size, 1);
  for (let number = 0; number < total; number += EVERY) {
    let rest = number;
    const [shape, rule, wish, who, secure, prefixed] = sizes.map((size) => {
      const digit = rest % size;
      rest = Math.floor(rest / size);
      return digit;
    }) as [number, number, number, number, number, number];
    yield {
      bucket: `row-${shape}-${rule}`,
      key: PREFIXED[prefixed] === true ? 'public/k' : 'k',
      shape: SHAPES[shape]!,
      rule: BUCKET_RULES[rule],
      wish: WISHES[wish]!,
      who: WHO[who]!,
      secure: SECURE[secure]!,
    };
  }
}

function ruleOf({ standard, clients, accept, mode }: Shape, match: string): object {
  return {
    match,
    store: 'local',
    encryption: { default: standard, clients, ...(accept === undefined ? {} : { accept }) },
    ...(mode === 'audit' ? { mode: { audit: { until: '2099-01-01' } } } : {}),
    prefixes: [
      {
        prefix: 'public/',
        encryption: { default: { kms: 'default' }, clients: 'strengthen' },
        transport: { httpsOnly: true },
      },
    ],
  };
}

/** The bucket's own rule is put while the bucket can be reached as one that delegates, under its name at the store. */
async function prepare(s3: S3Client, { bucket, rule, shape }: Row): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  if (rule === undefined || (shape.standard !== 'store' && shape.mode !== 'audit')) return;
  const standard =
    rule === 'managed'
      ? { SSEAlgorithm: 'AES256' as const }
      : { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: rule.kms };
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: standard }] },
    }),
  );
}

async function put(
  s3: S3Client,
  { bucket, key, wish }: Row,
): Promise<{ readonly code: string; readonly shown: string }> {
  try {
    const done = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x', ...wish.sent }));
    const shown = [done.ServerSideEncryption, done.SSEKMSKeyId, done.SSECustomerAlgorithm].filter(
      (word) => word !== undefined,
    );
    return { code: 'allow', shown: shown.join(' ') };
  } catch (error) {
    const { name } = error as { readonly name: string };
    return { code: name, shown: '' };
  }
}

interface Expected {
  readonly verdict: string;
  readonly code: string;
  readonly shown: string | undefined;
  readonly decided: string | undefined;
  readonly rule: string | undefined;
  readonly wouldHave: boolean;
}

function explained({ access, decision }: Explanation): Expected {
  const refused = access?.effect === 'deny' ? access : decision;
  if (refused?.effect === 'deny') {
    const code = refused.codes?.['s3'] ?? refused.code;
    // Refused before the encryption is decided: nothing is recorded as a decision.
    const decided = access?.effect === 'deny' ? undefined : refused.code;
    return { verdict: `deny ${code}`, code, shown: '', decided, rule: ruleText(refused.rule), wouldHave: false };
  }
  if (decision?.effect !== 'allow') throw new Error('a write without a decision');
  const { encryption } = decision;
  const decided = words(expectationOf(encryption));
  return {
    verdict: decided,
    code: 'allow',
    shown: shownAs(encryption),
    decided,
    rule: ruleText(decision.rule),
    wouldHave: decision.wouldHave !== undefined,
  };
}

function shownAs(encryption: { readonly kind: string; readonly key?: unknown }): string | undefined {
  if (encryption.kind === 'managed') return 'AES256';
  if (encryption.kind === 'customer') return 'AES256';
  if (encryption.kind === 'kms') return `aws:kms ${String(encryption.key)}`;
  return '';
}

function ruleText(
  rule: { readonly file: string; readonly line: number; readonly name: string } | undefined,
): string | undefined {
  return rule === undefined ? undefined : `${rule.file}:${rule.line} ${rule.name}`;
}

function disagreement(
  expected: Expected,
  live: { readonly code: string; readonly shown: string },
  recorded: readonly AuditLine[],
): string | undefined {
  if (live.code !== expected.code) return `answered ${live.code}, explained ${expected.code}`;
  if (live.shown !== expected.shown) return `shown "${live.shown}", explained "${expected.shown ?? ''}"`;
  const line = recorded.at(-1);
  if (expected.decided === undefined)
    return line === undefined ? undefined : 'recorded a decision behind a closed door';
  if (line === undefined) return 'recorded nothing';
  if (line['effective'] !== expected.decided)
    return `recorded ${String(line['effective'])}, explained ${expected.decided}`;
  if (expected.rule !== undefined && line['rule'] !== expected.rule)
    return `recorded the rule ${String(line['rule'])}, explained ${expected.rule}`;
  if ((line.details?.['wouldHave'] !== undefined) !== expected.wouldHave) return 'disagree about audit mode';
  return undefined;
}

function loadedOf(gateway: TestGateway) {
  const outcome = files.load(gateway.configFile);
  const policy = files.compile(outcome);
  if (policy === undefined || outcome.config === undefined) throw new Error('the files do not load');
  return { loaded: outcome.config, policy };
}
