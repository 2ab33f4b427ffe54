# Sourced by .ci/run: installs the stores, SDKs and tools that the outer tests drive. Every failure is loud.
TOOLS=${BUCKETSEAL_TOOLS:-$HOME/.cache/bucketseal-tools}
mkdir -p "$TOOLS/bin"
export BUCKETSEAL_TOOLS=$TOOLS PATH="$TOOLS/bin:$PATH"

apt_packages() {
  local missing=()
  for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
  [ "${#missing[@]}" -eq 0 ] && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

go_tool() { [ -x "$TOOLS/bin/$1" ] || GOBIN="$TOOLS/bin" go install "$2"; }

python_tools() {
  [ -x "$TOOLS/python/bin/python" ] || python3 -m venv "$TOOLS/python"
  "$TOOLS/python/bin/pip" install -q --disable-pip-version-check alibabacloud-oss-v2==1.4.1 awscli==1.46.3 boto3==1.44.5 minio==7.2.20 oss2==2.19.1
}

apt_packages ceph-mon ceph-osd radosgw nginx haproxy wrk s3cmd strace curl python3-venv
go_tool minio github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
go_tool versitygw github.com/versity/versitygw/cmd/versitygw@v1.8.0
go_tool rclone github.com/rclone/rclone@v1.76.0
go_tool k6 go.k6.io/k6@v1.8.1
python_tools
# The minio-go client, whose modules its test builds from.
(cd test/external/go && go mod download)

# Programs against Alibaba's SDKs (test/external/oss): built anew each time, from pinned versions.
oss_clients() {
  local programs=test/external/oss
  rm -rf "$TOOLS/oss"
  mkdir -p "$TOOLS/oss/java"
  (cd "$programs/go" && go build -o "$TOOLS/oss/" ./oss1 ./oss2)
  mvn -q -B -f "$programs/java/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$TOOLS/oss/java"
  javac -d "$TOOLS/oss/java" -cp "$TOOLS/oss/java/*" "$programs/java/OssClient.java"
}
{ command -v javac && command -v mvn; } >/dev/null || apt_packages maven default-jdk-headless
oss_clients
