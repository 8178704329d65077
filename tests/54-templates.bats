#!/usr/bin/env bats
#
# A container that a template says what it is made from.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    mine=$config/templates/mine
    ctr-template new mine >/dev/null
    mkdir -p "$mine/image/sub" "$mine/home/bin" "$mine/policies"
    cat >"$mine/template.toml" <<'TOML'
description = "what the tests try"
[container]
isolate = ["own"]
[container.limits]
memory = "1g"
[[container.env]]
name = "OF_TEMPLATE"
value = "a $b"
TOML
    printf 'schema = "policy/1"\n[[allow]]\nname = "own.example"\n' >"$mine/policies/own.toml"
    # A recipe that needs nothing from anywhere, but for the world's own name: two
    # worlds must not have one image.
    printf 'ARG BASE\nFROM ${BASE}\nCOPY sub/run /usr/local/bin/of-template\nRUN echo %s >/etc/of-template\n' \
        "$world" >"$mine/image/Containerfile"
    printf '#!/bin/sh\necho ran\n' >"$mine/image/sub/run"
    printf '#!/bin/sh\necho home\n' >"$mine/home/bin/of-home"
    echo '# template' >"$mine/home/.of-template"
    echo '# template' >"$mine/home/.mine-wins"
    chmod +x "$mine/image/sub/run" "$mine/home/bin/of-home"
    mkdir -p "$config/dotfiles"
    echo '# person' >"$config/dotfiles/.mine-wins"
    printf 'services:\n  app:\n    environment: {OF_COMPOSE: yes}\n' >"$mine/compose.yaml"
    export world state config path mine
}

teardown_file() {
    local image
    unmake_world
    while read -r image; do
        "$engine" image rm --force "$image" >/dev/null || true
    done <"$world/images"
}

setup() { load world; }

in_it() { "$engine" exec --user dev "$name" "$@"; }

# created ARGUMENT...: the document of a container of the template.
created() {
    ctrkit create --template mine "$@" "$path" >"$world/document" 2>"$world/narration" ||
        { cat "$world/narration" >&2; return 1; }
    get .image <"$world/document" >>"$world/images"
    get .name <"$world/document" >"$world/name"
}

@test "create makes the image of the template and a container of it" {
    created --no-isolation
    name=$(cat "$world/name")
    is "$(in_it of-template)" ran
    is "$(in_it cat /etc/of-template)" "$world"
    is "$(in_it sh -c 'echo "$OF_TEMPLATE"')" 'a $b'
    is "$(in_it cat /home/dev/.of-template)" '# template'
    is "$(in_it cat /home/dev/.mine-wins)" '# person'
    is "$(in_it /home/dev/bin/of-home)" home
    is "$(in_it stat -c '%U %a' /home/dev/bin/of-home)" 'dev 755'
    is "$("$engine" inspect --format '{{index .Config.Labels "ctrkit.template"}}' "$name")" mine
    is "$("$engine" inspect --format '{{.HostConfig.Memory}}' "$name")" 1073741824
    is "$(ssh_ "$name" cat /workspace/myapp/file)" hello
}

@test "a second create changes nothing, and asks once for each image" {
    local before
    name=$(cat "$world/name")
    before=$("$engine" inspect --format '{{.Id}} {{.State.StartedAt}}' "$name")
    created --no-isolation
    is "$("$engine" inspect --format '{{.Id}} {{.State.StartedAt}}' "$name")" "$before"
    calls ctr-image <"$world/document" >/dev/null
    [ "$count" -le 4 ]
    run -1 grep '^build' "$world/calls"
}

# bats test_tags=on:docker
@test "another recipe is another image, and the document of the old one is refused" {
    local before
    before=$(get .image <"$world/document")
    echo 'RUN true' >>"$mine/image/Containerfile"
    is "$(CTRKIT_ERROR_FORMAT=json ctr-image <"$world/document" 2>&1 >/dev/null | jq -r .kind)" template-changed
    is "$(CTRKIT_ERROR_FORMAT=json dotfiles <"$world/document" 2>&1 >/dev/null | jq -r .kind)" template-changed
    created --no-isolation --replace
    name=$(cat "$world/name")
    [ "$(get .image <"$world/document")" != "$before" ]
    is "$("$engine" inspect --format '{{.Config.Image}}' "$name")" "$(get .image <"$world/document")"
    is "$(in_it of-template)" ran
}

# bats test_tags=on:docker
@test "what a recipe cannot do is the engine's message, and nothing is left" {
    cp -r "$mine" "$config/templates/wrong"
    echo 'RUN echo it is this >&2; exit 3' >>"$config/templates/wrong/image/Containerfile"
    ctr-spec --template wrong "$path" >"$world/wrong"
    run --separate-stderr ctr-image <"$world/wrong"
    is "$status" 69
    is "$output" ''
    [[ $stderr == *'cannot build the image'* && $stderr == *'exit 3'* ]]
    run "$engine" image inspect "$(get .image <"$world/wrong")"
    [ "$status" -ne 0 ]
    rm -r "$config/templates/wrong"
}

# bats test_tags=on:docker
@test "by itself it isolates, with its own policy and its additions to the model" {
    created --replace
    name=$(cat "$world/name")
    is "$(get '.isolation.allow | join(" ")' <"$world/document")" own.example
    is "$(in_it sh -c 'echo "$OF_COMPOSE"')" yes
    is "$(in_it of-template)" ran
    is "$("$engine" inspect --format '{{index .Config.Labels "ctrkit.isolation"}}' "$name")" proxy
    run in_it curl -sS -m 5 -o /dev/null -w '%{http_code}' http://other.example/
    [[ $output == *403* ]]
    ctr-rm "$name" --volumes
}

@test "the templates that are shipped can be used" {
    local template
    for template in basic go node python rust; do
        ctr-template check "$template"
        ctrkit create --dry-run --template "$template" "$path" >"$world/shipped"
        is "$(get .template.name <"$world/shipped")" "$template"
        [ "$(get '.isolation.allow | length' <"$world/shipped")" -gt 0 ]
    done
    is "$(get .template.base <"$world/shipped")" "$image"
}
