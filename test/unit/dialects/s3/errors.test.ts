import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../../../src/dialects/s3/errors.ts';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import { ERROR_CODES, GatewayError } from '../../../../src/model/errors.ts';
import { headerOf } from '../../../../src/wire/message.ts';
import { childText, parseXml } from '../../../../src/wire/xml-document.ts';
import { CONTEXT, textOf } from './requests.ts';
import { notModified } from '../../../../src/model/not-modified.ts';

describe('errors to clients', () => {
  test.each(ERROR_CODES)('%s has a name, an error status and a message, even an empty one', async (code) => {
    const wire = s3.encodeError(new GatewayError(code, ''), CONTEXT);
    expect(wire.status).toBe(ERRORS[code].status);
    expect(wire.status).toBeGreaterThanOrEqual(300);
    if (wire.status === 304) return;
    const outcome = parseXml(Buffer.from(await textOf(wire)));
    if (!outcome.ok) throw new Error(outcome.reason);
    expect(childText(outcome.root, 'Code')).toBe(ERRORS[code].code);
    expect(childText(outcome.root, 'Message')).not.toBe('');
    expect(headerOf(wire.headers, 'content-length')).toBe(String(Buffer.byteLength(await textOf(wire))));
  });

  test('carry details, the resource and both ids, escaped', async () => {
    const error = new GatewayError('InvalidArgument', 'a < b & c', {
      details: { ArgumentName: 'x', ArgumentValue: '<&>', 'not an element': '1', Code: 'forged' },
    });
    expect(await textOf(s3.encodeError(error, { ...CONTEXT, resource: '/b/<k>' }))).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidArgument</Code><Message>a &lt; b &amp; c</Message>' +
        '<ArgumentName>x</ArgumentName><ArgumentValue>&lt;&amp;&gt;</ArgumentValue><Resource>/b/&lt;k&gt;</Resource>' +
        `<RequestId>REQUEST</RequestId><HostId>${Buffer.from('REQUEST/bucketseal').toString('base64')}</HostId></Error>`,
    );
  });

  test('have no body for HEAD and with a 304, which carries the ETag', () => {
    const head = s3.encodeError(new GatewayError('NoSuchKey', 'no'), { ...CONTEXT, method: 'HEAD' });
    expect([head.status, head.body]).toEqual([404, undefined]);
    const unchanged = s3.encodeError(notModified({ etag: 'e' }), CONTEXT);
    expect([unchanged.status, unchanged.body, headerOf(unchanged.headers, 'etag')]).toEqual([304, undefined, '"e"']);
  });

  test('use this dialect’s wording where there is one', async () => {
    const error = new GatewayError('AccessDenied', 'general', { wording: { s3: 'for S3', oss: 'for OSS' } });
    expect(await textOf(s3.encodeError(error, CONTEXT))).toContain('<Message>for S3</Message>');
  });
});
