import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { diagnosticsPage } from './diagnostics-page.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';
import { schemaPage } from './schema-page.ts';
import type { Schema } from './schema-rows.ts';

/** Where the pages lie. */
export const DIRECTORY = resolve(import.meta.dirname, '..');

/** Every generated page by its file name. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['gateway.md', schemaPage('gateway.yaml', shipped('gateway'), GATEWAY)],
    ['policy.md', schemaPage('policy.yaml', shipped('policy'), POLICY)],
    ['policy-tests.md', schemaPage('policy.tests.yaml', shipped('policy.tests'), TESTS)],
    ['diagnostics.md', diagnosticsPage()],
    ['metrics.md', await metricsPage()],
    ['errors.md', errorsPage()],
  ]);
}

const GATEWAY = `The operators' file, made from [gateway.schema.json](../../config/gateway.schema.json). Unknown keys are errors. Durations are
written \`500ms\`, \`15s\`, \`5m\`, \`2h\`, \`7d\`; sizes \`64KiB\`, \`256MiB\`, \`10GiB\`; numbers without a unit are milliseconds or
bytes. Secrets stand here by reference only: \`\${env:NAME}\` or \`\${file:/path}\`. A commented sample is
[config/gateway.yaml](../../config/gateway.yaml).`;

const POLICY = `The security team's file, made from [policy.schema.json](../../config/policy.schema.json). Unknown keys are errors. How these
settings work together is told in [The policy](../policy.md).`;

const TESTS = `The cases that \`npx bucketseal test\` runs, made from
[policy.tests.schema.json](../../config/policy.tests.schema.json). By default the file beside the policy.`;

function shipped(name: string): Schema {
  const file = resolve(import.meta.dirname, '../../../config', `${name}.schema.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as Schema;
}
