#!/bin/sh
# Installs what every development container has, and what it is set to.

set -eu

certificates=/usr/local/share/ca-certificates/ctrkit
bundle=/etc/ssl/certs/ca-certificates.crt

# The bundle is needed before the package that looks after bundles can be
# fetched (a mirror behind https), so it is begun by hand; the package then
# writes it anew, with these in it.
for certificate in "$certificates"/*.crt; do
    [ -e "$certificate" ] || break
    mkdir -p "${bundle%/*}"
    cat "$certificate" >>"$bundle"
done

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends \
    openssh-server sudo git tmux zsh bash \
    ca-certificates curl less nano procps \
    alsa-utils libasound2-plugins pulseaudio-utils
update-ca-certificates

# The package makes host keys. An image with host keys is many containers with
# one identity, so they go in the layer that they came with.
rm -f /etc/ssh/ssh_host_*
rm -rf /var/lib/apt/lists/*
mkdir -p /run/sshd
: >/etc/motd

# The image's environment is what `exec` sees; this is what PAM gives to ssh.
echo 'LANG=C.UTF-8' >/etc/default/locale

# The shells that read no profile: claudecfg(1) brings the file, where there are
# secrets. bash reads its own also for a command that sshd runs, and leaves it at
# once, so this is its first line.
hook='[ ! -r /etc/ctrkit/secrets.sh ] || . /etc/ctrkit/secrets.sh'
sed -i "1i $hook" /etc/bash.bashrc
echo "$hook" >>/etc/zsh/zshenv

# No daemon behind the user's back, and no shared memory, which a tunnel cannot
# carry. ALSA programs play through PulseAudio.
mkdir -p /etc/pulse/client.conf.d
printf '%s\n' 'autospawn = no' 'enable-shm = no' >/etc/pulse/client.conf.d/ctrkit.conf
printf '%s\n' 'pcm.!default { type pulse }' 'ctl.!default { type pulse }' >/etc/asound.conf
