#!/usr/bin/env bats
#
# A create that is killed after any event that it emits, and run again, ends
# in the same state as one that was left alone.

load world
load killed
bats_require_minimum_version 1.5.0

setup() { make_world "$BATS_TEST_TMPDIR"; }
teardown() { unmake_world; }

# whole PATH NAME: everything is there once, and nothing besides.
whole() {
    is "$(on_engine | sort)" "$(printf '%s\n' "container $2" "volume $2-home" "volume $2-workspace")"
    is "$(jq --arg name "$2" '[.reservations[] | select(.name == $name)] | length' "$state/ports.json")" 1
    is "$(grep -c "^Host $2\$" "$config/ssh_config")" 1
    is "$(grep -c Include "$CTRKIT_SSH_CONFIG")" 1
    is "$(git -C "$1" remote)" "$2"
    is "$(ssh_ "$2" git -C /workspace/myapp rev-parse HEAD)" "$(git -C "$1" rev-parse HEAD)"
    is "$(ssh_ "$2" git -C /workspace/myapp status --porcelain)" ""
    if [[ -e $config/github-token ]]; then
        is "$(ssh_ "$2" 'printf "protocol=https\nhost=github.com\n\n" | git credential fill | grep ^password=')" password=github_pat_1
        is "$(ssh_ "$2" ls -A /etc/ctrkit/github | xargs)" 'credential gitconfig hosts.yml'
        is "$(ssh_ "$2" git config --system --get-all include.path)" /etc/ctrkit/github/gitconfig
    fi
    if [[ $engine == podman ]]; then
        # What a podman that is killed leaves in its storage has no labels.
        is "$(insist podman ps --all --external --format '{{.Names}}' | grep -c -- "$2")" 1
    fi
}

# give_token: writes a token file, so that the steps for it have something to do.
give_token() { install -m 600 /dev/stdin "$config/github-token" <<<github_pat_1; }

# sweep SIGNAL STEP: cuts a create off after event 1, 1+STEP, 1+2*STEP …
sweep() {
    local path name number
    path=$(worktree myapp)
    give_token
    ctrkit create "$path" >"$world/reference"
    name=$(get .name <"$world/reference")
    whole "$path" "$name"
    for ((number = 1; ; number += $2)); do
        ctrkit rm --volumes "$name" >&2
        is "$(on_engine)" ""
        cut_off "$1" "$number" ctrkit create "$path" || break
        settle "$name"
        ctrkit create "$path" >"$world/document"
        diff <(normal "$world/document") <(normal "$world/reference")
        whole "$path" "$name"
    done
    # It must have gone through all of it: a create emits more than 20 events.
    ((number > 20))
}

@test "SIGKILL after an event, then the same command again" { sweep KILL "$(every 7)"; }

# bats test_tags=on:docker
@test "Ctrl-C after an event, then the same command again" { sweep INT "$(every 9)"; }

@test "Ctrl-C undoes what the run has made on the engine" {
    local path number
    path=$(worktree myapp)
    # Which event is in the middle of ctr-up, after its container was created?
    CTRKIT_EVENTS=$world/log ctrkit create "$path" >"$world/reference"
    number=$(jq -r '[.tool, .step, .status] | join(" ")' "$world/log" | grep -nx 'ctr-up inject started' | cut -d: -f1)
    ctrkit rm --volumes "$(get .name <"$world/reference")"
    cut_off INT "$number" ctrkit create "$path"
    is "$(jq -r .step <<<"$event")" inject
    settle "$(get .name <"$world/reference")"
    is "$(on_engine)" ""
}

@test "two creates of the same worktree at once" {
    local path first second
    path=$(worktree myapp)
    ctrkit create "$path" >"$world/1" 2>"$world/1.err" &
    first=$!
    ctrkit create "$path" >"$world/2" 2>"$world/2.err" &
    second=$!
    wait "$first" || { cat "$world/1.err"; false; }
    wait "$second" || { cat "$world/2.err"; false; }
    is "$(get .state.id <"$world/1")" "$(get .state.id <"$world/2")"
    whole "$path" "$(get .name <"$world/1")"
}
