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
  const issued = bounded<string>();
  const times = bounded<number>();
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

interface Bounded<T> {
  set(name: string, value: T): void;
  get(name: string): T | undefined;
  delete(name: string): void;
}

/** The least recently noted go first. */
function bounded<T>(): Bounded<T> {
  const kept = new Map<string, T>();
  return {
    set(name, value) {
      kept.delete(name);
      const oldest = kept.size >= LIMIT ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(name, value);
    },
    get: (name) => kept.get(name),
    delete: (name) => {
      kept.delete(name);
    },
  };
}
