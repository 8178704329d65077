# shellcheck shell=sh
#
# Puts the token that is the one line on standard input into the directory $1,
# for the user $2 alone, and what tells gh and git of it: the text of a
# credential helper, $3, and that of a gitconfig, $4. Runs as root. Writes what
# became of gh's file in the home: linked, own or unplaced.

set -u
directory=$1 user=$2 helper=$3 config=$4

# Without its newline the line was cut off on the way.
IFS= read -r token || { echo 'the token did not arrive' >&2; exit 65; }

# put NAME MODE OWNER: makes the file be what is on standard input, all at once.
put() {
    new=$directory/$1.new.$$
    cat >"$new" && chmod -- "$2" "$new" && chown -- "$3" "$new" && mv -f -- "$new" "$directory/$1"
}

umask 022
mkdir -p -- "$directory" || exit
# What was left when the container was stopped in the middle of this.
rm -f -- "$directory"/*.new.*
umask 077
# Without a user gh 2.40 asks GitHub for one when it first runs, and does
# nothing at all where it gets no answer. printf is part of the shell: no
# process has the token among its arguments.
printf '%s\n' github.com: '    git_protocol: https' '    user: ctrkit-token' \
    "    oauth_token: $token" | put hosts.yml 0600 "$user:" || exit
printf '%s' "$helper" | put credential 0755 0:0 || exit
printf '%s' "$config" | put gitconfig 0644 0:0 || exit

umask 022
included() { git config --system --get-all include.path | grep -qxF -- "$directory/gitconfig"; }
include() { included || git config --system --add include.path "$directory/gitconfig"; }
if command -v git >/dev/null; then
    # Another git may have the file locked at this moment.
    include || { sleep 1 && include; } || exit
fi

# In the home the user's own rights count, whatever the user has put there.
# shellcheck disable=SC2016 # the other shell expands it
su "$user" -s /bin/sh -c '
    umask 077
    link=$HOME/.config/gh/hosts.yml
    if [ "$(readlink -- "$link")" = "$1" ]; then
        echo linked
    elif [ -e "$link" ] || [ -L "$link" ]; then
        echo own
    elif mkdir -p -- "${link%/*}" && ln -s -- "$1" "$link"; then
        echo linked
    else
        echo unplaced
    fi' sh "$directory/hosts.yml"
