import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { createPrometheus } from '../../../src/telemetry/prometheus.ts';
import { code, page, table } from './markdown.ts';

/** Everything that `/metrics` can show, read from a scrape after each instrument was used once. */
export async function metricsPage(): Promise<string> {
  const families = familiesOf(await scrape());
  const labels = [...new Set(families.flatMap((family) => family.labels))].sort();
  return page(
    'Metrics',
    INTRODUCTION,
    table(
      ['name', 'type', 'labels', 'meaning'],
      families.map(({ name, type, labels: own, help }) => [code(name), type, own.map(code).join(', '), help]),
    ),
    '## Labels',
    table(
      ['label', 'values'],
      labels.map((label) => [code(label), meaningOf(label)]),
    ),
  );
}

const INTRODUCTION = `\`GET /metrics\` of the admin port, in Prometheus' text format. Clients and stores choose no label's value: what was not
thought of is \`_OTHER\`. No bucket, key, access key id or address is a label. A counter appears with its first count.`;

const LABELS: Readonly<Record<string, string>> = {
  by: 'Who encrypts: `store`, `gateway`, or empty where nobody does',
  code: 'The [error](errors.md)',
  effect: '`allow` or `deny`; of what would have been: `deny` or `change`',
  form: 'The signature: `sigv4`, `sigv4-presigned`, `sigv2-presigned`, `oss-v1`, `oss-v1-url`, `oss-v2` …',
  http_request_method: '`GET`, `HEAD`, `PUT`, `POST`, `DELETE`, `OPTIONS`',
  http_response_status_code: 'The status that was answered',
  kind: 'Of the encryption: `none`, `managed`, `kms`, `customer`, `unspecified`',
  listener: 'The name in `listeners:`',
  mode: '`enforce` or `audit`',
  operation: "The operation in S3's words, `Passthrough` for sub-resources that cross",
  source: '`audit` mode or the `shadow` policy',
  status: "The store's status; 0 where it gave no answer",
  store: 'The name in `stores:`',
};

const WRITE = { store: 's', operation: 'PutObject', kind: 'kms', bucket: 'b' };

/** One use of each instrument; a new one does not compile without its own. */
const USES: { readonly [Name in keyof Metrics]: (metrics: Metrics) => void } = {
  request: (metrics) =>
    metrics.request({ method: 'GET', status: 200, listener: 'l', operation: 'GetObject', bucket: 'b', seconds: 1 }),
  decision: (metrics) =>
    metrics.decision({ operation: 'PutObject', effect: 'allow', by: 'store', mode: 'enforce', bucket: 'b' }),
  reloaded: (metrics) => metrics.reloaded({ ok: true, atSeconds: 1 }),
  notHonoured: (metrics) => metrics.notHonoured(WRITE),
  unproven: (metrics) => metrics.unproven(WRITE),
  overridden: (metrics) => metrics.overridden({ bucket: 'b' }),
  wouldHave: (metrics) => metrics.wouldHave({ source: 'audit', effect: 'deny', operation: 'PutObject', bucket: 'b' }),
  refused: (metrics) => metrics.refused({ code: 'AccessDenied' }),
  signatureForm: (metrics) => metrics.signatureForm('sigv4'),
  upstream: (metrics) => metrics.upstream({ store: 's', operation: 'PutObject', status: 200, seconds: 1 }),
  auditDropped: (metrics) => metrics.auditDropped(1),
  watchInFlight: (metrics) => metrics.watchInFlight(() => ({ requests: 1, bytes: 1 })),
};

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

async function scrape(): Promise<string> {
  const prometheus = createPrometheus('bucketseal');
  const metrics = createMetrics(prometheus.meter, []);
  for (const use of Object.values(USES)) use(metrics);
  const text = await prometheus.scrape();
  await prometheus.close();
  return text;
}

/** `# HELP name text`, `# TYPE name type`, then the samples: labels are read from those. */
function familiesOf(text: string): readonly Family[] {
  const families = [...text.matchAll(/^# HELP (\S+) (.*)\n(?:# UNIT .*\n)?# TYPE \S+ (\S+)\n((?:[^#\n].*\n?)*)/gm)];
  return families
    .map(([, name = '', help = '', type = '', samples = '']) => ({ name, type, help, labels: labelsOf(samples) }))
    .filter(({ name }) => name !== 'target_info' && name !== 'otel_scope_info')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function labelsOf(samples: string): readonly string[] {
  const names = [...samples.matchAll(/([A-Za-z_][A-Za-z0-9_]*)="/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter((name) => name !== 'le' && !name.startsWith('otel_scope_'));
}

function meaningOf(label: string): string {
  const meaning = LABELS[label];
  if (meaning === undefined) throw new Error(`the label ${label} has no meaning in docs/reference/generate`);
  return meaning;
}
