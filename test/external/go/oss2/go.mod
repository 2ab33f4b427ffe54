module bucketseal/test/oss2

go 1.24

require github.com/aliyun/alibabacloud-oss-go-sdk-v2 v1.6.1
