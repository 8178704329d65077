#!/usr/bin/env bats
#
# A repository's own devcontainer.json, through the tools that plan: what is honoured,
# what has to be trusted, and isolation laid over it. No container is made.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    # A name that is none to a shell, to YAML or to a devcontainer.json.
    project "my'app #1 \${x}: y"
}
teardown() { unmake_world; }

# project NAME: a worktree, and where it would have a file of its own.
project() {
    path=$(worktree "$1")
    mkdir "$path/.devcontainer"
    own=$path/.devcontainer/devcontainer.json
}

# made FILE OPTION...: what mkdevcontainer makes of the document in FILE.
made() { mkdevcontainer "${@:2}" <"$1"; }

# plan OPTION...: the document as mkdevcontainer gets it.
plan() { ctr-spec --via devcontainer "$@" "$path" | portalloc -n; }

# isolated OPTION...: the same, of a container that has no way out.
isolated() {
    plan --isolate claude "$@" | filtergen | ctr-image -n --engine "$engine" | mkcompose
}

@test "without a file of the repository's own it is the base image" {
    plan | mkdevcontainer >"$world/out"
    is "$(get .devcontainer.mode <"$world/out")" image
    local config
    config=$(get .devcontainer.config <"$world/out")
    is "$(get .image <"$config")" "$image"
    is "$(get '.runArgs | map(select(startswith("--label=ctrkit.project.path="))) | .[0]' <"$config")" \
        "--label=ctrkit.project.path=$path"
    mkdevcontainer <"$world/out" | cmp - "$world/out"
    git -C "$path" status --porcelain >"$world/status"
    [ ! -s "$world/status" ]
}

@test "rows of bad input" {
    printf '{\n// a\n"image": "a",\n"image": "b"}' >"$own"
    refused 65 devcontainer-broken ctr-spec --via devcontainer "$path"
    printf '{"image": ["a"],}' >"$own"
    refused 65 bad-devcontainer ctr-spec --via devcontainer "$path"
    printf '{"build": {"dockerfile": "Dockerfile"}}' >"$own"
    plan >"$world/document"
    refused 66 missing-file made "$world/document"
    printf '{"image": "a"}' >"$path/.devcontainer.json"
    refused 65 devcontainer-ambiguous ctr-spec --via devcontainer "$path"
    refused 66 devcontainer-absent ctr-spec --devcontainer-config absent.json "$path"
    ctr-spec --devcontainer-config "$path/.devcontainer.json" "$path" | mkdevcontainer --print |
        get '.image == "a"'
    refused 65 bad-setting ctr-spec --via podman "$path"
}

@test "what reaches the machine is used once it is trusted, and as long as it stays" {
    printf '{"image": "a", "initializeCommand": "touch %s", "mounts": ["source=/,target=/x,type=bind"]}' \
        "$world/pwned" >"$own"
    plan >"$world/document"
    refused 77 untrusted made "$world/document"
    run --separate-stderr made "$world/document"
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *'initializeCommand: "touch '* && $stderr == *'mounts[0]: '* ]]
    plan --trust | mkdevcontainer | get '.devcontainer.trusted | length == 64'
    plan | mkdevcontainer | get .devcontainer.trusted
    printf '{"image": "a", "initializeCommand": "id"}' >"$own"
    plan >"$world/document"
    refused 77 untrusted made "$world/document"
    [ ! -e "$world/pwned" ]
}

# The repository's own Compose file, as editors write one for it.
compose_file() {
    printf '{"dockerComposeFile": "compose.yml", "service": "dev", "workspaceFolder": "/src"}' >"$own"
    mkdir -p "$path/data"
    cat >"$path/.devcontainer/compose.yml" <<YAML
services:
  dev:
    image: $image
    command: sleep infinity
    volumes: ['..:/src:cached', '../data:/data:ro']
    depends_on: [db]
    environment: {DB: db}
    networks: [back]
  db:
    image: $image
    command: [sleep, infinity]
    restart: always
    ports: ['5432:5432']
    volumes: ['data:/var/lib/data']
    $1
networks: {back: }
volumes: {data: }
YAML
}

@test "where a log goes and what a file of variables takes needs trust" {
    compose_file "logging: {driver: json-file, options: {max-size: 1m, path: $world/pwned}}
    env_file: env"
    printf 'A=b\n' >"$path/.devcontainer/env"
    plan >"$world/document"
    run --separate-stderr made "$world/document"
    is "$status" 77
    [[ $stderr == *'services.db.logging.options.path: '* && $stderr != *env_file* && $stderr != *max-size* ]]
    printf 'A=${TOKEN}\n' >"$path/.devcontainer/env"
    run --separate-stderr made "$world/document"
    [[ $stderr == *'services.db.env_file: '* ]]
}

@test "isolation is laid over the repository's own Compose file" {
    # What is mounted has to have a name that all tools can mount.
    project plain
    compose_file
    isolated >"$world/document"
    # What it shows of the worktree may be in no commit.
    refused 77 untrusted made "$world/document"
    isolated --trust >"$world/document"
    mkdevcontainer <"$world/document" >"$world/out"
    is "$(get .user <"$world/out")" vscode
    local file
    file=$(get '.devcontainer.compose_files[0]' <"$world/out")
    # Where an editor may find it nothing of a person's is written over.
    mkdir "$world/editor"
    echo theirs >"$world/editor/override.json"
    mkdevcontainer --output "$world/editor" <"$world/document" >/dev/null
    is "$(cat "$world/editor/override.json")" theirs
    # Judged by the tool that will read it.
    docker compose --file "$file" config --format json >"$world/app"
    get '.services | keys == ["app"]' <"$world/app"
    get '.services.app | (.networks | keys == ["net"]) and (has("ports") or has("privileged") | not)' \
        <"$world/app"
    get '.services.app.environment | .DB == "db" and (.https_proxy | startswith("http://10."))' \
        <"$world/app"
    is "$(get '[.services.app.volumes[] | select(.type == "bind") | .target] | join(" ")' <"$world/app")" /data
    get '.services.app.volumes[] | select(.type == "bind") | .read_only' <"$world/app"
    get '[.networks[], .volumes[] | .external] | all' <"$world/app"
    # What stands around it, their own service among it, has no other way out.
    docker compose --file "$(get .compose.file <"$world/out")" config --format json >"$world/model"
    get '.services | keys == ["app", "db", "ingress", "proxy"]' <"$world/model"
    get '.services.db | (.networks | keys == ["net"]) and (has("ports") | not)' <"$world/model"
    mkdevcontainer <"$world/out" | cmp - "$world/out"
}

@test "the model of an isolated container follows the account" {
    local file
    project plain
    isolated >"$world/document"
    printf '{"image": "%s", "remoteUser": "someone"}' "$image" >"$own"
    # Only looked at, nothing is made anew.
    mkdevcontainer --dry-run <"$world/document" >/dev/null
    mkdevcontainer --print <"$world/document" | get '.remoteUser == "someone"'
    mkcompose <"$world/document" | cmp - "$world/document"
    mkdevcontainer <"$world/document" >"$world/out"
    is "$(get .user <"$world/out")" someone
    for file in "$(get '.devcontainer.compose_files[0]' <"$world/out")" "$(get .compose.file <"$world/out")"; do
        docker compose --file "$file" config --format json >"$world/app"
        get '.services.app | [.volumes[].target, .environment[]] | all(contains("/home/dev") | not)' <"$world/app"
        get '.services.app.volumes | any(.target == "/home/someone")' <"$world/app"
    done
    mkdevcontainer <"$world/out" | cmp - "$world/out"
}

@test "what it cannot be laid over is refused, trusted or not" {
    local key
    project plain
    compose_file 'cap_drop: [ALL]'
    isolated --trust >"$world/document"
    made "$world/document" | get .devcontainer.config
    for key in 'privileged: true' 'network_mode: host' 'build: .' 'devices: [/dev/null]' \
        'environment: {A: $HOME}' "tmpfs: '/x:exec,suid'"; do
        compose_file "$key"
        isolated --trust >"$world/document"
        refused 65 cannot-isolate made "$world/document"
    done
    printf '{"image": "%s", "runArgs": ["--network=host"]}' "$image" >"$own"
    isolated --trust >"$world/document"
    refused 65 cannot-isolate made "$world/document"
}
