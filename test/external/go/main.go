// Command minio-go-client drives a gateway with minio-go as an application would. It ends with 0 and prints "ok", or says what was wrong.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

type encryption struct {
	SSE string `json:"sse"`
	Key string `json:"key"`
}

type told struct {
	HTTP            string     `json:"http"`
	HTTPS           string     `json:"https"`
	CA              string     `json:"ca"`
	AccessKeyID     string     `json:"accessKeyId"`
	SecretAccessKey string     `json:"secretAccessKey"`
	KMSBucket       string     `json:"kmsBucket"`
	ManagedBucket   string     `json:"managedBucket"`
	KMS             encryption `json:"kms"`
	Managed         encryption `json:"managed"`
}

func main() {
	var t told
	must(json.Unmarshal([]byte(os.Args[1]), &t))
	pem, err := os.ReadFile(t.CA)
	must(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail("no certificate in %s", t.CA)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	for _, endpoint := range []string{t.HTTP, t.HTTPS} {
		u, err := url.Parse(endpoint)
		must(err)
		client, err := minio.New(u.Host, &minio.Options{
			Creds:           credentials.NewStaticV4(t.AccessKeyID, t.SecretAccessKey, ""),
			Secure:          u.Scheme == "https",
			Transport:       transport,
			Region:          "us-east-1",
			BucketLookup:    minio.BucketLookupPath,
			MaxRetries:      1,
			TrailingHeaders: true,
		})
		must(err)
		drive(client, transport, t.KMSBucket, t.KMS)
		drive(client, transport, t.ManagedBucket, t.Managed)
	}
	fmt.Println("ok")
}

func drive(client *minio.Client, transport http.RoundTripper, bucket string, expected encryption) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	small, big := random(300_000), random(17<<20)
	// A put by length, in signed chunks; one of unknown length; one in parts.
	_, err := client.PutObject(ctx, bucket, "go/small", bytes.NewReader(small), int64(len(small)), minio.PutObjectOptions{UserMetadata: map[string]string{"Colour": "green"}})
	must(err)
	_, err = client.PutObject(ctx, bucket, "go/unknown", io.MultiReader(bytes.NewReader(small)), -1, minio.PutObjectOptions{PartSize: 5 << 20})
	must(err)
	_, err = client.PutObject(ctx, bucket, "go/trailer", bytes.NewReader(small), int64(len(small)), minio.PutObjectOptions{Checksum: minio.ChecksumCRC32C, DisableMultipart: true})
	must(err)
	_, err = client.PutObject(ctx, bucket, "go/big", bytes.NewReader(big), int64(len(big)), minio.PutObjectOptions{PartSize: 5 << 20, NumThreads: 2})
	must(err)
	_, err = client.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "go/copy"}, minio.CopySrcOptions{Bucket: bucket, Object: "go/small"})
	must(err)
	for key, content := range map[string][]byte{"go/small": small, "go/unknown": small, "go/trailer": small, "go/big": big, "go/copy": small} {
		object, err := client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		must(err)
		got, err := io.ReadAll(object)
		must(err)
		if !bytes.Equal(got, content) {
			fail("%s/%s: %d bytes came back, not the %d that went in", bucket, key, len(got), len(content))
		}
		info, err := client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		must(err)
		found := encryption{info.Metadata.Get("X-Amz-Server-Side-Encryption"), info.Metadata.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")}
		if found != expected {
			fail("%s/%s is %v, not %v", bucket, key, found, expected)
		}
	}
	part := minio.GetObjectOptions{}
	must(part.SetRange(5<<20-2, 5<<20+2))
	object, err := client.GetObject(ctx, bucket, "go/big", part)
	must(err)
	got, err := io.ReadAll(object)
	must(err)
	if !bytes.Equal(got, big[5<<20-2:5<<20+3]) {
		fail("a range across parts is wrong")
	}
	link, err := client.PresignedGetObject(ctx, bucket, "go/small", time.Minute, nil)
	must(err)
	response, err := (&http.Client{Transport: transport}).Get(link.String())
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	if response.StatusCode != 200 || !bytes.Equal(body, small) {
		fail("presigned: %d", response.StatusCode)
	}
	count := 0
	for info := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "go/", Recursive: true}) {
		must(info.Err)
		count++
		must(client.RemoveObject(ctx, bucket, info.Key, minio.RemoveObjectOptions{}))
	}
	if count != 5 {
		fail("%d objects are listed", count)
	}
	_, err = client.StatObject(ctx, bucket, "go/small", minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code != "NoSuchKey" {
		fail("deleted, and yet: %v", err)
	}
}

func random(size int) []byte {
	b := make([]byte, size)
	_, err := rand.Read(b)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
