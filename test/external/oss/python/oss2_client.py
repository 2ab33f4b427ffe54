"""Alibaba's first Python SDK, driven as its documentation samples do. Prints what it saw, one JSON line a step."""

import os
import tempfile

import oss2
from oss2.models import BucketCreateConfig, PartInfo, ServerSideEncryptionRule

from scenario import by_name, fetch, load, pieces, play, sha

SSE = "x-oss-server-side-encryption"
KEY_ID = "x-oss-server-side-encryption-key-id"


def main():
    spec = load()
    for run in spec["runs"]:
        play(run, late_steps(run) if spec.get("late") else steps(spec, run), failure)


def failure(error):
    return {"class": type(error).__name__, "code": getattr(error, "code", str(error)), "status": getattr(error, "status", 0)}


def attempt(call):
    try:
        call()
        return "succeeded"
    except Exception as error:
        return failure(error)


def client(run, name="credentials", bucket=None, secret=None):
    keys = run[name]
    secret = secret or keys["secret"]
    if "token" in keys:
        auth = oss2.StsAuth(keys["id"], secret, keys["token"], auth_version=run["signature"])
    else:
        auth = (oss2.AuthV4 if run["signature"] == "v4" else oss2.Auth)(keys["id"], secret)
    return oss2.Bucket(
        auth,
        run["endpoint"],
        bucket or run["bucket"],
        is_cname=run["addressing"] == "cname",
        is_path_style=run["addressing"] == "path",
        region="cn-hangzhou" if run["signature"] == "v4" else None,
        enable_crc=True,
    )


def protection(bucket, key):
    headers = bucket.head_object(key).headers
    return {"algorithm": headers.get(SSE), "key": headers.get(KEY_ID)}


def late_steps(run):
    """Calls that the store fails after a long while: each must raise."""
    bucket = client(run)
    key = run["prefix"] + "parts"

    def complete():
        upload = bucket.init_multipart_upload(key).upload_id
        return attempt(lambda: bucket.complete_multipart_upload(key, upload, [PartInfo(1, run["etag"])]))

    def part_copy():
        upload = bucket.init_multipart_upload(key).upload_id
        return attempt(lambda: bucket.upload_part_copy(run["bucket"], "source", (0, 0), key, upload, 1))

    return [
        ("copy", lambda: attempt(lambda: bucket.copy_object(run["bucket"], "source", run["prefix"] + "target"))),
        ("partCopy", part_copy),
        ("complete", complete),
    ]


def steps(spec, run):
    bucket = client(run)
    at = run["prefix"]
    with open(spec["big"], "rb") as file:
        big = file.read()
    kms = {SSE: "KMS", KEY_ID: spec["key"]}

    def read(key):
        return sha(bucket.get_object(key).read())

    def put():
        headers = {"Content-Type": "text/x-odd", "x-oss-meta-colour": "green"}
        result = bucket.put_object(at + "put", big, headers=headers)
        head = bucket.head_object(at + "put")
        return {
            "sha": read(at + "put"),
            "crc": str(result.crc),
            "type": head.headers["Content-Type"],
            "colour": head.headers["x-oss-meta-colour"],
            "range": sha(bucket.get_object(at + "put", byte_range=(5, 70004)).read()),
        }

    def stream():
        bucket.put_object(at + "stream", iter(pieces(big, 65_537)))
        return {"sha": read(at + "stream")}

    def managed():
        bucket.put_object(at + "managed", b"m", headers={SSE: "AES256"})
        return protection(bucket, at + "managed")

    def kms_named():
        bucket.put_object(at + "kms", b"k", headers=kms)
        return protection(bucket, at + "kms")

    def kms_default():
        bucket.put_object(at + "kms-default", b"k", headers={SSE: "KMS"})
        seen = protection(bucket, at + "kms-default")
        return {"algorithm": seen["algorithm"], "named": bool(seen["key"])}

    def bad_algorithm():
        return attempt(lambda: bucket.put_object(at + "bad", b"", headers={SSE: "AES257"}))

    def multipart():
        key = at + "multipart"
        upload = bucket.init_multipart_upload(key, headers=kms).upload_id
        parts = []
        for number, data in enumerate(pieces(big, spec["part"]), 1):
            done = bucket.upload_part(key, upload, number, data)
            parts.append(PartInfo(number, done.etag, size=len(data), part_crc=done.crc))
        listed = bucket.list_parts(key, upload).parts
        result = bucket.complete_multipart_upload(key, upload, parts)
        return {"parts": [part.size for part in listed], "sha": read(key), "crc": result.crc and str(result.crc), **protection(bucket, key)}

    def part_copy():
        key = at + "part-copy"
        upload = bucket.init_multipart_upload(key).upload_id
        first = bucket.upload_part_copy(run["bucket"], at + "put", (0, spec["part"] - 1), key, upload, 1)
        second = bucket.upload_part_copy(run["bucket"], at + "put", (spec["part"], len(big) - 1), key, upload, 2)
        bucket.complete_multipart_upload(key, upload, [PartInfo(1, first.etag), PartInfo(2, second.etag)])
        return {"sha": read(key)}

    def uploader():
        with tempfile.TemporaryDirectory() as folder:
            store = oss2.ResumableStore(root=folder)
            oss2.resumable_upload(bucket, at + "uploader", spec["uploader"], store=store, multipart_threshold=1, headers=kms)
            oss2.resumable_download(bucket, at + "uploader", os.path.join(folder, "back"), multiget_threshold=1, part_size=1 << 20)
            with open(os.path.join(folder, "back"), "rb") as file:
                return {"sha": sha(file.read()), **protection(bucket, at + "uploader")}

    def append():
        key = at + "append"
        first = bucket.append_object(key, 0, b"one,", headers=kms)
        second = bucket.append_object(key, first.next_position, b"two", init_crc=first.crc)
        late = attempt(lambda: bucket.append_object(key, 1, b"late"))
        return {"next": second.next_position, "sha": read(key), "late": late, **protection(bucket, key)}

    def copy():
        bucket.copy_object(run["bucket"], at + "put", at + "copy", headers={SSE: "AES256"})
        head = bucket.head_object(at + "copy")
        replaced = {"x-oss-metadata-directive": "REPLACE", "x-oss-meta-colour": "red", **kms}
        bucket.copy_object(run["bucket"], at + "put", at + "replaced", headers=replaced)
        again = bucket.head_object(at + "replaced")
        return {
            "sha": read(at + "copy"),
            "algorithm": head.headers.get(SSE),
            "colour": head.headers["x-oss-meta-colour"],
            "replaced": {**protection(bucket, at + "replaced"), "colour": again.headers["x-oss-meta-colour"]},
        }

    def listing():
        below = at + "keys/"
        for key in run["keys"]:
            bucket.put_object(below + key, key.encode("utf-8"))
        v1 = [entry.key for entry in oss2.ObjectIterator(bucket, prefix=below, max_keys=3)]
        v2 = [entry.key for entry in oss2.ObjectIteratorV2(bucket, prefix=below, max_keys=3)]
        folders = [entry.key for entry in oss2.ObjectIterator(bucket, prefix=below, delimiter="/", max_keys=3) if entry.is_prefix()]
        bodies = [bucket.get_object(key).read().decode("utf-8") for key in v1]
        return {name: [key[len(below) :] for key in keys] for name, keys in (("v1", v1), ("v2", v2), ("folders", folders))} | {"bodies": bodies}

    def delete_many():
        below = at + "keys/"
        deleted = bucket.batch_delete_objects([below + key for key in run["keys"]]).deleted_keys
        left = bucket.list_objects_v2(prefix=below).object_list
        return {"deleted": by_name(key[len(below) :] for key in deleted), "left": len(left)}

    def bucket_encryption():
        def rule():
            result = bucket.get_bucket_encryption()
            return [result.sse_algorithm, result.kms_master_keyid]

        def info():
            told = bucket.get_bucket_info().bucket_encryption_rule
            return [told.sse_algorithm, told.kms_master_keyid]

        wanted = ServerSideEncryptionRule()
        wanted.sse_algorithm = oss2.SERVER_SIDE_ENCRYPTION_AES256
        bucket.put_bucket_encryption(wanted)
        seen = {"managed": [rule(), info()]}
        bucket.put_object(at + "default", b"d")
        seen["object"] = protection(bucket, at + "default")["algorithm"]
        wanted.sse_algorithm = oss2.SERVER_SIDE_ENCRYPTION_KMS
        wanted.kms_master_keyid = spec["key"]
        bucket.put_bucket_encryption(wanted)
        seen["kms"] = [rule(), info()]
        bucket.put_object(at + "default", b"d")
        seen["kmsObject"] = protection(bucket, at + "default")
        bucket.delete_bucket_encryption()
        seen["after"] = attempt(rule)
        return seen

    def presigned():
        url = bucket.sign_url("PUT", at + "signed +%", 300, headers={"Content-Type": "text/plain"})
        put_status, _ = fetch("PUT", url, big, {"Content-Type": "text/plain"})
        status, body = fetch("GET", bucket.sign_url("GET", at + "signed +%", 300, slash_safe=True))
        wrong, _ = fetch("GET", bucket.sign_url("GET", at + "signed +%", 300) + "&extra=1&acl")
        return {"put": put_status, "get": status, "sha": sha(body), "wrong": wrong}

    def token():
        sts = client(run, "sts")
        sts.put_object(at + "token", b"by token")
        status, body = fetch("GET", sts.sign_url("GET", at + "token", 300))
        return {"read": sts.get_object(at + "token").read().decode(), "signed": [status, body.decode()]}

    def errors():
        return {
            "key": attempt(lambda: bucket.get_object(at + "missing")),
            "head": attempt(lambda: bucket.head_object(at + "missing")),
            "denied": attempt(lambda: client(run, "denied").get_object(at + "put")),
            "signature": attempt(lambda: client(run, secret="wrong").get_object(at + "put")),
        } | ({} if run["addressing"] == "cname" else {"bucket": attempt(lambda: client(run, bucket=run["missing"]).get_object("x"))})

    def create():
        if run["addressing"] != "cname":
            bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE, BucketCreateConfig(oss2.BUCKET_STORAGE_CLASS_STANDARD))
        info = bucket.get_bucket_info()
        return {"name": info.name, "acl": info.acl.grant}

    return [
        ("create", create),
        ("put", put),
        ("stream", stream),
        ("managed", managed),
        ("kms", kms_named),
        ("kmsDefault", kms_default),
        ("badAlgorithm", bad_algorithm),
        ("multipart", multipart),
        ("partCopy", part_copy),
        *([("uploader", uploader)] if run["addressing"] == "path" else []),
        ("append", append),
        ("copy", copy),
        ("list", listing),
        ("deleteMany", delete_many),
        ("encryption", bucket_encryption),
        ("presigned", presigned),
        ("token", token),
        ("errors", errors),
    ]


main()
