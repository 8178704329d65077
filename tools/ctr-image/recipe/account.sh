#!/bin/sh
# Makes the account USER_NAME with the id USER_UID, its home and /workspace.

set -eu

# Some bases bring a user of their own that has the id (Ubuntu: ubuntu, 1000).
holder=$(getent passwd "$USER_UID" | cut -d: -f1) || holder=
[ -z "$holder" ] || userdel --remove "$holder"

# '*' is no password, but unlike '!' it is not a locked account, which sshd
# without PAM refuses even to those who have a key.
groupadd --gid "$USER_UID" "$USER_NAME"
useradd --uid "$USER_UID" --gid "$USER_UID" --groups sudo,audio \
    --shell /bin/bash --create-home --password '*' "$USER_NAME"

echo "$USER_NAME ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ctrkit
chmod 0440 /etc/sudoers.d/ctrkit
visudo --check --quiet

install -d -o "$USER_NAME" -g "$USER_NAME" /workspace
