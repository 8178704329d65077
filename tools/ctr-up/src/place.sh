# shellcheck shell=sh
#
# Places the files of $1/index in the home $2, where $3 is the manifest of what
# was deployed last. Writes the paths of what could not be placed, one a line.
#
# A line of the index is: number, mode, digest or "directory", path, with tabs
# between. What has a digest is the file of that number in $1.

set -u
umask 022
LC_ALL=C
export LC_ALL
staging=$1 home=$2 manifest=$3
tab=$(printf '\t')

digest() { [ -f "$1" ] && sha256sum <"$1" | cut -d ' ' -f 1; }

# was DIGEST PATH: says whether this was deployed last.
was() { grep -qxF -- "$1  $2" "$manifest"; }

# known PATH: says whether any version of it was deployed last.
known() { cut -c 67- "$manifest" | grep -qxF -- "$1"; }

# last PATH: writes the line of the version that was deployed last.
last() {
    while IFS= read -r line; do
        [ "${line#* }" != " $1" ] || printf '%s\n' "$line"
    done <"$manifest"
}

# free PATH: says whether nothing of the person's is there, but at most the version
# that was written there last.
free() {
    [ ! -L "$1" ] || return 1
    [ -e "$1" ] || return 0
    found=$(digest "$1")
    [ "$found" = "$wanted" ] || was "$found" "$path"
}

# put SOURCE MODE PATH: replaces a file whole, but no directory.
put() {
    [ ! -d "$3" ] && rm -f -- "$3.ctrkit" && cp -- "$1" "$3.ctrkit" &&
        chmod -- "$2" "$3.ctrkit" && mv -f -- "$3.ctrkit" "$3"
}

# place: puts the file where nothing of the person's is lost.
place() {
    destination=$path
    if [ -e "$path" ] || [ -L "$path" ]; then
        found=$(digest "$path")
        if [ "$found" = "$wanted" ] || was "$wanted" "$path"; then return 0; fi
        if [ -L "$path" ] || ! was "$found" "$path"; then destination=$path.new; fi
    elif known "$path"; then
        if was "$wanted" "$path"; then return 0; fi
        destination=$path.new
    fi
    [ "$destination" = "$path" ] || free "$destination" || return 1
    mkdir -p -- "$(dirname -- "$path")" && put "$staging/$number" "$mode" "$destination"
}

# enter: makes a directory; one that is there stays as it is.
enter() {
    [ -d "$path" ] || { mkdir -p -- "$path" && chmod -- "$mode" "$path"; }
}

cd -- "$home" || exit
mkdir -p -- "$(dirname -- "$manifest")" || exit
rm -f -- "$manifest.ctrkit" || exit
[ -e "$manifest" ] || true >"$manifest" || exit
while IFS=$tab read -r number mode wanted path; do
    if [ "$wanted" = directory ]; then
        enter || printf '%s\n' "$path"
    elif place; then
        printf '%s  %s\n' "$wanted" "$path" >>"$manifest.ctrkit" || exit
    else
        printf '%s\n' "$path"
        last "$path" >>"$manifest.ctrkit" || exit
    fi
done <"$staging/index"
[ ! -e "$manifest.ctrkit" ] || mv -f -- "$manifest.ctrkit" "$manifest"
