/** Seals short texts for the index: a plaintext's MD5 or CRC must not stand in clear beside its ciphertext. */
export interface ColumnCipher {
  seal(text: string, context: string): Buffer;
  /** Throws when blob and context do not belong together. */
  open(blob: Uint8Array, context: string): string;
}

export type StoreLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void;

/** Places where a test may kill the process or inject an error; in production there is no such function. */
export type FailpointName =
  | 'after-create'
  | 'after-chunk'
  | 'before-sync'
  | 'after-sync'
  | 'after-link'
  | 'before-commit'
  | 'after-commit'
  | 'after-settle'
  | 'before-collect'
  | 'after-collect';
export type Failpoint = (name: FailpointName) => void | Promise<void>;

export interface LocalStoreOptions {
  /** The store's name in gateway.yaml. */
  readonly name: string;
  readonly directory: string;
  readonly region: string;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly columns: ColumnCipher;
  /** Remembers, outside the directory, that rows there are bound: an index of a time when they were not is refused then. */
  readonly rowsBound?: { readonly known: () => Promise<boolean>; readonly remember: () => Promise<void> };
  readonly log: StoreLog;
  /** ms since the epoch before which an upload that began is too old, asked anew each time; absent: none is. */
  readonly uploadsBefore?: () => number;
  readonly failpoint?: Failpoint;
  /** Bytes that data leaves free on the disk, so that the index can go on; 32 MiB unless told. */
  readonly reserve?: number;
}
