// Command refused puts 20 MB thirty times where it may not, and prints how often each answer was read.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	host, id, secret := os.Args[1], os.Args[2], os.Args[3]
	readable := map[string]int{}
	body := bytes.Repeat([]byte("x"), 20<<20)
	for i := 0; i < 30; i++ {
		client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4(id, secret, ""), Transport: &http.Transport{}, Region: "us-east-1", BucketLookup: minio.BucketLookupPath, MaxRetries: 1})
		if err != nil {
			panic(err)
		}
		_, err = client.PutObject(context.Background(), "photos", "k", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{DisableMultipart: true})
		code := minio.ToErrorResponse(err).Code
		if code == "" {
			code = err.Error()
			if len(code) > 60 {
				code = code[len(code)-60:]
			}
		}
		readable[code]++
	}
	fmt.Println(readable)
}
