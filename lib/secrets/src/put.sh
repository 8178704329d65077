# shellcheck shell=sh
#
# Makes the file $2 in the directory $1 be what is on standard input, all at
# once, with the mode $3, and readable by the account $4 alone where that is not
# everybody's. Runs as root.
set -u
umask 077
[ -d "$1" ] || { mkdir -p -- "$1" && chmod 0755 -- "$1"; } || exit
new=$1/.new.$$
{ cat >"$new" && chmod -- "$3" "$new" && chown -- "$4:" "$new" && mv -f -- "$new" "$1/$2"; } || {
    rm -f -- "$new"
    exit 73
}
