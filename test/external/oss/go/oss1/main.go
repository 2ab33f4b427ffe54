// Alibaba's first Go SDK, driven as its documentation samples do. Prints what it saw, one JSON line a step.
package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"

	"bucketseal/test/external/oss/scenario"
)

type seen = scenario.Seen

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
	var refused oss.ServiceError
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

func client(run scenario.Run, keys scenario.Keys) (*oss.Client, *oss.Bucket) {
	options := []oss.ClientOption{oss.HTTPClient(scenario.HTTPClient()), oss.EnableCRC(true)}
	if run.Signature == "v4" {
		options = append(options, oss.AuthVersion(oss.AuthV4), oss.Region("cn-hangzhou"))
	}
	switch run.Addressing {
	case "path":
		options = append(options, oss.ForcePathStyle(true))
	case "cname":
		options = append(options, oss.UseCname(true))
	}
	if keys.Token != "" {
		options = append(options, oss.SecurityToken(keys.Token))
	}
	service, err := oss.New(run.Endpoint, keys.ID, keys.Secret, options...)
	if err != nil {
		panic(err)
	}
	bucket, err := service.Bucket(run.Bucket)
	if err != nil {
		panic(err)
	}
	return service, bucket
}

func read(bucket *oss.Bucket, key string, options ...oss.Option) ([]byte, error) {
	body, err := bucket.GetObject(key, options...)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// lateSteps are calls that the store fails after a long while: each must be an error.
func lateSteps(run scenario.Run) []scenario.Step {
	_, bucket := client(run, run.Credentials)
	key := run.Prefix + "parts"
	return []scenario.Step{
		{Name: "copy", Play: func() (seen, error) {
			return attempt(bucket.CopyObject("source", run.Prefix+"target")), nil
		}},
		{Name: "partCopy", Play: func() (seen, error) {
			upload, err := bucket.InitiateMultipartUpload(key)
			if err != nil {
				return nil, err
			}
			return attempt(bucket.UploadPartCopy(upload, run.Bucket, "source", 0, 1, 1)), nil
		}},
		{Name: "complete", Play: func() (seen, error) {
			upload, err := bucket.InitiateMultipartUpload(key)
			if err != nil {
				return nil, err
			}
			return attempt(bucket.CompleteMultipartUpload(upload, []oss.UploadPart{{PartNumber: 1, ETag: run.Etag}})), nil
		}},
	}
}

func steps(spec scenario.Spec, run scenario.Run) []scenario.Step {
	service, bucket := client(run, run.Credentials)
	at := run.Prefix
	big := scenario.File(spec.Big)
	kms := []oss.Option{oss.ServerSideEncryption("KMS"), oss.ServerSideEncryptionKeyID(spec.Key)}

	sha := func(key string) string {
		content, err := read(bucket, key)
		if err != nil {
			return err.Error()
		}
		return scenario.Sha(content)
	}
	head := func(key string) http.Header {
		headers, err := bucket.GetObjectDetailedMeta(key)
		if err != nil {
			return http.Header{}
		}
		return headers
	}
	protection := func(key string) seen {
		headers := head(key)
		return seen{
			"algorithm": scenario.NilIfEmpty(headers.Get("x-oss-server-side-encryption")),
			"key":       scenario.NilIfEmpty(headers.Get("x-oss-server-side-encryption-key-id")),
		}
	}
	with := func(one seen, more seen) seen {
		for name, value := range more {
			one[name] = value
		}
		return one
	}

	create := func() (seen, error) {
		if run.Addressing != "cname" {
			if err := service.CreateBucket(run.Bucket, oss.ACL(oss.ACLPrivate)); err != nil {
				return nil, err
			}
		}
		info, err := service.GetBucketInfo(run.Bucket)
		return seen{"name": info.BucketInfo.Name, "acl": info.BucketInfo.ACL}, err
	}
	put := func() (seen, error) {
		var answer http.Header
		err := bucket.PutObject(at+"put", bytes.NewReader(big), oss.ContentType("text/x-odd"), oss.Meta("colour", "green"), oss.GetResponseHeader(&answer))
		if err != nil {
			return nil, err
		}
		headers := head(at + "put")
		part, err := read(bucket, at+"put", oss.Range(5, 70004))
		return seen{
			"sha": sha(at + "put"), "crc": answer.Get("x-oss-hash-crc64ecma"), "type": headers.Get("Content-Type"),
			"colour": headers.Get("x-oss-meta-colour"), "range": scenario.Sha(part),
		}, err
	}
	stream := func() (seen, error) {
		// A reader whose length nobody knows goes out chunked.
		err := bucket.PutObject(at+"stream", struct{ io.Reader }{bytes.NewReader(big)})
		return seen{"sha": sha(at + "stream")}, err
	}
	managed := func() (seen, error) {
		err := bucket.PutObject(at+"managed", strings.NewReader("m"), oss.ServerSideEncryption("AES256"))
		return protection(at + "managed"), err
	}
	kmsNamed := func() (seen, error) {
		err := bucket.PutObject(at+"kms", strings.NewReader("k"), kms...)
		return protection(at + "kms"), err
	}
	kmsDefault := func() (seen, error) {
		err := bucket.PutObject(at+"kms-default", strings.NewReader("k"), oss.ServerSideEncryption("KMS"))
		told := protection(at + "kms-default")
		return seen{"algorithm": told["algorithm"], "named": told["key"] != nil}, err
	}
	badAlgorithm := func() (seen, error) {
		return attempt(nil, bucket.PutObject(at+"bad", strings.NewReader(""), oss.ServerSideEncryption("AES257"))), nil
	}
	multipart := func() (seen, error) {
		upload, err := bucket.InitiateMultipartUpload(at+"multipart", kms...)
		if err != nil {
			return nil, err
		}
		var parts []oss.UploadPart
		for index, piece := range scenario.Pieces(big, spec.Part) {
			part, err := bucket.UploadPart(upload, bytes.NewReader(piece), int64(len(piece)), index+1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		listed, err := bucket.ListUploadedParts(upload)
		if err != nil {
			return nil, err
		}
		sizes := []int{}
		for _, part := range listed.UploadedParts {
			sizes = append(sizes, part.Size)
		}
		var answer http.Header
		_, err = bucket.CompleteMultipartUpload(upload, parts, oss.GetResponseHeader(&answer))
		crc := scenario.NilIfEmpty(answer.Get("x-oss-hash-crc64ecma"))
		return with(seen{"parts": sizes, "sha": sha(at + "multipart"), "crc": crc}, protection(at+"multipart")), err
	}
	partCopy := func() (seen, error) {
		upload, err := bucket.InitiateMultipartUpload(at + "part-copy")
		if err != nil {
			return nil, err
		}
		first, err := bucket.UploadPartCopy(upload, run.Bucket, at+"put", 0, int64(spec.Part), 1)
		if err != nil {
			return nil, err
		}
		second, err := bucket.UploadPartCopy(upload, run.Bucket, at+"put", int64(spec.Part), int64(len(big)-spec.Part), 2)
		if err != nil {
			return nil, err
		}
		_, err = bucket.CompleteMultipartUpload(upload, []oss.UploadPart{first, second})
		return seen{"sha": sha(at + "part-copy")}, err
	}
	uploader := func() (seen, error) {
		folder, err := os.MkdirTemp("", "oss1-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		options := append([]oss.Option{oss.Routines(3), oss.Checkpoint(true, filepath.Join(folder, "up.cp"))}, kms...)
		if err := bucket.UploadFile(at+"uploader", spec.Uploader, 2<<20, options...); err != nil {
			return nil, err
		}
		back := filepath.Join(folder, "back")
		err = bucket.DownloadFile(at+"uploader", back, 2<<20, oss.Routines(3))
		if err != nil {
			return nil, err
		}
		return with(seen{"sha": scenario.Sha(scenario.File(back))}, protection(at+"uploader")), nil
	}
	appended := func() (seen, error) {
		next, err := bucket.AppendObject(at+"append", strings.NewReader("one,"), 0, kms...)
		if err != nil {
			return nil, err
		}
		next, err = bucket.AppendObject(at+"append", strings.NewReader("two"), next)
		if err != nil {
			return nil, err
		}
		late := attempt(bucket.AppendObject(at+"append", strings.NewReader("late"), 1))
		return with(seen{"next": next, "sha": sha(at + "append"), "late": late}, protection(at+"append")), nil
	}
	copied := func() (seen, error) {
		if _, err := bucket.CopyObject(at+"put", at+"copy", oss.ServerSideEncryption("AES256")); err != nil {
			return nil, err
		}
		options := append([]oss.Option{oss.MetadataDirective(oss.MetaReplace), oss.Meta("colour", "red")}, kms...)
		if _, err := bucket.CopyObject(at+"put", at+"replaced", options...); err != nil {
			return nil, err
		}
		return seen{
			"sha": sha(at + "copy"), "algorithm": protection(at + "copy")["algorithm"], "colour": head(at + "copy").Get("x-oss-meta-colour"),
			"replaced": with(seen{"colour": head(at + "replaced").Get("x-oss-meta-colour")}, protection(at+"replaced")),
		}, nil
	}
	listing := func() (seen, error) {
		below := at + "keys/"
		for _, key := range run.Keys {
			if err := bucket.PutObject(below+key, strings.NewReader(key)); err != nil {
				return nil, err
			}
		}
		var v1, v2, folders, bodies []string
		for marker, more := "", true; more; {
			page, err := bucket.ListObjects(oss.Prefix(below), oss.MaxKeys(3), oss.Marker(marker))
			if err != nil {
				return nil, err
			}
			for _, object := range page.Objects {
				v1 = append(v1, object.Key)
			}
			marker, more = page.NextMarker, page.IsTruncated
		}
		for token, more := "", true; more; {
			options := []oss.Option{oss.Prefix(below), oss.MaxKeys(3)}
			if token != "" {
				options = append(options, oss.ContinuationToken(token))
			}
			page, err := bucket.ListObjectsV2(options...)
			if err != nil {
				return nil, err
			}
			for _, object := range page.Objects {
				v2 = append(v2, object.Key)
			}
			token, more = page.NextContinuationToken, page.IsTruncated
		}
		for marker, more := "", true; more; {
			page, err := bucket.ListObjects(oss.Prefix(below), oss.Delimiter("/"), oss.MaxKeys(3), oss.Marker(marker))
			if err != nil {
				return nil, err
			}
			folders = append(folders, page.CommonPrefixes...)
			marker, more = page.NextMarker, page.IsTruncated
		}
		for _, key := range v1 {
			content, err := read(bucket, key)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, string(content))
		}
		return seen{"v1": scenario.Below(below, v1), "v2": scenario.Below(below, v2), "folders": scenario.Below(below, folders), "bodies": bodies}, nil
	}
	deleteMany := func() (seen, error) {
		below := at + "keys/"
		var keys []string
		for _, key := range run.Keys {
			keys = append(keys, below+key)
		}
		deleted, err := bucket.DeleteObjects(keys)
		if err != nil {
			return nil, err
		}
		left, err := bucket.ListObjectsV2(oss.Prefix(below))
		return seen{"deleted": scenario.Sorted(scenario.Below(below, deleted.DeletedObjects)), "left": len(left.Objects)}, err
	}
	bucketEncryption := func() (seen, error) {
		rule := func() ([]any, error) {
			told, err := service.GetBucketEncryption(run.Bucket)
			return []any{told.SSEDefault.SSEAlgorithm, scenario.NilIfEmpty(told.SSEDefault.KMSMasterKeyID)}, err
		}
		info := func() ([]any, error) {
			told, err := service.GetBucketInfo(run.Bucket)
			return []any{told.BucketInfo.SseRule.SSEAlgorithm, scenario.NilIfEmpty(told.BucketInfo.SseRule.KMSMasterKeyID)}, err
		}
		wanted := func(algorithm, key string) ([]any, error) {
			encryption := oss.ServerEncryptionRule{}
			encryption.SSEDefault.SSEAlgorithm = algorithm
			encryption.SSEDefault.KMSMasterKeyID = key
			if err := service.SetBucketEncryption(run.Bucket, encryption); err != nil {
				return nil, err
			}
			one, err := rule()
			if err != nil {
				return nil, err
			}
			other, err := info()
			if err != nil {
				return nil, err
			}
			return []any{one, other}, bucket.PutObject(at+"default", strings.NewReader("d"))
		}
		asManaged, err := wanted("AES256", "")
		if err != nil {
			return nil, err
		}
		object := protection(at + "default")["algorithm"]
		asKms, err := wanted("KMS", spec.Key)
		if err != nil {
			return nil, err
		}
		kmsObject := protection(at + "default")
		if err := service.DeleteBucketEncryption(run.Bucket); err != nil {
			return nil, err
		}
		return seen{"managed": asManaged, "object": object, "kms": asKms, "kmsObject": kmsObject, "after": attempt(rule())}, nil
	}
	presigned := func() (seen, error) {
		key := at + "signed +%"
		url, err := bucket.SignURL(key, oss.HTTPPut, 300, oss.ContentType("text/plain"))
		if err != nil {
			return nil, err
		}
		putStatus, _, err := scenario.Fetch("PUT", url, big, "text/plain")
		if err != nil {
			return nil, err
		}
		url, err = bucket.SignURL(key, oss.HTTPGet, 300)
		if err != nil {
			return nil, err
		}
		status, body, err := scenario.Fetch("GET", url, nil, "")
		if err != nil {
			return nil, err
		}
		wrong, _, err := scenario.Fetch("GET", url+"&extra=1&acl", nil, "")
		return seen{"put": putStatus, "get": status, "sha": scenario.Sha(body), "wrong": wrong}, err
	}
	token := func() (seen, error) {
		_, sts := client(run, run.Sts)
		if err := sts.PutObject(at+"token", strings.NewReader("by token")); err != nil {
			return nil, err
		}
		url, err := sts.SignURL(at+"token", oss.HTTPGet, 300)
		if err != nil {
			return nil, err
		}
		status, body, err := scenario.Fetch("GET", url, nil, "")
		if err != nil {
			return nil, err
		}
		content, err := read(sts, at+"token")
		return seen{"read": string(content), "signed": []any{status, string(body)}}, err
	}
	refusals := func() (seen, error) {
		_, denied := client(run, run.Denied)
		_, wrong := client(run, scenario.Keys{ID: run.Credentials.ID, Secret: "wrong"})
		refused := seen{
			"key":       attempt(read(bucket, at+"missing")),
			"head":      attempt(bucket.GetObjectDetailedMeta(at + "missing")),
			"denied":    attempt(read(denied, at+"put")),
			"signature": attempt(read(wrong, at+"put")),
		}
		if run.Addressing != "cname" {
			missing, err := service.Bucket(run.Missing)
			if err != nil {
				return nil, err
			}
			refused["bucket"] = attempt(read(missing, "x"))
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
