import { createOldestOut } from './oldest-out.ts';

/** An upload at a remote store. */
export interface UploadName {
  readonly store: string;
  /** The bucket's name at the store. */
  readonly bucket: string;
  readonly storeUploadId: string;
}

/**
 * What this process knows of uploads under way at remote stores, the newest of them: the id that their clients have,
 * since a store lists its own, and when they began, for ids that do not say it.
 */
export interface KnownUploads {
  /** Learnt when an id is issued, and whenever one is shown. */
  noteIssued(upload: UploadName, uploadId: string): void;
  issuedId(upload: UploadName): string | undefined;
  noteInitiated(upload: UploadName, initiated: number): void;
  initiated(upload: UploadName): number | undefined;
  forget(upload: UploadName): void;
}

/** A listing's page is a thousand; an id is a few hundred bytes. */
const LIMIT = 10_000;

export function createKnownUploads(): KnownUploads {
  const issued = createOldestOut<string>(LIMIT);
  const times = createOldestOut<number>(LIMIT);
  return {
    noteIssued: (upload, uploadId) => issued.set(nameOf(upload), uploadId),
    issuedId: (upload) => issued.get(nameOf(upload)),
    noteInitiated: (upload, initiated) => times.set(nameOf(upload), initiated),
    initiated: (upload) => times.get(nameOf(upload)),
    forget: (upload) => {
      issued.delete(nameOf(upload));
      times.delete(nameOf(upload));
    },
  };
}

function nameOf({ store, bucket, storeUploadId }: UploadName): string {
  return JSON.stringify([store, bucket, storeUploadId]);
}
