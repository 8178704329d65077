# shellcheck shell=sh
#
# Takes out of the container what put.sh has put into it: the directory $1, and
# what leads the user $2 to it. Runs as root.

set -u
directory=$1 user=$2
rm -rf -- "$directory" || exit

included() { git config --system --get-all include.path | grep -qxF -- "$directory/gitconfig"; }
if command -v git >/dev/null && included; then
    git config --system --unset-all include.path "^$directory/gitconfig\$" || exit
fi

# shellcheck disable=SC2016 # the other shell expands it
su "$user" -s /bin/sh -c '
    link=$HOME/.config/gh/hosts.yml
    [ "$(readlink -- "$link")" != "$1" ] || rm -f -- "$link"' sh "$directory/hosts.yml"
