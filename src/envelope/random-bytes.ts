/** A source of cryptographically strong random bytes, handed in so that tests can fix it. */
export type RandomBytes = (size: number) => Uint8Array;
