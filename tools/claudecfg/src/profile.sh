# shellcheck shell=sh
# Written by claudecfg, for login shells.
[ ! -r /etc/ctrkit/secrets.sh ] || . /etc/ctrkit/secrets.sh
