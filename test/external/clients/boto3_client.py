"""boto3 as an application uses it. Told by one JSON argument where the gateway is and what it must answer."""
import hashlib
import io
import json
import os
import sys
import urllib.error
import urllib.request
import ssl

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

told = json.loads(sys.argv[1])
MIB = 1024 * 1024


def client(endpoint, **config):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=told["accessKeyId"],
        aws_secret_access_key=told["secretAccessKey"],
        verify=told["ca"],
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **config),
    )


def encrypted(answer, expected):
    found = {"sse": answer.get("ServerSideEncryption"), "key": answer.get("SSEKMSKeyId")}
    assert found == expected, (found, expected)


def fetch(url, data=None, method="GET"):
    context = ssl.create_default_context(cafile=told["ca"])
    return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), context=context)


class Unseekable(io.RawIOBase):
    """A body whose length nobody knows."""

    def __init__(self, data):
        self.left = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self.left.read(size)


def refused(code, work):
    try:
        work()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError("not refused")


for endpoint in (told["http"], told["https"]):
    s3 = client(endpoint)
    kms, managed = told["kms"], told["managed"]
    for bucket, expected in ((told["kmsBucket"], kms), (told["managedBucket"], managed)):
        data = os.urandom(300_000)
        encrypted(s3.put_object(Bucket=bucket, Key="buffer", Body=data, Metadata={"colour": "green"}), expected)
        # Over TLS: STREAMING-UNSIGNED-PAYLOAD-TRAILER inside HTTP chunks, with Expect: 100-continue.
        encrypted(s3.put_object(Bucket=bucket, Key="file", Body=io.BytesIO(data)), expected)
        for algorithm in ("CRC32", "SHA1", "SHA256"):
            encrypted(s3.put_object(Bucket=bucket, Key="sum-" + algorithm, Body=io.BytesIO(data), ChecksumAlgorithm=algorithm), expected)
        for key in ("buffer", "file", "sum-SHA256"):
            answer = s3.get_object(Bucket=bucket, Key=key)
            assert answer["Body"].read() == data, key
            encrypted(answer, expected)
        assert s3.head_object(Bucket=bucket, Key="buffer")["Metadata"] == {"colour": "green"}
        part = s3.get_object(Bucket=bucket, Key="buffer", Range="bytes=1000-1999")
        assert part["Body"].read() == data[1000:2000]

        big = os.urandom(11 * MIB + 5)
        s3.upload_fileobj(Unseekable(big), bucket, "big", Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=2))
        encrypted(s3.head_object(Bucket=bucket, Key="big"), expected)
        into = io.BytesIO()
        s3.download_fileobj(bucket, "big", into, Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=4 * MIB, max_concurrency=2))
        assert hashlib.sha256(into.getvalue()).digest() == hashlib.sha256(big).digest()

        # Uploads in parts: what Create answers is what HEAD and attributes answer, of the type that AWS has by default or on demand.
        for algorithm, asked, kind in (("CRC32", None, "COMPOSITE"), ("CRC32", "FULL_OBJECT", "FULL_OBJECT"), ("SHA256", None, "COMPOSITE")):
            at = {"Bucket": bucket, "Key": "parts-%s-%s" % (algorithm, asked)}
            begun = s3.create_multipart_upload(**at, ChecksumAlgorithm=algorithm, **({"ChecksumType": asked} if asked else {}))
            assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, kind), begun
            name = "Checksum" + algorithm
            parts = []
            for number, piece in enumerate((big[: 5 * MIB], big[5 * MIB : 6 * MIB]), 1):
                part = s3.upload_part(**at, UploadId=begun["UploadId"], PartNumber=number, Body=piece, ChecksumAlgorithm=algorithm)
                parts.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
            refused("InvalidRequest", lambda: s3.upload_part(**at, UploadId=begun["UploadId"], PartNumber=3, Body=b"x", ChecksumAlgorithm="SHA1"))
            done = s3.complete_multipart_upload(**at, UploadId=begun["UploadId"], MultipartUpload={"Parts": parts}, ChecksumType=kind)
            head = s3.head_object(**at, ChecksumMode="ENABLED")
            assert done[name] == head[name] and done["ChecksumType"] == head["ChecksumType"] == kind, (done, head)
            # Of attributes every store has its own document.
            if kms["key"] == "orders":
                attributes = s3.get_object_attributes(**at, ObjectAttributes=["Checksum"])["Checksum"]
                assert (attributes[name], attributes["ChecksumType"]) == (done[name], kind), attributes
        refused("InvalidRequest", lambda: s3.create_multipart_upload(Bucket=bucket, Key="refused", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT"))

        encrypted(s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "buffer"}), expected)
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == data
        names = ["list/a", "list/b c", "list/ü+&", "list/z/1"]
        for name in names:
            s3.put_object(Bucket=bucket, Key=name, Body=b"")
        found = [entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="list/", PaginationConfig={"PageSize": 2}) for entry in page["Contents"]]
        assert found == sorted(names, key=lambda name: name.encode()), found
        assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})["Deleted"]) == len(names)

        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        assert {"sse": rule["SSEAlgorithm"], "key": rule.get("KMSMasterKeyID")} == expected, rule
        refused("NoSuchKey", lambda: s3.get_object(Bucket=bucket, Key="missing"))

    # What boto3 signs by default in us-east-1 is SigV2, and AWS takes that for anything but KMS objects.
    old = s3.generate_presigned_url("get_object", Params={"Bucket": told["managedBucket"], "Key": "buffer"})
    assert "AWSAccessKeyId=" in old, old
    assert len(fetch(old).read()) == 300_000
    try:
        fetch(s3.generate_presigned_url("get_object", Params={"Bucket": told["kmsBucket"], "Key": "buffer"}))
        raise AssertionError("SigV2 for a KMS object")
    except urllib.error.HTTPError as error:
        assert error.code == 400 and b"InvalidArgument" in error.read(), error.code
    v4 = client(endpoint, signature_version="s3v4")
    assert fetch(v4.generate_presigned_url("put_object", Params={"Bucket": told["kmsBucket"], "Key": "url"}), b"by url", "PUT").status == 200
    assert fetch(v4.generate_presigned_url("get_object", Params={"Bucket": told["kmsBucket"], "Key": "url"})).read() == b"by url"
    encrypted(s3.head_object(Bucket=told["kmsBucket"], Key="url"), kms)

print("ok")
