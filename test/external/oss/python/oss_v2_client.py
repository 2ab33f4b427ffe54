"""Alibaba's second Python SDK (alibabacloud-oss-v2), driven as its documentation samples do. Prints one JSON line a step."""

import datetime
import os
import tempfile

import alibabacloud_oss_v2 as oss

from scenario import by_name, fetch, load, pieces, play, sha

MINUTES = datetime.timedelta(minutes=5)


def main():
    spec = load()
    for run in spec["runs"]:
        play(run, late_steps(run) if spec.get("late") else steps(spec, run), failure)


def failure(error):
    while hasattr(error, "unwrap"):
        error = error.unwrap()
        if isinstance(error, oss.exceptions.ServiceError):
            break
    return {"class": type(error).__name__, "code": getattr(error, "code", str(error)), "status": getattr(error, "status_code", 0)}


def attempt(call):
    try:
        call()
        return "succeeded"
    except Exception as error:
        return failure(error)


def client(run, name="credentials", secret=None):
    keys = run[name]
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(keys["id"], secret or keys["secret"], keys.get("token"))
    config.region = "cn-hangzhou"
    config.endpoint = run["endpoint"]
    config.signature_version = run["signature"]
    config.use_path_style = run["addressing"] == "path"
    config.use_cname = run["addressing"] == "cname"
    return oss.Client(config)


def late_steps(run):
    """Calls that the store fails after a long while: each must raise."""
    bucket = run["bucket"]
    key = run["prefix"] + "parts"
    service = client(run)

    def begin():
        return service.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=bucket, key=key)).upload_id

    def copy():
        request = oss.CopyObjectRequest(bucket=bucket, key=run["prefix"] + "target", source_bucket=bucket, source_key="source")
        return attempt(lambda: service.copy_object(request))

    def part_copy():
        request = oss.UploadPartCopyRequest(
            bucket=bucket, key=key, upload_id=begin(), part_number=1, source_bucket=bucket, source_key="source", source_range="bytes=0-0"
        )
        return attempt(lambda: service.upload_part_copy(request))

    def complete():
        parts = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=run["etag"])])
        request = oss.CompleteMultipartUploadRequest(bucket=bucket, key=key, upload_id=begin(), complete_multipart_upload=parts)
        return attempt(lambda: service.complete_multipart_upload(request))

    return [("copy", copy), ("partCopy", part_copy), ("complete", complete)]


def steps(spec, run):
    at = run["prefix"]
    bucket = run["bucket"]
    service = client(run)
    with open(spec["big"], "rb") as file:
        big = file.read()
    kms = {"server_side_encryption": "KMS", "server_side_encryption_key_id": spec["key"]}

    def read(key, through=service, **more):
        with through.get_object(oss.GetObjectRequest(bucket=bucket, key=key, **more)).body as body:
            return body.read()

    def head(key):
        return service.head_object(oss.HeadObjectRequest(bucket=bucket, key=key))

    def protection(key):
        result = head(key)
        return {"algorithm": result.server_side_encryption, "key": result.server_side_encryption_key_id}

    def write(key, body, through=service, **more):
        return through.put_object(oss.PutObjectRequest(bucket=bucket, key=key, body=body, **more))

    def create():
        if run["addressing"] != "cname":
            configuration = oss.CreateBucketConfiguration(storage_class="Standard")
            service.put_bucket(oss.PutBucketRequest(bucket=bucket, acl="private", create_bucket_configuration=configuration))
        info = service.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)).bucket_info
        return {"name": info.name, "acl": info.acl}

    def put():
        result = write(at + "put", big, content_type="text/x-odd", metadata={"colour": "green"})
        seen = head(at + "put")
        return {
            "sha": sha(read(at + "put")),
            "crc": result.hash_crc64,
            "type": seen.content_type,
            "colour": seen.metadata["colour"],
            "range": sha(read(at + "put", range_header="bytes=5-70004", range_behavior="standard")),
        }

    def stream():
        write(at + "stream", iter(pieces(big, 65_537)))
        return {"sha": sha(read(at + "stream"))}

    def managed():
        write(at + "managed", b"m", server_side_encryption="AES256")
        return protection(at + "managed")

    def kms_named():
        write(at + "kms", b"k", **kms)
        return protection(at + "kms")

    def kms_default():
        write(at + "kms-default", b"k", server_side_encryption="KMS")
        seen = protection(at + "kms-default")
        return {"algorithm": seen["algorithm"], "named": bool(seen["key"])}

    def bad_algorithm():
        return attempt(lambda: write(at + "bad", b"", server_side_encryption="AES257"))

    def complete(key, upload, parts):
        return service.complete_multipart_upload(
            oss.CompleteMultipartUploadRequest(
                bucket=bucket, key=key, upload_id=upload, complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts)
            )
        )

    def multipart():
        key = at + "multipart"
        upload = service.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=bucket, key=key, **kms)).upload_id
        parts = []
        for number, data in enumerate(pieces(big, spec["part"]), 1):
            done = service.upload_part(oss.UploadPartRequest(bucket=bucket, key=key, upload_id=upload, part_number=number, body=data))
            parts.append(oss.UploadPart(part_number=number, etag=done.etag))
        listed = service.list_parts(oss.ListPartsRequest(bucket=bucket, key=key, upload_id=upload)).parts
        result = complete(key, upload, parts)
        return {"parts": [part.size for part in listed], "sha": sha(read(key)), "crc": result.hash_crc64, **protection(key)}

    def part_copy():
        key = at + "part-copy"
        upload = service.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=bucket, key=key)).upload_id
        parts = []
        for number, (first, last) in enumerate([(0, spec["part"] - 1), (spec["part"], len(big) - 1)], 1):
            done = service.upload_part_copy(
                oss.UploadPartCopyRequest(
                    bucket=bucket,
                    key=key,
                    upload_id=upload,
                    part_number=number,
                    source_bucket=bucket,
                    source_key=at + "put",
                    source_range=f"bytes={first}-{last}",
                )
            )
            parts.append(oss.UploadPart(part_number=number, etag=done.etag))
        complete(key, upload, parts)
        return {"sha": sha(read(key))}

    def uploader():
        key = at + "uploader"
        service.uploader().upload_file(oss.PutObjectRequest(bucket=bucket, key=key, **kms), spec["uploader"])
        with tempfile.TemporaryDirectory() as folder:
            back = os.path.join(folder, "back")
            service.downloader().download_file(oss.GetObjectRequest(bucket=bucket, key=key), back)
            with open(back, "rb") as file:
                return {"sha": sha(file.read()), **protection(key)}

    def append():
        key = at + "append"
        first = service.append_object(oss.AppendObjectRequest(bucket=bucket, key=key, position=0, body=b"one,", **kms))
        second = service.append_object(oss.AppendObjectRequest(bucket=bucket, key=key, position=first.next_position, body=b"two"))
        late = attempt(lambda: service.append_object(oss.AppendObjectRequest(bucket=bucket, key=key, position=1, body=b"late")))
        return {"next": second.next_position, "sha": sha(read(key)), "late": late, **protection(key)}

    def copy():
        def copied(name, **more):
            service.copy_object(oss.CopyObjectRequest(bucket=bucket, key=at + name, source_key=at + "put", **more))
            return head(at + name)

        kept = copied("copy", server_side_encryption="AES256")
        changed = copied("replaced", metadata_directive="REPLACE", metadata={"colour": "red"}, **kms)
        return {
            "sha": sha(read(at + "copy")),
            "algorithm": kept.server_side_encryption,
            "colour": kept.metadata["colour"],
            "replaced": {**protection(at + "replaced"), "colour": changed.metadata["colour"]},
        }

    def listing():
        below = at + "keys/"
        for key in run["keys"]:
            write(below + key, key.encode("utf-8"))

        def keys(pages):
            return [entry.key for page in pages for entry in page.contents or []]

        v1 = keys(service.list_objects_paginator(limit=3).iter_page(oss.ListObjectsRequest(bucket=bucket, prefix=below)))
        v2 = keys(service.list_objects_v2_paginator(limit=3).iter_page(oss.ListObjectsV2Request(bucket=bucket, prefix=below)))
        pages = service.list_objects_paginator(limit=3).iter_page(oss.ListObjectsRequest(bucket=bucket, prefix=below, delimiter="/"))
        folders = [entry.prefix for page in pages for entry in page.common_prefixes or []]
        bodies = [read(key).decode("utf-8") for key in v1]
        return {name: [key[len(below) :] for key in keys] for name, keys in (("v1", v1), ("v2", v2), ("folders", folders))} | {"bodies": bodies}

    def delete_many():
        below = at + "keys/"
        objects = [oss.DeleteObject(key=below + key) for key in run["keys"]]
        deleted = service.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(bucket=bucket, objects=objects)).deleted_objects
        left = service.list_objects_v2(oss.ListObjectsV2Request(bucket=bucket, prefix=below)).contents or []
        return {"deleted": by_name(entry.key[len(below) :] for entry in deleted), "left": len(left)}

    def bucket_encryption():
        def rule():
            told = service.get_bucket_encryption(oss.GetBucketEncryptionRequest(bucket=bucket)).server_side_encryption_rule
            default = told.apply_server_side_encryption_by_default
            return [default.sse_algorithm, default.kms_master_key_id or None]

        def info():
            told = service.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)).bucket_info.sse_rule
            return [told.sse_algorithm, told.kms_master_key_id or None]

        def wanted(**more):
            default = oss.ApplyServerSideEncryptionByDefault(**more)
            encryption = oss.ServerSideEncryptionRule(apply_server_side_encryption_by_default=default)
            service.put_bucket_encryption(oss.PutBucketEncryptionRequest(bucket=bucket, server_side_encryption_rule=encryption))

        wanted(sse_algorithm="AES256")
        seen = {"managed": [rule(), info()]}
        write(at + "default", b"d")
        seen["object"] = protection(at + "default")["algorithm"]
        wanted(sse_algorithm="KMS", kms_master_key_id=spec["key"])
        seen["kms"] = [rule(), info()]
        write(at + "default", b"d")
        seen["kmsObject"] = protection(at + "default")
        service.delete_bucket_encryption(oss.DeleteBucketEncryptionRequest(bucket=bucket))
        seen["after"] = attempt(rule)
        return seen

    def presigned():
        key = at + "signed +%"
        signed = service.presign(oss.PutObjectRequest(bucket=bucket, key=key, content_type="text/plain"), expires=MINUTES)
        put_status, _ = fetch(signed.method, signed.url, big, dict(signed.signed_headers or {}) | {"Content-Type": "text/plain"})
        url = service.presign(oss.GetObjectRequest(bucket=bucket, key=key), expires=MINUTES).url
        status, body = fetch("GET", url)
        wrong, _ = fetch("GET", url + "&extra=1&acl")
        return {"put": put_status, "get": status, "sha": sha(body), "wrong": wrong}

    def token():
        sts = client(run, "sts")
        write(at + "token", b"by token", sts)
        signed = sts.presign(oss.GetObjectRequest(bucket=bucket, key=at + "token"), expires=MINUTES)
        status, body = fetch("GET", signed.url)
        return {"read": read(at + "token", sts).decode(), "signed": [status, body.decode()]}

    def errors():
        seen = {
            "key": attempt(lambda: read(at + "missing")),
            "head": attempt(lambda: head(at + "missing")),
            "denied": attempt(lambda: read(at + "put", client(run, "denied"))),
            "signature": attempt(lambda: read(at + "put", client(run, secret="wrong"))),
        }
        if run["addressing"] != "cname":
            seen["bucket"] = attempt(lambda: service.get_object(oss.GetObjectRequest(bucket=run["missing"], key="x")))
        return seen

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
