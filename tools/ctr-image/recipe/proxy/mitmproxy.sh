#!/bin/sh
# Makes the virtual environment with mitmproxy in it.

set -eu

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends python3-venv ca-certificates
update-ca-certificates

# pip brings certificates of its own; a company's are in the system's.
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
export PIP_CONFIG_FILE=/etc/ctrkit-pip/pip.conf

# All that mitmproxy needs is in the list, and of the right hash or refused. pip is
# not needed any more when it has done that.
python3 -m venv /opt/mitmproxy
/opt/mitmproxy/bin/pip install --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes --requirement /usr/local/share/ctrkit/requirements.txt
/opt/mitmproxy/bin/pip uninstall --disable-pip-version-check --quiet --yes setuptools pip
/opt/mitmproxy/bin/python3 -I -c 'import graphql, mitmproxy.addons'
