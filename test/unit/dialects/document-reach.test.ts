import { describe, expect, test } from 'vitest';
import { reachOf } from '../../../src/dialects/document-reach.ts';
import { parseXml } from '../../../src/wire/xml-document.ts';

function reach(text: string): ReturnType<typeof reachOf> {
  const outcome = parseXml(Buffer.from(text));
  if (!outcome.ok) throw new Error(outcome.reason);
  return reachOf(outcome.root);
}

describe('what a document makes a store do', () => {
  test.each([
    ['a bucket for logs', '<A><LoggingEnabled><TargetBucket>b</TargetBucket></LoggingEnabled></A>', ['b']],
    ['an ARN', '<A><S3BucketDestination><Bucket>arn:aws-cn:s3:::b</Bucket></S3BucketDestination></A>', ['b']],
    ['Alibaba’s ARN', '<A><OSSBucketDestination><Bucket>acs:oss:::b</Bucket></OSSBucketDestination></A>', ['b']],
    ['Alibaba’s ARN with region and owner', '<A><Destination><Bucket>acs:oss:cn:1:b</Bucket></Destination></A>', ['b']],
    ['any depth, prefix and case', '<A><x:b xmlns:x="u"><x:targetbucket> b </x:targetbucket></x:b></A>', ['b']],
    ['several', '<A><TargetBucket>b</TargetBucket><B><TargetBucket>c</TargetBucket></B></A>', ['b', 'c']],
    ['characters written as references', '<A><TargetBucket>&#98;</TargetBucket></A>', ['b']],
    ['what is no name, as it is', '<A><TargetBucket>b/c</TargetBucket></A>', ['b/c']],
    ['a name with elements in it, as none', '<A><TargetBucket>b<C/></TargetBucket></A>', ['']],
    ['an ARN of something else, as it is', '<A><TargetBucket>arn:aws:sqs:::b</TargetBucket></A>', ['arn:aws:sqs:::b']],
    ['nothing', '<A><Bucket>b</Bucket><Prefix>TargetBucket</Prefix></A>', []],
  ])('it writes into %s', (_what, text, destinations) => {
    expect(reach(text)).toEqual({ destinations, keyIds: [], grants: false });
  });

  test('it uses keys and gives rights', () => {
    expect(reach('<A><SSE-KMS><KeyId> k </KeyId></SSE-KMS><Grant><Grantee/></Grant></A>')).toEqual({
      destinations: [],
      keyIds: ['k'],
      grants: true,
    });
  });
});
