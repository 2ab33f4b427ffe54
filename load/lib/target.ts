import type { Credentials } from './credentials.ts';

/** Where a scenario sends its requests: the environment of the k6 run (`load/run.ts` sets it). */
export interface Target extends Credentials {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly host: string;
  readonly bucket: string;
  /** Bytes of each object. */
  readonly size: number;
}

export function targetOf(environment: Readonly<Record<string, string | undefined>>): Target {
  const required = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  const endpoint = required('ENDPOINT');
  return {
    endpoint,
    host: endpoint.replace(/^https?:\/\//, ''),
    bucket: required('BUCKET'),
    accessKeyId: required('ACCESS_KEY_ID'),
    secretAccessKey: required('SECRET_ACCESS_KEY'),
    region: environment['REGION'] ?? 'us-east-1',
    size: Number(environment['OBJECT_SIZE'] ?? '4096'),
  };
}
