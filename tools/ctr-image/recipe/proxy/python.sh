#!/bin/sh
# Installs Python, and makes the account that the proxy runs as.

set -eu

certificates=/usr/local/share/ca-certificates/ctrkit
bundle=/etc/ssl/certs/ca-certificates.crt

# For a mirror behind https there must be a bundle before there is the package
# that looks after it.
for certificate in "$certificates"/*.crt; do
    [ -e "$certificate" ] || break
    mkdir -p "${bundle%/*}"
    cat "$certificate" >>"$bundle"
done

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends python3
apt-get clean
rm -rf /var/lib/apt/lists/*

groupadd --gid 10001 ctrkit
useradd --uid 10001 --gid 10001 --home-dir /var/lib/ctrkit --no-create-home \
    --shell /usr/sbin/nologin ctrkit

# Volumes that are mounted here take over owner and mode. The certificate is for
# all to read; the key and the log are not.
install -d -o ctrkit -g ctrkit -m 0700 /var/lib/ctrkit /var/lib/ctrkit/ca /var/lib/ctrkit/log
install -d -o ctrkit -g ctrkit -m 0755 /var/lib/ctrkit-trust

# Nothing here has to become another user.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
