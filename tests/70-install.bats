#!/usr/bin/env bats
#
# What scripts/install puts in place, and that it works from there.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    export prefix="$BATS_FILE_TMPDIR/a prefix"
    "$root/scripts/install" --from "$target" "$prefix"
}

# Runs the installed ctrkit with nothing of the workspace on PATH.
installed() { env -i PATH=/usr/bin:/bin HOME="$BATS_TEST_TMPDIR" "$prefix/bin/ctrkit" "$@"; }

# bats test_tags=on:podman
@test "ctrkit finds the tools that were installed with it" {
    [[ $(installed --version) == ctrkit\ * ]]
    installed progress --plain </dev/null
    ln -s "$prefix/bin/ctrkit" "$BATS_TEST_TMPDIR/link"
    env -i PATH=/usr/bin:/bin "$BATS_TEST_TMPDIR/link" --version
}

# bats test_tags=on:podman
@test "every tool, page and completion is there" {
    local tool page shell
    for tool in "$root"/tools/*/; do
        tool=$(basename "$tool")
        [[ -x $prefix/libexec/ctrkit/$tool ]]
        bash -n "$prefix/share/bash-completion/completions/$tool"
        zsh -n "$prefix/share/zsh/site-functions/_$tool"
        fish --no-execute "$prefix/share/fish/vendor_completions.d/$tool.fish"
        grep -q -- "$tool" "$prefix/share/bash-completion/completions/$tool"
    done
    for page in "$root"/man/*; do
        cmp "$page" "$prefix/share/man/man${page##*.}/${page##*/}"
    done
}

# bats test_tags=on:podman
@test "a second run and DESTDIR change nothing but the place" {
    "$root/scripts/install" --from "$target" "$prefix"
    DESTDIR=$BATS_TEST_TMPDIR "$root/scripts/install" --from "$target" /opt/ctrkit
    diff -r "$prefix" "$BATS_TEST_TMPDIR/opt/ctrkit"
}

# bats test_tags=on:podman
@test "a prefix that is missing or not absolute is refused" {
    run -64 "$root/scripts/install"
    run -64 "$root/scripts/install" relative
    run -64 "$root/scripts/install" --from /nowhere /opt
}
