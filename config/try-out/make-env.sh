#!/bin/sh
# Writes .env beside this file: random credentials for MinIO, for the gateway's one client, and MinIO's KMS key.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo "config/try-out/.env is there already; nothing was changed." >&2
  exit 0
fi
umask 077
# set -C: never over a file that came into being meanwhile.
set -C
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
letters() { head -c 64 /dev/urandom | base64 | tr -dc A-Z0-9 | cut -c "1-$1"; }
cat > .env <<EOF
MINIO_ROOT_USER=MINIO$(letters 12)
MINIO_ROOT_PASSWORD=$(random 30)
MINIO_KMS_SECRET_KEY=try-out:$(random 32)
APP_KEY_ID=APP$(letters 14)
APP_SECRET=$(random 30)
EOF
