import { describe, expect, test } from 'vitest';
import { resolveAddress } from '../../../../src/dialects/s3/addressing.ts';
import { refusalOf } from './signed-requests.ts';

const addressing = {
  domains: ['storage.localhost', 'eu.storage.localhost'],
  cnames: { 'files.example.com': 'photos' },
};
const at = (host: string, path: string) => resolveAddress(host, path, addressing);

describe('path style', () => {
  test.each([
    ['/', undefined, undefined],
    ['/bucket', 'bucket', undefined],
    ['/bucket/', 'bucket', undefined],
    ['/bucket/key', 'bucket', 'key'],
    ['/bucket//key', 'bucket', '/key'],
    ['/bucket/../other/key', 'bucket', '../other/key'],
    ['/bucket/%2e%2e%2fother', 'bucket', '../other'],
    ['/bucket/a%2Fb', 'bucket', 'a/b'],
    ['/bucket/a%252Fb', 'bucket', 'a%2Fb'],
    ['/bucket/a+b%20c%2B', 'bucket', 'a+b c+'],
    ['/bucket/a//./b/', 'bucket', 'a//./b/'],
    ['/bucket/%E2%82%AC\\%5C', 'bucket', '€\\\\'],
    ['/%62ucket/key', 'bucket', 'key'],
  ])('%s', (path, bucket, key) => {
    for (const host of ['127.0.0.1:9000', '[::1]:9000', 'storage.localhost:9000', 'unknown.example.com'])
      expect(at(host, path)).toEqual({ bucket, key, style: 'path' });
  });
});

describe('virtual-hosted', () => {
  test.each([
    ['bucket.storage.localhost', '/a/b', 'bucket', 'a/b'],
    ['bucket.storage.localhost:9000', '/', 'bucket', undefined],
    ['a.b.storage.localhost', '/bucket/key', 'a.b', 'bucket/key'],
    ['bucket.eu.storage.localhost', '//x', 'bucket', '/x'],
    ['BUCKET.Storage.Localhost.', '/x', 'bucket', 'x'],
    ['files.example.com:443', '/x', 'photos', 'x'],
  ])('%s%s', (host, path, bucket, key) => {
    expect(at(host, path)).toEqual({ bucket, key, style: 'virtual' });
  });

  test('names of built-in properties are no CNAMEs', () => {
    expect(at('constructor', '/b/k')).toEqual({ bucket: 'b', key: 'k', style: 'path' });
  });
});

describe('refused', () => {
  test.each([
    ['/bucket/%zz', 'InvalidURI'],
    ['/bucket/%', 'InvalidURI'],
    ['/bucket/%ff', 'InvalidURI'],
    ['/bucket/%c0%ae', 'InvalidURI'],
    ['/bucket/%ed%a0%80', 'InvalidURI'],
    ['/bucket/a%00b', 'InvalidURI'],
    ['/%00/x', 'InvalidURI'],
    ['//key', 'InvalidBucketName'],
    ['/../key', 'InvalidBucketName'],
    ['/./key', 'InvalidBucketName'],
    ['/a%2Fb/key', 'InvalidBucketName'],
    ['/a%20b/key', 'InvalidBucketName'],
    [`/bucket/${'é'.repeat(512).replaceAll('é', '%C3%A9')}x`, 'KeyTooLongError'],
  ])('%s: %s', (path, code) => {
    expect(refusalOf(() => at('127.0.0.1', path)).code).toBe(code);
  });

  test('a key of 1024 bytes is the longest', () => {
    expect(at('127.0.0.1', `/bucket/${'../'.repeat(341)}x`).key?.length).toBe(1024);
    expect(refusalOf(() => at('127.0.0.1', `/bucket/${'a'.repeat(1025)}`)).details).toEqual({
      Size: 1025,
      MaxSizeAllowed: 1024,
    });
  });
});
