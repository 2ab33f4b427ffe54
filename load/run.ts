import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startGatewayProcess, type GatewayProcess } from '../test/external/gateway-process.ts';
import { tool } from '../test/external/servers.ts';
import { sendSigned } from './bench/presigned-requests.ts';

/**
 * `npm run load -- <workload> [scenario …]`: a gateway of its own on the embedded store, sealed under a named key, and
 * k6 against it. Ends with k6's own exit code: 99 where a budget was not kept.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string', default: '4096' } },
});
const scenarios = readdirSync(join(import.meta.dirname, 'scenarios')).map((file) => file.replace(/\.ts$/, ''));
const [workload = 'smoke', ...wanted] = positionals;
const unknown = wanted.find((name) => !scenarios.includes(name));
if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}; there are ${scenarios.join(', ')}`);

const BUCKET = 'load-orders';
const DOMAIN = 'storage.localhost';

const gateway = await startGatewayProcess({
  config: { domains: [DOMAIN] },
  policy: {
    version: 1,
    keys: { load: { keyring: 'load' } },
    buckets: [{ match: 'load-*', store: 'local', encryption: { default: { kms: 'load' } } }],
  },
});
try {
  await sendSigned({ origin: gateway.http, bucket: BUCKET, ...gateway.main }, 'PUT', '', undefined);
  for (const name of wanted.length === 0 ? scenarios : wanted)
    process.exitCode = (await runScenario(name, gateway)) || process.exitCode;
} finally {
  await gateway.close();
}

async function runScenario(name: string, { http, main }: GatewayProcess): Promise<number> {
  console.log(`\n${name}, ${workload}`);
  const script = join(import.meta.dirname, 'scenarios', `${name}.ts`);
  // k6 would otherwise report its use to its makers, and look for extensions on the network.
  const child = spawn(tool('k6'), ['run', '--no-usage-report', '--quiet', script], {
    stdio: 'inherit',
    env: {
      ...process.env,
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      WORKLOAD: workload,
      ENDPOINT: http,
      BUCKET,
      OSS_DOMAIN: DOMAIN,
      OBJECT_SIZE: values.size,
      ACCESS_KEY_ID: main.accessKeyId,
      SECRET_ACCESS_KEY: main.secretAccessKey,
    },
  });
  return await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code ?? 1));
  });
}
