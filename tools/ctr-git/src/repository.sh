# shellcheck shell=sh
# The repository in the container, seen and prepared from inside.
#
# ctr-git(1) runs it as the container's user with `sh -c`, as it is; all that
# varies comes as positional parameters. It answers with one line for each
# fact, between `ctr-git 1` and `end`. Whatever fails ends it.
set -eu

mode=$1 workspace=$2 branch=$3 commit=$4
printf 'ctr-git 1\n'

export GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0
# Engines may leave HOME as it is for root, whose settings git cannot read.
if ! [ -O "${HOME:-/}" ]; then
    HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
    export HOME
fi

is_unborn() {
    ! git rev-parse --quiet --verify HEAD >/dev/null
}

# get KEY: its value, or nothing. Where none of the keys was there in the
# beginning, no git has to be started to look for each.
get() {
    [ -z "$settled" ] || git config --local --get "$1" || :
}

# settle KEY VALUE: writes nothing where nothing changes.
settle() {
    if [ "$(get "$1")" != "$2" ]; then
        git config --local --replace-all -- "$1" "$2"
    fi
}

# adopt KEY VALUE NOTE: settles what comes from the host, unless somebody here
# has chosen another value since; NOTE is where the host's is remembered.
adopt() {
    [ -n "$2" ] || return 0
    now=$(get "$1")
    if [ -z "$now" ] || [ "$now" = "$(get "ctrkit.$3")" ]; then
        settle "$1" "$2"
        now=$2
    fi
    if [ "$now" = "$2" ]; then
        settle "ctrkit.$3" "$2"
    fi
}

# prepare FORMAT NAME EMAIL ORIGIN
prepare() {
    mkdir -p -- "$workspace"
    cd -- "$workspace"
    if ! git rev-parse --resolve-git-dir .git >/dev/null 2>&1; then
        git -c init.defaultBranch="$branch" init --quiet --object-format="$1"
    fi
    if [ "$(git symbolic-ref --quiet HEAD || :)" != "refs/heads/$branch" ] && is_unborn &&
        ! git show-ref --quiet --verify "refs/heads/$branch"; then
        git symbolic-ref HEAD "refs/heads/$branch"
    fi
    settled=$(git config --local --name-only --get-regexp '^(receive|user|ctrkit|remote)[.]' || :)
    settle receive.denyCurrentBranch updateInstead
    # The worktree may be a shallow clone.
    settle receive.shallowUpdate true
    adopt user.name "$2" userName
    adopt user.email "$3" userEmail
    if [ -n "$4" ] && [ -z "$(get remote.origin.fetch)" ]; then
        settle remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
    fi
    adopt remote.origin.url "$4" originUrl
}

# Names the first of the files that have changes, and that are tracked.
dirty() {
    changed=$(git -c core.quotePath=false status --porcelain=v1 --untracked-files=no \
        --ignore-submodules=all)
    [ -z "$changed" ] || printf '%s\n' "$changed" | head -n 6 | sed 's/^/dirty /'
}

# Names the first of the files that are not tracked, ignored ones included, in
# the place of the paths on standard input, each ended by a NUL, or of a
# directory above them.
blocked() {
    # shellcheck disable=SC2016 # it is the inner shell that expands
    xargs -0 sh -c '
        others() {
            git --literal-pathspecs -c core.quotePath=false ls-files --others -- "$@"
        }
        [ $# = 0 ] || others "$@"
        for path do
            while [ "$path" != "${path%/*}" ]; do
                path=${path%/*}
                if [ -L "$path" ] || { [ -e "$path" ] && ! [ -d "$path" ]; }; then
                    others "$path"
                fi
            done
        done' sh | sort -u | head -n 6 | sed 's/^/blocked /'
}

# Prints the paths, each ended by a NUL, that BRANCH has and HEAD has not.
added() {
    old=$(git rev-parse --quiet --verify 'HEAD^{tree}' || git hash-object -t tree /dev/null)
    git diff-tree -r -z --no-renames --diff-filter=A --name-only "$old" "refs/heads/$branch"
}

checkout() {
    if ! git switch --quiet --no-guess --no-overwrite-ignore --no-recurse-submodules "$branch"
    then
        printf 'refused\n'
        dirty
        added | blocked
    fi
}

report() {
    head=$(git symbolic-ref --quiet HEAD || :)
    [ -z "$head" ] || printf 'head %s\n' "$head"
    now=$(git rev-parse --quiet --verify 'HEAD^{commit}' || :)
    [ -z "$now" ] || printf 'commit %s\n' "$now"
    tip=$(git rev-parse --quiet --verify "refs/heads/$branch^{commit}" || :)
    [ -z "$tip" ] || printf 'tip %s\n' "$tip"
    if [ -n "$tip" ] && git merge-base --is-ancestor "$commit" "$tip" 2>/dev/null; then
        printf 'contains\n'
        has_it=1
    else
        has_it=
    fi
    directory=$(git rev-parse --git-dir)
    for sign in rebase-merge rebase-apply MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD BISECT_LOG; do
        if [ -e "$directory/$sign" ]; then
            printf 'busy %s\n' "$sign"
        fi
    done
    if [ -z "$head" ] && [ -z "$(git for-each-ref --count=1 --contains HEAD)" ]; then
        printf 'loose\n'
    fi
    origin=$(git config --local --get remote.origin.url || :)
    [ -z "$origin" ] || printf 'origin %s\n' "$origin"
    if [ -z "$has_it" ] && [ "$head" = "refs/heads/$branch" ]; then
        dirty
    fi
}

case $mode in
prepare)
    prepare "$5" "$6" "$7" "$8"
    report
    if [ "$9" = look ]; then
        blocked
    fi
    ;;
checkout)
    cd -- "$workspace"
    checkout
    report
    ;;
esac
printf 'end\n'
