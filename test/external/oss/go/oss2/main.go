// Alibaba's second Go SDK, driven as its documentation samples do. Prints what it saw, one JSON line a step.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"bucketseal/test/external/oss/scenario"
)

type seen = scenario.Seen

var background = context.Background()

func main() {
	spec := scenario.Load()
	for _, run := range spec.Runs {
		if spec.Late {
			scenario.Play(run, lateSteps(run), failure)
			continue
		}
		scenario.Play(run, steps(spec, run), failure)
	}
}

func failure(err error) seen {
	var refused *oss.ServiceError
	if errors.As(err, &refused) {
		return seen{"class": "ServiceError", "code": refused.Code, "status": refused.StatusCode}
	}
	return seen{"class": "error", "code": err.Error(), "status": 0}
}

func attempt(_ any, err error) seen {
	if err == nil {
		err = scenario.ErrUnexpected
	}
	return failure(err)
}

func client(run scenario.Run, keys scenario.Keys) *oss.Client {
	version := oss.SignatureVersionV1
	if run.Signature == "v4" {
		version = oss.SignatureVersionV4
	}
	config := oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(keys.ID, keys.Secret, keys.Token)).
		WithRegion("cn-hangzhou").
		WithEndpoint(run.Endpoint).
		WithSignatureVersion(version).
		WithHttpClient(scenario.HTTPClient()).
		WithUsePathStyle(run.Addressing == "path").
		WithUseCName(run.Addressing == "cname")
	return oss.NewClient(config)
}

// lateSteps are calls that the store fails after a long while: each must be an error.
func lateSteps(run scenario.Run) []scenario.Step {
	service := client(run, run.Credentials)
	bucket, key := oss.Ptr(run.Bucket), oss.Ptr(run.Prefix+"parts")
	begin := func() (*string, error) {
		result, err := service.InitiateMultipartUpload(background, &oss.InitiateMultipartUploadRequest{Bucket: bucket, Key: key})
		if err != nil {
			return nil, err
		}
		return result.UploadId, nil
	}
	return []scenario.Step{
		{Name: "copy", Play: func() (seen, error) {
			return attempt(service.CopyObject(background, &oss.CopyObjectRequest{
				Bucket: bucket, Key: oss.Ptr(run.Prefix + "target"), SourceBucket: bucket, SourceKey: oss.Ptr("source"),
			})), nil
		}},
		{Name: "partCopy", Play: func() (seen, error) {
			upload, err := begin()
			if err != nil {
				return nil, err
			}
			return attempt(service.UploadPartCopy(background, &oss.UploadPartCopyRequest{
				Bucket: bucket, Key: key, UploadId: upload, PartNumber: 1,
				SourceBucket: bucket, SourceKey: oss.Ptr("source"), Range: oss.Ptr("bytes=0-0"),
			})), nil
		}},
		{Name: "complete", Play: func() (seen, error) {
			upload, err := begin()
			if err != nil {
				return nil, err
			}
			return attempt(service.CompleteMultipartUpload(background, &oss.CompleteMultipartUploadRequest{
				Bucket: bucket, Key: key, UploadId: upload,
				CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: []oss.UploadPart{{PartNumber: 1, ETag: oss.Ptr(run.Etag)}}},
			})), nil
		}},
	}
}

func steps(spec scenario.Spec, run scenario.Run) []scenario.Step {
	service := client(run, run.Credentials)
	at := run.Prefix
	bucket := oss.Ptr(run.Bucket)
	big := scenario.File(spec.Big)
	kms, keyID := oss.Ptr("KMS"), oss.Ptr(spec.Key)

	readBy := func(service *oss.Client, request *oss.GetObjectRequest) ([]byte, error) {
		result, err := service.GetObject(background, request)
		if err != nil {
			return nil, err
		}
		defer result.Body.Close()
		return io.ReadAll(result.Body)
	}
	object := func(key string) *oss.GetObjectRequest {
		return &oss.GetObjectRequest{Bucket: bucket, Key: oss.Ptr(key)}
	}
	sha := func(key string) string {
		content, err := readBy(service, object(key))
		if err != nil {
			return err.Error()
		}
		return scenario.Sha(content)
	}
	head := func(key string) (*oss.HeadObjectResult, error) {
		return service.HeadObject(background, &oss.HeadObjectRequest{Bucket: bucket, Key: oss.Ptr(key)})
	}
	protection := func(key string) seen {
		result, err := head(key)
		if err != nil {
			return failure(err)
		}
		return seen{
			"algorithm": scenario.NilIfEmpty(oss.ToString(result.ServerSideEncryption)),
			"key":       scenario.NilIfEmpty(oss.ToString(result.ServerSideEncryptionKeyId)),
		}
	}
	colour := func(key string) string {
		result, err := head(key)
		if err != nil {
			return err.Error()
		}
		return result.Metadata["colour"]
	}
	write := func(key, text, algorithm string, keyID *string) error {
		request := &oss.PutObjectRequest{Bucket: bucket, Key: oss.Ptr(key), Body: strings.NewReader(text), ServerSideEncryptionKeyId: keyID}
		if algorithm != "" {
			request.ServerSideEncryption = oss.Ptr(algorithm)
		}
		_, err := service.PutObject(background, request)
		return err
	}
	with := func(one seen, more seen) seen {
		for name, value := range more {
			one[name] = value
		}
		return one
	}

	create := func() (seen, error) {
		if run.Addressing != "cname" {
			if _, err := service.PutBucket(background, &oss.PutBucketRequest{Bucket: bucket, Acl: oss.BucketACLPrivate}); err != nil {
				return nil, err
			}
		}
		result, err := service.GetBucketInfo(background, &oss.GetBucketInfoRequest{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return seen{"name": result.BucketInfo.Name, "acl": result.BucketInfo.ACL}, nil
	}
	put := func() (seen, error) {
		result, err := service.PutObject(background, &oss.PutObjectRequest{
			Bucket: bucket, Key: oss.Ptr(at + "put"), Body: bytes.NewReader(big),
			ContentType: oss.Ptr("text/x-odd"), Metadata: map[string]string{"colour": "green"},
		})
		if err != nil {
			return nil, err
		}
		told, err := head(at + "put")
		if err != nil {
			return nil, err
		}
		request := object(at + "put")
		request.Range, request.RangeBehavior = oss.Ptr("bytes=5-70004"), oss.Ptr("standard")
		part, err := readBy(service, request)
		return seen{
			"sha": sha(at + "put"), "crc": result.HashCRC64, "type": told.ContentType, "colour": told.Metadata["colour"], "range": scenario.Sha(part),
		}, err
	}
	stream := func() (seen, error) {
		// A reader whose length nobody knows goes out chunked.
		_, err := service.PutObject(background, &oss.PutObjectRequest{Bucket: bucket, Key: oss.Ptr(at + "stream"), Body: struct{ io.Reader }{bytes.NewReader(big)}})
		return seen{"sha": sha(at + "stream")}, err
	}
	managed := func() (seen, error) {
		err := write(at+"managed", "m", "AES256", nil)
		return protection(at + "managed"), err
	}
	kmsNamed := func() (seen, error) {
		err := write(at+"kms", "k", "KMS", keyID)
		return protection(at + "kms"), err
	}
	kmsDefault := func() (seen, error) {
		err := write(at+"kms-default", "k", "KMS", nil)
		told := protection(at + "kms-default")
		return seen{"algorithm": told["algorithm"], "named": told["key"] != nil}, err
	}
	badAlgorithm := func() (seen, error) { return attempt(nil, write(at+"bad", "", "AES257", nil)), nil }

	begin := func(key string, algorithm, keyID *string) (*string, error) {
		result, err := service.InitiateMultipartUpload(background, &oss.InitiateMultipartUploadRequest{
			Bucket: bucket, Key: oss.Ptr(key), ServerSideEncryption: algorithm, ServerSideEncryptionKeyId: keyID,
		})
		if err != nil {
			return nil, err
		}
		return result.UploadId, nil
	}
	complete := func(key string, upload *string, parts []oss.UploadPart) (*oss.CompleteMultipartUploadResult, error) {
		return service.CompleteMultipartUpload(background, &oss.CompleteMultipartUploadRequest{
			Bucket: bucket, Key: oss.Ptr(key), UploadId: upload, CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts},
		})
	}
	multipart := func() (seen, error) {
		key := at + "multipart"
		upload, err := begin(key, kms, keyID)
		if err != nil {
			return nil, err
		}
		var parts []oss.UploadPart
		for index, piece := range scenario.Pieces(big, spec.Part) {
			number := int32(index + 1)
			part, err := service.UploadPart(background, &oss.UploadPartRequest{
				Bucket: bucket, Key: oss.Ptr(key), UploadId: upload, PartNumber: number, Body: bytes.NewReader(piece),
			})
			if err != nil {
				return nil, err
			}
			parts = append(parts, oss.UploadPart{PartNumber: number, ETag: part.ETag})
		}
		listed, err := service.ListParts(background, &oss.ListPartsRequest{Bucket: bucket, Key: oss.Ptr(key), UploadId: upload})
		if err != nil {
			return nil, err
		}
		sizes := []int64{}
		for _, part := range listed.Parts {
			sizes = append(sizes, part.Size)
		}
		result, err := complete(key, upload, parts)
		if err != nil {
			return nil, err
		}
		return with(seen{"parts": sizes, "sha": sha(key), "crc": result.HashCRC64}, protection(key)), nil
	}
	partCopy := func() (seen, error) {
		key := at + "part-copy"
		upload, err := begin(key, nil, nil)
		if err != nil {
			return nil, err
		}
		var parts []oss.UploadPart
		for index, extent := range []string{
			fmt.Sprintf("bytes=0-%d", spec.Part-1), fmt.Sprintf("bytes=%d-%d", spec.Part, len(big)-1),
		} {
			number := int32(index + 1)
			part, err := service.UploadPartCopy(background, &oss.UploadPartCopyRequest{
				Bucket: bucket, Key: oss.Ptr(key), UploadId: upload, PartNumber: number,
				SourceBucket: bucket, SourceKey: oss.Ptr(at + "put"), Range: oss.Ptr(extent),
			})
			if err != nil {
				return nil, err
			}
			parts = append(parts, oss.UploadPart{PartNumber: number, ETag: part.ETag})
		}
		_, err = complete(key, upload, parts)
		return seen{"sha": sha(key)}, err
	}
	uploader := func() (seen, error) {
		folder, err := os.MkdirTemp("", "oss2-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		key := at + "uploader"
		request := &oss.PutObjectRequest{Bucket: bucket, Key: oss.Ptr(key), ServerSideEncryption: kms, ServerSideEncryptionKeyId: keyID}
		if _, err := oss.NewUploader(service).UploadFile(background, request, spec.Uploader); err != nil {
			return nil, err
		}
		back := filepath.Join(folder, "back")
		if _, err := oss.NewDownloader(service).DownloadFile(background, object(key), back); err != nil {
			return nil, err
		}
		return with(seen{"sha": scenario.Sha(scenario.File(back))}, protection(key)), nil
	}
	add := func(text string, position int64, algorithm, keyID *string) (int64, error) {
		result, err := service.AppendObject(background, &oss.AppendObjectRequest{
			Bucket: bucket, Key: oss.Ptr(at + "append"), Position: oss.Ptr(position), Body: strings.NewReader(text),
			ServerSideEncryption: algorithm, ServerSideEncryptionKeyId: keyID,
		})
		if err != nil {
			return 0, err
		}
		return result.NextPosition, nil
	}
	appended := func() (seen, error) {
		next, err := add("one,", 0, kms, keyID)
		if err != nil {
			return nil, err
		}
		next, err = add("two", next, nil, nil)
		if err != nil {
			return nil, err
		}
		late := attempt(add("late", 1, nil, nil))
		return with(seen{"next": next, "sha": sha(at + "append"), "late": late}, protection(at+"append")), nil
	}
	copied := func() (seen, error) {
		_, err := service.CopyObject(background, &oss.CopyObjectRequest{
			Bucket: bucket, Key: oss.Ptr(at + "copy"), SourceKey: oss.Ptr(at + "put"), ServerSideEncryption: oss.Ptr("AES256"),
		})
		if err != nil {
			return nil, err
		}
		_, err = service.CopyObject(background, &oss.CopyObjectRequest{
			Bucket: bucket, Key: oss.Ptr(at + "replaced"), SourceKey: oss.Ptr(at + "put"), MetadataDirective: oss.Ptr("REPLACE"),
			Metadata: map[string]string{"colour": "red"}, ServerSideEncryption: kms, ServerSideEncryptionKeyId: keyID,
		})
		if err != nil {
			return nil, err
		}
		return seen{
			"sha": sha(at + "copy"), "algorithm": protection(at + "copy")["algorithm"], "colour": colour(at + "copy"),
			"replaced": with(seen{"colour": colour(at + "replaced")}, protection(at+"replaced")),
		}, nil
	}
	listing := func() (seen, error) {
		below := at + "keys/"
		for _, key := range run.Keys {
			if err := write(below+key, key, "", nil); err != nil {
				return nil, err
			}
		}
		var v1, v2, folders, bodies []string
		for pages := service.NewListObjectsPaginator(&oss.ListObjectsRequest{Bucket: bucket, Prefix: oss.Ptr(below), MaxKeys: 3}); pages.HasNext(); {
			page, err := pages.NextPage(background)
			if err != nil {
				return nil, err
			}
			for _, found := range page.Contents {
				v1 = append(v1, oss.ToString(found.Key))
			}
		}
		for pages := service.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{Bucket: bucket, Prefix: oss.Ptr(below), MaxKeys: 3}); pages.HasNext(); {
			page, err := pages.NextPage(background)
			if err != nil {
				return nil, err
			}
			for _, found := range page.Contents {
				v2 = append(v2, oss.ToString(found.Key))
			}
		}
		request := &oss.ListObjectsRequest{Bucket: bucket, Prefix: oss.Ptr(below), Delimiter: oss.Ptr("/"), MaxKeys: 3}
		for pages := service.NewListObjectsPaginator(request); pages.HasNext(); {
			page, err := pages.NextPage(background)
			if err != nil {
				return nil, err
			}
			for _, found := range page.CommonPrefixes {
				folders = append(folders, oss.ToString(found.Prefix))
			}
		}
		for _, key := range v1 {
			content, err := readBy(service, object(key))
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, string(content))
		}
		return seen{"v1": scenario.Below(below, v1), "v2": scenario.Below(below, v2), "folders": scenario.Below(below, folders), "bodies": bodies}, nil
	}
	deleteMany := func() (seen, error) {
		below := at + "keys/"
		var objects []oss.DeleteObject
		for _, key := range run.Keys {
			objects = append(objects, oss.DeleteObject{Key: oss.Ptr(below + key)})
		}
		result, err := service.DeleteMultipleObjects(background, &oss.DeleteMultipleObjectsRequest{Bucket: bucket, Objects: objects})
		if err != nil {
			return nil, err
		}
		var deleted []string
		for _, found := range result.DeletedObjects {
			deleted = append(deleted, oss.ToString(found.Key))
		}
		left, err := service.ListObjectsV2(background, &oss.ListObjectsV2Request{Bucket: bucket, Prefix: oss.Ptr(below)})
		if err != nil {
			return nil, err
		}
		return seen{"deleted": scenario.Sorted(scenario.Below(below, deleted)), "left": len(left.Contents)}, nil
	}
	bucketEncryption := func() (seen, error) {
		rule := func() ([]any, error) {
			result, err := service.GetBucketEncryption(background, &oss.GetBucketEncryptionRequest{Bucket: bucket})
			if err != nil {
				return nil, err
			}
			told := result.ServerSideEncryptionRule.ApplyServerSideEncryptionByDefault
			return []any{told.SSEAlgorithm, scenario.NilIfEmpty(oss.ToString(told.KMSMasterKeyID))}, nil
		}
		wanted := func(algorithm, key *string) ([]any, error) {
			_, err := service.PutBucketEncryption(background, &oss.PutBucketEncryptionRequest{
				Bucket: bucket,
				ServerSideEncryptionRule: &oss.ServerSideEncryptionRule{
					ApplyServerSideEncryptionByDefault: &oss.ApplyServerSideEncryptionByDefault{SSEAlgorithm: algorithm, KMSMasterKeyID: key},
				},
			})
			if err != nil {
				return nil, err
			}
			told, err := rule()
			if err != nil {
				return nil, err
			}
			info, err := service.GetBucketInfo(background, &oss.GetBucketInfoRequest{Bucket: bucket})
			if err != nil {
				return nil, err
			}
			flat := info.BucketInfo.SseRule
			return []any{told, []any{flat.SSEAlgorithm, scenario.NilIfEmpty(oss.ToString(flat.KMSMasterKeyID))}}, write(at+"default", "d", "", nil)
		}
		asManaged, err := wanted(oss.Ptr("AES256"), nil)
		if err != nil {
			return nil, err
		}
		plain := protection(at + "default")["algorithm"]
		asKms, err := wanted(kms, keyID)
		if err != nil {
			return nil, err
		}
		kmsObject := protection(at + "default")
		if _, err := service.DeleteBucketEncryption(background, &oss.DeleteBucketEncryptionRequest{Bucket: bucket}); err != nil {
			return nil, err
		}
		return seen{"managed": asManaged, "object": plain, "kms": asKms, "kmsObject": kmsObject, "after": attempt(rule())}, nil
	}
	presigned := func() (seen, error) {
		key := oss.Ptr(at + "signed +%")
		signed, err := service.Presign(background, &oss.PutObjectRequest{Bucket: bucket, Key: key, ContentType: oss.Ptr("text/plain")}, oss.PresignExpires(5*time.Minute))
		if err != nil {
			return nil, err
		}
		putStatus, _, err := scenario.Fetch(signed.Method, signed.URL, big, "text/plain")
		if err != nil {
			return nil, err
		}
		signed, err = service.Presign(background, &oss.GetObjectRequest{Bucket: bucket, Key: key}, oss.PresignExpires(5*time.Minute))
		if err != nil {
			return nil, err
		}
		status, body, err := scenario.Fetch("GET", signed.URL, nil, "")
		if err != nil {
			return nil, err
		}
		wrong, _, err := scenario.Fetch("GET", signed.URL+"&extra=1&acl", nil, "")
		return seen{"put": putStatus, "get": status, "sha": scenario.Sha(body), "wrong": wrong}, err
	}
	token := func() (seen, error) {
		sts := client(run, run.Sts)
		_, err := sts.PutObject(background, &oss.PutObjectRequest{Bucket: bucket, Key: oss.Ptr(at + "token"), Body: strings.NewReader("by token")})
		if err != nil {
			return nil, err
		}
		signed, err := sts.Presign(background, object(at+"token"), oss.PresignExpires(5*time.Minute))
		if err != nil {
			return nil, err
		}
		status, body, err := scenario.Fetch("GET", signed.URL, nil, "")
		if err != nil {
			return nil, err
		}
		content, err := readBy(sts, object(at+"token"))
		return seen{"read": string(content), "signed": []any{status, string(body)}}, err
	}
	refusals := func() (seen, error) {
		wrong := client(run, scenario.Keys{ID: run.Credentials.ID, Secret: "wrong"})
		refused := seen{
			"key":       attempt(readBy(service, object(at+"missing"))),
			"head":      attempt(head(at + "missing")),
			"denied":    attempt(readBy(client(run, run.Denied), object(at+"put"))),
			"signature": attempt(readBy(wrong, object(at+"put"))),
		}
		if run.Addressing != "cname" {
			refused["bucket"] = attempt(readBy(service, &oss.GetObjectRequest{Bucket: oss.Ptr(run.Missing), Key: oss.Ptr("x")}))
		}
		return refused, nil
	}
	return []scenario.Step{
		{Name: "create", Play: create}, {Name: "put", Play: put}, {Name: "stream", Play: stream}, {Name: "managed", Play: managed},
		{Name: "kms", Play: kmsNamed}, {Name: "kmsDefault", Play: kmsDefault}, {Name: "badAlgorithm", Play: badAlgorithm},
		{Name: "multipart", Play: multipart}, {Name: "partCopy", Play: partCopy}, {Name: "uploader", Play: uploader},
		{Name: "append", Play: appended}, {Name: "copy", Play: copied}, {Name: "list", Play: listing}, {Name: "deleteMany", Play: deleteMany},
		{Name: "encryption", Play: bucketEncryption}, {Name: "presigned", Play: presigned}, {Name: "token", Play: token}, {Name: "errors", Play: refusals},
	}
}
