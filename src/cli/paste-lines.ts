import { relative } from 'node:path';
import type { QuickstartReport, RunningListener } from './ports.ts';

/**
 * What to paste into a shell and into programs after a first start. Credentials are named by their files: a secret on
 * the terminal ends up in scroll-back and logs.
 */
export function pasteLines(
  listeners: readonly RunningListener[],
  { credentials, certificate }: QuickstartReport,
): readonly string[] {
  if (credentials === undefined) return [];
  const [id, secret] = [shown(credentials.accessKeyId), shown(credentials.secretAccessKey)];
  const endpoint = (listeners.find(({ secure }) => !secure) ?? listeners[0])?.url ?? '';
  const tls = listeners.find(({ secure }) => secure)?.url;
  return [
    '',
    '# credentials, for a shell in this directory',
    `export AWS_ACCESS_KEY_ID="$(cat ${id})" AWS_SECRET_ACCESS_KEY="$(cat ${secret})" AWS_DEFAULT_REGION=us-east-1`,
    ...(certificate === undefined
      ? []
      : [
          `export AWS_CA_BUNDLE=${shown(certificate)} NODE_EXTRA_CA_CERTS=${shown(certificate)}   # for ${tls ?? 'https'}`,
        ]),
    '',
    '# AWS CLI',
    `aws --endpoint-url ${endpoint} s3api create-bucket --bucket kms-demo`,
    `aws --endpoint-url ${endpoint} s3api put-object --bucket kms-demo --key hello.txt --body package.json`,
    `aws --endpoint-url ${endpoint} s3api head-object --bucket kms-demo --key hello.txt   # ServerSideEncryption: aws:kms`,
    '',
    '// JavaScript, @aws-sdk/client-s3 (credentials from the environment above)',
    `const s3 = new S3Client({ endpoint: '${endpoint}', region: 'us-east-1', forcePathStyle: true });`,
    "await s3.send(new PutObjectCommand({ Bucket: 'kms-demo', Key: 'hello.txt', Body: 'hello' }));",
    '',
    '// JavaScript, ali-oss',
    "import { env } from 'node:process';",
    `const oss = new OSS({ endpoint: '${endpoint}', region: 'oss-cn-hangzhou', authorizationV4: true, bucket: 'kms-demo',`,
    '  accessKeyId: env.AWS_ACCESS_KEY_ID, accessKeySecret: env.AWS_SECRET_ACCESS_KEY });',
    "await oss.put('hello.txt', Buffer.from('hello'));",
  ];
}

function shown(path: string): string {
  const near = relative('', path);
  const text = near.startsWith('..') ? path : near;
  return /^[A-Za-z0-9_./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
