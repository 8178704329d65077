#!/usr/bin/env bats
#
# Containers that the real devcontainers CLI makes, from the repository's own
# devcontainer.json: image, build and Compose, with and without isolation.

load world
bats_require_minimum_version 1.5.0

# Another run on the same engine has images of its own.
tag=${BATS_RUN_TMPDIR##*-}

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    # Nothing can be pulled: an image with the account that such files expect.
    own_image=localhost/ctrkit-test-vscode:$tag
    mkdir "$world/image"
    printf '%s\n' "FROM $image" 'RUN useradd --create-home --shell /bin/bash vscode' >"$world/image/Dockerfile"
    "$engine" build -q -t "$own_image" "$world/image" >/dev/null
    export world state config own_image
}

teardown_file() {
    unmake_world
    "$engine" rmi --force "$own_image" localhost/ctrkit-test-{bind,privileged,trusted}":$tag" >/dev/null 2>&1 || true
}

setup() { load world; }

# Whatever was built for a container has gone with it.
teardown() { [[ -z ${BATS_TEST_COMPLETED-} ]] || is "$(built)" ""; }

# By the life-cycle commands, in the order in which they ran.
commands='"onCreateCommand": "echo created >>~/ran",
  "postCreateCommand": {"one": "echo made >>~/ran"}, // an object, and a comment
  "postStartCommand": ["sh", "-c", "echo started >>~/ran"],'

# repository NAME BASE: a worktree whose devcontainer.json is made from BASE.
repository() {
    local path
    path=$(worktree "$1")
    mkdir "$path/.devcontainer"
    printf '{ %s\n  %s\n}\n' "$commands" "$2" >"$path/.devcontainer/devcontainer.json"
    printf '%s\n' "FROM $own_image" 'RUN echo built >/etc/built' >"$path/.devcontainer/Dockerfile"
    cat >"$path/.devcontainer/compose.yml" <<END
services:
  web:
    image: $own_image
    command: sleep infinity
  db:
    image: $own_image
    command: sleep infinity
    volumes: [data:/data]
volumes:
  data: {}
END
    git -C "$path" add .
    git -C "$path" commit -qm devcontainer
    printf '%s\n' "$path"
}

of_image="\"image\": \"localhost/ctrkit-test-vscode:$tag\""
of_build='"build": {"dockerfile": "Dockerfile"},'
of_compose='"dockerComposeFile": "compose.yml", "service": "web",'

create() { ctrkit create --via devcontainer "$@"; }

answers() { ssh_ -o ConnectionAttempts=20 "$@"; }

# cli VERB ARGUMENT...: the CLI by hand, as an editor calls it.
cli() {
    local verb=$1 path=$2 name=$3
    shift 3
    devcontainer "$verb" --workspace-folder "$path" --docker-path "$engine" \
        --override-config "$state/$name/devcontainer/devcontainer.json" "$@" 2>>"$world/cli.log"
}

# whole PATH DOCUMENT: the container is all that it has to be.
whole() {
    local path=$1 name info
    name=$(get .name <"$2")
    is "$(answers "$name" whoami)" vscode
    is "$(answers "$name" 'git -C "$CTRKIT_WORKSPACE" rev-parse HEAD')" "$(git -C "$path" rev-parse HEAD)"
    is "$(answers "$name" cat ran)" $'created\nmade\nstarted'
    info=$(ctr-info --json "$name")
    is "$(cli read-configuration "$path" "$name" | get '.configuration.remoteUser, .workspace.workspaceFolder')" \
        "$(get '.containers[0] | .user, .workspace' <<<"$info")"
    is "$(cli exec "$path" "$name" sh -c 'id -un; pwd')" "$(get '.containers[0] | .user, .workspace' <<<"$info")"
    is "$(ctr-ls --names | grep -cxF "$name")" 1
}

# up HASH: what runs beside the container of that project.
up() { "$engine" ps --filter "name=$1" --format '{{.Names}}' | LC_ALL=C sort; }

# again PATH DOCUMENT: what is there stays, through a stop and a start.
again() {
    local name id hash others
    name=$(get .name <"$2") id=$(get .state.id <"$2") hash=$(get .project.hash <"$2")
    shift 2
    create "$@" >"$world/again"
    is "$(get .state.id <"$world/again")" "$id"
    is "$(answers "$name" cat ran | wc -l)" 3
    # What stands beside it stops and starts with it.
    others=$(up "$hash")
    ctr-stop --timeout 1 "$name"
    is "$(up "$hash")" ""
    ctr-start "$name"
    is "$(up "$hash")" "$others"
    is "$(answers "$name" tail -1 ran)" started
    is "$(answers "$name" cat ran | wc -l)" 4
}

# all_of NAME BASE ISOLATION...: the life of one.
all_of() {
    local path name hash
    path=$(repository "$1" "$2")
    shift 2
    create "$@" "$path" >"$world/document"
    cp "$world/document" "$world/${path##*/}.json"
    whole "$path" "$world/${path##*/}.json"
    again "$path" "$world/${path##*/}.json" "$@" "$path"
    name=$(get .name <"$world/document") hash=$(get .project.hash <"$world/document")
    ctr-rm "$name" --volumes
    is "$("$engine" ps --all --quiet --filter "name=$name")$(around "$hash")" ""
    is "$(beside "$hash")" ""
}

@test "an image" { all_of image "$of_image"; }

@test "an image, isolated" { all_of image-alone "$of_image" --isolate claude+github --trust; }

# bats test_tags=on:docker
@test "a build" { all_of build "$of_build"; }

# bats test_tags=on:docker
@test "a build, isolated" { all_of build-alone "$of_build" --isolate claude+github --trust; }

@test "a service of Compose" { all_of service "$of_compose"; }

@test "a service of Compose, isolated" { all_of service-alone "$of_compose" --isolate claude+github --trust; }

# bats test_tags=on:docker
@test "a rebuild keeps the volumes, and what is to be done once is done once more" {
    local path name id
    path=$(repository rebuilt "$of_build")
    create "$path" >"$world/rebuilt.json"
    name=$(get .name <"$world/rebuilt.json") id=$(get .state.id <"$world/rebuilt.json")
    answers "$name" touch kept
    ctrkit rebuild "$name"
    [[ $("$engine" inspect --format '{{.Id}}' "$name") != "$id" ]]
    is "$(answers "$name" 'ls kept; cat ran')" $'kept\ncreated\nmade\nstarted\ncreated\nmade\nstarted'
    ctr-rm "$name" --volumes
}

# made_from NAME: the id of the container's image.
made_from() { "$engine" inspect --format '{{.Image}}' "$1"; }

# bats test_tags=on:podman
@test "of what is built the last alone is kept, and that which a container uses" {
    local path name old
    path=$(repository piled "$of_build")
    echo 'RUN echo once >>/etc/once' >>"$path/.devcontainer/Dockerfile"
    create "$path" >"$world/piled.json"
    name=$(get .name <"$world/piled.json")
    old=$(made_from "$name")
    sed -i s/once/twice/ "$path/.devcontainer/Dockerfile"
    ctrkit rebuild "$name"
    [[ $(made_from "$name") != "$old" ]]
    run "$engine" image inspect "$old"
    [[ $status -ne 0 ]]
    # A new one that is no good has its name no longer, and the old one is used.
    old=$(made_from "$name")
    echo 'RUN rm /usr/sbin/sshd' >>"$path/.devcontainer/Dockerfile"
    refused 69 cannot-replace ctrkit rebuild "$name"
    is "$(made_from "$name")" "$old"
    is "$("$engine" image inspect --format '{{.Id}}' "localhost/ctrkit-dev-$name:latest")" "$old"
    # A person's container, and a name that a person gave.
    "$engine" create --name "$name-mine" "localhost/ctrkit-dev-$name:latest" true >/dev/null
    "$engine" tag "$old" "localhost/ctrkit-test-mine:$name"
    run --separate-stderr ctr-rm "$name" --volumes
    "$engine" rm "$name-mine" >/dev/null
    is "$status" 0
    is "$("$engine" image inspect --format '{{.Id}}' "localhost/ctrkit-test-mine:$name")" "$old"
    "$engine" rmi "localhost/ctrkit-test-mine:$name" >/dev/null
    for old in $(built | cut -d ' ' -f 2); do "$engine" rmi "$old" >/dev/null; done
}

# orphans: what ctr-doctor finds of this world's images.
orphans() {
    ctr-doctor --json 2>/dev/null | jq -r '.checks[] | select(.name == "image") | "\(.status) \(.subject)"' |
        grep -F -f <(built | cut -d ' ' -f 2) || true
}

# bats test_tags=alone
@test "what was built for a container that has gone by itself is an orphan" {
    local path name
    path=$(repository orphan "$of_build")
    create "$path" >"$world/orphan.json"
    name=$(get .name <"$world/orphan.json")
    is "$(orphans)" ""
    "$engine" rm --force "$name" >/dev/null
    "$engine" create --name "$name-mine" "localhost/ctrkit-dev-$name:latest" true >/dev/null
    is "$(orphans)" ""
    "$engine" rm "$name-mine" >/dev/null
    is "$(orphans | grep -c "^orphan .*ctrkit-dev-$name:latest$")" 1
    ctr-doctor --fix >/dev/null 2>&1 || true
    is "$(built)" ""
    ctr-rm "$name" --volumes
}

# bats test_tags=on:podman
@test "without a devcontainer.json of the repository's the base image is one" {
    local path name
    path=$(worktree plain)
    create "$path" >"$world/plain.json"
    name=$(get .name <"$world/plain.json")
    is "$(answers "$name" whoami)" dev
    "$engine" restart -t 1 "$name" >/dev/null
    ctr-stop "$name"
    ctr-start "$name"
    is "$(answers "$name" whoami)" dev
    ctr-rm "$name" --volumes
}

# bats test_tags=on:docker
@test "a command that fails fails the create, and leaves nothing unless it is kept" {
    local path name
    path=$(repository failing "\"updateContentCommand\": \"echo why; exit 3\", $of_image")
    run -0 --separate-stderr ctr-spec --via devcontainer --name-only "$path"
    name=$output
    run --separate-stderr create "$path"
    [[ $status -ne 0 ]]
    grep -qx why <<<"$stderr"
    is "$(on_engine | grep -F "$name" || true)" ""
    run "$engine" inspect "$name"
    [[ $status -ne 0 ]]
    refused 69 command-failed create --keep "$path"
    is "$("$engine" inspect --format '{{.State.Running}}' "$name")" true
    ctr-rm "$name" --volumes
}

# bats test_tags=on:docker
@test "a feature that cannot be fetched, no CLI, no ssh server: each is told, and nothing is left" {
    local path before
    before=$(on_engine)
    path=$(repository feature "\"features\": {\"ghcr.io/devcontainers/features/node:1\": {}}, $of_image")
    refused 69 feature-not-fetched create "$path"
    is "$(on_engine)" "$before"
    CTRKIT_DEVCONTAINER=/nonexistent refused 69 no-devcontainer-cli create "$path"
    is "$(on_engine)" "$before"
    path=$(repository mute "$of_build")
    echo 'RUN rm /usr/sbin/sshd' >>"$path/.devcontainer/Dockerfile"
    refused 69 no-ssh-server create "$path"
    is "$(on_engine)" "$before"
}

@test "Compose files that are others than what was judged make nothing" {
    local path before
    path=$(repository changed "$of_compose")
    before=$(on_engine)
    ctr-spec --via devcontainer "$path" | portalloc | sshca | ctr-image | mkdevcontainer >"$world/judged"
    sed -i 's/infinity/9999/' "$path/.devcontainer/compose.yml"
    apply() { ctr-up <"$world/judged"; }
    # What refused reads from is not for the command.
    CTRKIT_ERROR_FORMAT=json run --separate-stderr apply
    is "$status $(tail -1 <<<"$stderr" | get .kind)" "65 compose-changed"
    is "$(on_engine)" "$before"
    # They change while the CLI is at work.
    # shellcheck disable=SC2016 # the wrapper's own
    printf '#!/bin/sh\n[ "$1" != up ] || echo "# x" >>"%s"\nexec %s "$@"\n' \
        "$path/.devcontainer/compose.yml" "$(command -v devcontainer)" >"$world/changer"
    chmod +x "$world/changer"
    CTRKIT_DEVCONTAINER=$world/changer refused 65 compose-changed create "$path"
    is "$(on_engine)" "$before"
    is "$(beside "$(get .project.hash <"$world/judged")")" ""
}

# bats test_tags=on:docker
@test "a create that was killed when the CLI had made the container is made good by the next one" {
    local path name
    path=$(repository killed "$of_image")
    # shellcheck disable=SC2016 # the wrapper's own
    printf '#!/bin/sh\n%s "$@"\n[ "$1" != up ] || kill -9 "$PPID"\n' "$(command -v devcontainer)" >"$world/killer"
    chmod +x "$world/killer"
    CTRKIT_DEVCONTAINER=$world/killer run create "$path"
    [[ $status -ne 0 ]]
    create "$path" >"$world/killed.json"
    name=$(get .name <"$world/killed.json")
    whole "$path" "$world/killed.json"
    ctr-rm "$name" --volumes
}

# asking NAME METADATA: an image that asks the CLI for more than others have.
asking() {
    mkdir -p "$world/$1"
    printf '%s\n' "FROM $own_image" "LABEL devcontainer.metadata='$2'" >"$world/$1/Dockerfile"
    "$engine" build -q -t "localhost/ctrkit-test-$1:$tag" "$world/$1" >/dev/null
}

# never KIND STATUS ARGUMENT...: no container is made.
never() {
    local kind=$1 wanted=$2 before
    shift 2
    before=$(on_engine)
    refused "$wanted" "$kind" create "$@"
    is "$(on_engine)" "$before"
}

# made_of IMAGE BASE: a repository that is made from IMAGE in that way.
made_of() {
    local path
    path=$(repository "$1-$RANDOM" "${2//ctrkit-test-vscode/ctrkit-test-$1}")
    sed -i "s|ctrkit-test-vscode|ctrkit-test-$1|" "$path"/.devcontainer/{Dockerfile,compose.yml}
    printf '%s\n' "$path"
}

# bats test_tags=on:docker
@test "an image that asks for the machine needs trust, and has no isolation" {
    local path row
    asking bind '[{"id":"x"},{"mounts":[{"type":"bind","source":"/","target":"/host"}]}]'
    never untrusted 77 "$(made_of bind "$of_image")"
    asking privileged '[{"privileged":true}]'
    for row in "$of_image" "$of_build" "$of_compose"; do
        path=$(made_of privileged "$row")
        never untrusted 77 "$path"
        never cannot-isolate 65 --isolate claude+github --trust "$path"
    done
}

# bats test_tags=on:docker
@test "what of an image is trusted is its digest" {
    local path digest name first
    asking trusted '{"capAdd":["SYS_PTRACE"]}'
    path=$(made_of trusted "$of_image")
    run --separate-stderr create "$path"
    grep -q 'capAdd: "SYS_PTRACE": it gives the container a capability' <<<"$stderr"
    digest=$(grep -o 'trust=[0-9a-f]*' <<<"$stderr" | head -1)
    create "--$digest" "$path" >"$world/trusted.json"
    name=$(get .name <"$world/trusted.json")
    is "trust=$(get .devcontainer.trusted_image <"$world/trusted.json")" "$digest"
    is "$(answers "$name" whoami)" vscode
    ctrkit rebuild "$name"
    first=$(made_from "$name")
    asking trusted '{"capAdd":["SYS_PTRACE", "SYS_ADMIN"]}'
    run --separate-stderr ctrkit rebuild "$name"
    [[ $status -ne 0 && $stderr == *"is not trusted"* ]]
    is "$("$engine" inspect --format '{{.State.Running}}' "$name")" true
    ctr-rm "$name" --volumes
    "$engine" rmi "$first" >/dev/null
}

# bats test_tags=on:docker
@test "a feature of the repository's own is there, and what it asks for is not" {
    local path name
    path=$(repository featured "\"features\": {\"./local\": {}}, $of_build")
    mkdir "$path/.devcontainer/local"
    printf '{"id": "local", "version": "1.0.0", "name": "x", "privileged": true}\n' \
        >"$path/.devcontainer/local/devcontainer-feature.json"
    printf '#!/bin/sh\necho installed >/etc/local\n' >"$path/.devcontainer/local/install.sh"
    never untrusted 77 "$path"
    sed -i 's/true/false/' "$path/.devcontainer/local/devcontainer-feature.json"
    create "$path" >"$world/featured.json"
    name=$(get .name <"$world/featured.json")
    is "$(answers "$name" cat /etc/local /etc/built)" $'installed\nbuilt'
    [[ $(built | wc -l) -ge 2 ]]
    is "$("$engine" inspect --format '{{.HostConfig.Privileged}}' "$name")" false
    ctr-rm "$name" --volumes
}
