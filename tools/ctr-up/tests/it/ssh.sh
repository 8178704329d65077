# shellcheck shell=sh disable=SC1091,SC2034,SC2154
#
# An ssh client, for the stand-in to source: it says what ssh says of a server
# that shows the right certificate and lets nobody in.

PATH=/usr/bin:/bin
said=$*
[ ! -e "$stub/before" ] || . "$stub/before"
if [ -e "$stub/wrong" ]; then
    echo 'No ED25519-CERT host certificate is known. Host key verification failed.' >&2
else
    for word; do
        case $word in User=*) echo "${word#User=}@127.0.0.1: Permission denied (publickey)." >&2 ;; esac
    done
fi
[ ! -e "$stub/after" ] || . "$stub/after"
exit 255
