# shellcheck shell=sh
#
# Removes from the directory $1 all files but those that the other arguments
# name. Runs as root.
set -u
cd -- "$1" 2>/dev/null || exit 0
shift
for file in * .[!.]*; do
    for name; do
        [ "$file" != "$name" ] || continue 2
    done
    rm -f -- "$file" || exit
done
