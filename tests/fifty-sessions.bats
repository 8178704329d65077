#!/usr/bin/env bats
#
# Fifty sessions in ten containers; it takes minutes (just sessions).

load world
bats_require_minimum_version 1.5.0

setup() { make_world "$BATS_TEST_TMPDIR"; }
teardown() { unmake_world; }

@test "fifty sessions in ten containers are listed by one call for each, as they were made" {
    local n each name names=()
    for n in {0..9}; do
        names+=("$(ctrkit create "$(worktree "app$n")" 2>/dev/null | get .name)")
    done
    for name in "${names[@]}"; do
        for each in "a b $name" "#[$name]" "日本 $name;" "-$name" "=$name"; do
            ctr-session new "$name" "$each"
            printf '%s\t%s\n' "$name" "$each" >>"$world/made"
        done
    done
    # Others' containers may be on this engine too.
    others=$(ctr-ls --json | jq '[.containers[] | select(.status == "running")] | length - 10')
    calls ctr-session list --json >"$world/list"
    is "$(grep -c '^exec' "$world/calls")" "$((10 + others))"
    for name in "${names[@]}"; do
        is "$(grep -c "^exec.* $name tmux" "$world/calls")" 1
    done
    is "$count" "$((11 + others))"
    jq -r '.sessions[] | [.container, .name] | @tsv' "$world/list" |
        grep -F "$(printf '%s\n' "${names[@]}")" | LC_ALL=C sort >"$world/found"
    LC_ALL=C sort "$world/made" | diff - "$world/found"
    is "$(wc -l <"$world/found")" 50
    # One that does not run is a reason, and holds nothing up.
    ctr-stop --timeout 1 "${names[0]}"
    is "$(ctr-session list --json | jq -r --arg name "${names[0]}" '.without[] | select(.container == $name) | .kind')" not-running
}
