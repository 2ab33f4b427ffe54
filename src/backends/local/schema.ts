/**
 * The layout of release 0.1.0, with which every index begins; `upgrade.ts` has what came later. Keys are blobs: SQLite compares them byte by byte, which is the list order of S3. `files.oid` is the generation that
 * owns a file, an upload's while it is under way and the object's afterwards, so Complete moves no data. Triggers keep
 * the bucket's totals, so that GetBucketStat reads one row.
 */
export const FIRST_SCHEMA = `
CREATE TABLE buckets (
  name TEXT PRIMARY KEY, created INTEGER NOT NULL, rule TEXT, policy TEXT,
  objects INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE objects (
  bucket TEXT NOT NULL REFERENCES buckets (name), key BLOB NOT NULL, oid TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL, modified INTEGER NOT NULL, type TEXT NOT NULL, class TEXT NOT NULL,
  encryption TEXT NOT NULL, digests BLOB NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
  UNIQUE (bucket, key)
) STRICT;

CREATE TABLE uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets (name), key BLOB NOT NULL, oid TEXT NOT NULL UNIQUE,
  initiated INTEGER NOT NULL, class TEXT NOT NULL, encryption TEXT NOT NULL, checksum TEXT NOT NULL,
  metadata TEXT NOT NULL, tags TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_key ON uploads (bucket, key, id);

CREATE TABLE completed (
  upload TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, answer BLOB NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX completed_by_age ON completed (at);

CREATE TABLE files (
  id TEXT PRIMARY KEY, oid TEXT NOT NULL, number INTEGER NOT NULL, attempt TEXT NOT NULL,
  size INTEGER NOT NULL, length INTEGER NOT NULL, modified INTEGER NOT NULL, digests BLOB NOT NULL, sealed TEXT,
  UNIQUE (oid, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE seals (
  oid TEXT PRIMARY KEY, key_id TEXT NOT NULL, manifest_key_id TEXT, record TEXT NOT NULL
) STRICT;
CREATE INDEX seals_by_key ON seals (key_id, oid);
CREATE INDEX seals_by_manifest_key ON seals (manifest_key_id, oid) WHERE manifest_key_id IS NOT NULL;

CREATE TABLE garbage (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TRIGGER count_insert AFTER INSERT ON objects BEGIN
  UPDATE buckets SET objects = objects + 1, bytes = bytes + NEW.size WHERE name = NEW.bucket;
END;
CREATE TRIGGER count_delete AFTER DELETE ON objects BEGIN
  UPDATE buckets SET objects = objects - 1, bytes = bytes - OLD.size WHERE name = OLD.bucket;
END;
CREATE TRIGGER count_update AFTER UPDATE OF size ON objects BEGIN
  UPDATE buckets SET bytes = bytes + NEW.size - OLD.size WHERE name = NEW.bucket;
END;
`;
