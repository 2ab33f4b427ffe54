/**
 * Headers by which stores' own replication and insides speak, by families: each of these servers takes what stands there
 * as the word of another server (MinIO CVE-2026-34204). No SDK sends them for an ordinary client.
 */
const FAMILIES =
  /^(x-rgw-|rgwx-|x-minio-|x-rustfs-|x-seaweedfs-|seaweed-|x-scal-|x-amz-replication-|x-oss-replication)/;
/** A vendor's name that nobody here knows yet; metadata of users is theirs. */
const UNKNOWN_VENDOR = /^x-(?!amz-meta-|oss-meta-)(.*-)?replica(s|te|ted|tion|tor)?(-|$)/;

/** Whether a header (lower case) belongs to stores among themselves. */
export function isStoresOwn(name: string): boolean {
  return FAMILIES.test(name) || UNKNOWN_VENDOR.test(name);
}
