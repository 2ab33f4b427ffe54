import type { Dialect, EncodeContext } from '../../../src/dialects/dialect.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { ERROR_CODES, GatewayError, type ErrorCode } from '../../../src/model/errors.ts';
import { code, page, table } from './markdown.ts';

/** How every error of the model reads in every dialect, asked of the dialects themselves. */
export function errorsPage(): string {
  const dialects = Object.values(DIALECTS);
  return page(
    'Error codes',
    INTRODUCTION,
    table(
      ['error', ...dialects.map(({ name }) => `${name} clients`)],
      ERROR_CODES.map((error) => [code(error), ...dialects.map((dialect) => answerOf(dialect, error))]),
    ),
  );
}

const INTRODUCTION = `The first column is the name in logs, in the audit and in the label \`code\` of the metrics. The others say what a client
reads: status, code, and Alibaba's error number (EC) where this very error always carries one; single cases may carry
another. An answer to HEAD has no body; OSS clients find the document in \`x-oss-err\` there.`;

const CONTEXT: EncodeContext = {
  requestId: '0',
  now: 0,
  owner: '000000000000',
  method: 'GET',
  bucket: undefined,
  resource: '/',
  location: '',
  host: 'localhost',
};

function answerOf(dialect: Dialect, error: ErrorCode): string {
  const { status, headers, body } = dialect.encodeError(new GatewayError(error, 'x'), CONTEXT);
  // A 304 has no document.
  if (body === undefined) return String(status);
  if (!Buffer.isBuffer(body)) throw new Error(`${dialect.name} streams its error documents`);
  const word = /<Code>([^<]+)<\/Code>/.exec(body.toString('utf8'))?.[1];
  if (word === undefined) throw new Error(`${dialect.name} answers ${error} without a code`);
  const number = headers.find(([name]) => name === 'x-oss-ec')?.[1];
  return `${status} ${code(word)}${number === undefined ? '' : ` EC ${number}`}`;
}
