module bucketseal/test/oss1

go 1.24

require github.com/aliyun/aliyun-oss-go-sdk v3.0.2+incompatible
