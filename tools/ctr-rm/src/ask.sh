# In a container: says what is in the workspace $1 that may be nowhere else,
# a line for each change and one for the commit of each branch and stash.
[ -e "$1" ] || exit 0
cd -- "$1" || exit 9
export GIT_OPTIONAL_LOCKS=0
if git rev-parse --git-dir >/dev/null 2>&1; then
    changes=$(git status --porcelain) || exit 9
    [ -z "$changes" ] || printf '%s\n' "$changes" | sed 's/^/changed /'
    git for-each-ref --format='commit %(objectname)' refs/heads refs/stash ||
        exit 9
    git rev-parse --quiet --verify HEAD 2>/dev/null | sed 's/^/commit /'
else
    # Whatever this is, no commit has it.
    ls -A | sed 's/^/changed /'
fi
