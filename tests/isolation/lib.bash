# shellcheck shell=bash
#
# lib: what the test files here begin and end with

source "$BATS_TEST_DIRNAME/../world.bash"
source "$BATS_TEST_DIRNAME/outside.bash"
source "$BATS_TEST_DIRNAME/predecessor.bash"

# begin: the image, the world; with CTRKIT_ENGINE, which names the engine.
begin() {
    engine=${CTRKIT_ENGINE:?name the engine: CTRKIT_ENGINE=podman bats tests/isolation}
    ATTACK_WORLD=$BATS_FILE_TMPDIR/world
    export engine ATTACK_WORLD
    "$isolation/image/make"
    outside_up "$ATTACK_WORLD"
}

# create NAME: a container of ctrkit's, in a home of its own.
create() {
    local path hash
    if [[ ! -d $BATS_FILE_TMPDIR/home ]]; then
        make_world "$BATS_FILE_TMPDIR/home"
        printf '[isolation]\ndns = ["%s"]\nupstream_ca = "%s"\n' "$outside_address" "$ATTACK_WORLD/ca.pem" \
            >>"$config/config.toml"
        export world state config
    fi
    path=$(worktree "$1")
    hash=$(tail -n 1 "$world/hashes")
    echo "planted-secret-$hash" >"$world/$1.secrets"
    ctrkit create --isolate "$isolation/policy.toml" --image localhost/ctrkit-attack:latest "$path" \
        >"$world/$1.json"
    mkdir -p "$BATS_FILE_TMPDIR/$1"
    cat >"$BATS_FILE_TMPDIR/$1/env" <<END
export ATTACK_APP=$(jq -r .name "$world/$1.json")
export ATTACK_PROXY=ctrkit-$hash-proxy ATTACK_INGRESS=ctrkit-$hash-ingress
export ATTACK_FILTER=$(jq -r .isolation.filter "$world/$1.json")
export ATTACK_SECRETS=$world/$1.secrets
export ATTACK_SSH="ssh -q -F $CTRKIT_SSH_CONFIG $(jq -r .name "$world/$1.json")"
END
}

# finish PROJECT...
finish() {
    local name
    outside_names
    for name; do "$isolation/by-hand" down "$name"; done
    [[ ! -d $BATS_FILE_TMPDIR/home ]] || unmake_world
    [[ ! -e $BATS_FILE_TMPDIR/world/processes ]] || mapfile -t outside_processes <"$BATS_FILE_TMPDIR/world/processes"
    outside_down
}

# make NAME PORT [VARIANT]: a project by hand; its ports are those of the tests.
make() {
    local base=${CTRKIT_TEST_PORTS:-22200}
    [[ $engine == podman ]] || base=$((base + 1000))
    "$isolation/by-hand" down "$1"
    ATTACK_PORT=$((base + $2)) "$isolation/by-hand" up "$1" "$BATS_FILE_TMPDIR/$1" "${3:-shut}"
}

# use NAME: the attacks are made on that project.
# shellcheck disable=SC1090 # it is made by by-hand
use() { source "$BATS_FILE_TMPDIR/$1/env"; }

attack() { "$isolation/attack" "$@"; }

# others NAME: another project, with a canary in each of its containers.
others() {
    local each
    use "$1"
    ATTACK_OTHERS="$ATTACK_APP $ATTACK_PROXY $ATTACK_INGRESS"
    export ATTACK_OTHERS
    for each in $ATTACK_OTHERS; do
        listen_at "$("$engine" inspect --format '{{.State.Pid}}' "$each")" "$each"
    done
}

# failed: the names of the checks that failed, of the output of `attack`.
failed() { sed -n 's/^not ok [0-9]* \(.*\) # [0-9.]* s$/\1/p' <<<"$output" | sort; }

# passed: the names of those that held.
passed() { sed -n 's/^ok [0-9]* \(.*\) # [0-9.]* s$/\1/p' <<<"$output" | sort; }
