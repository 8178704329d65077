#!/usr/bin/env bats
#
# The tools taken apart and put together in other ways.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    path=$(worktree myapp)
    ssh_start=$(ctr-spec "$path" | get '.ports[0].start')
}
teardown() { unmake_world; }

@test "every prefix of the pipe is useful by itself" {
    ctr-spec "$path" | get '.name | startswith("dev-myapp-")'
    ctr-spec "$path" | portalloc | get ".ports[0].host == $ssh_start"
    ctr-spec "$path" | portalloc --shell | grep -qx "SSH_PORT=$ssh_start"
    ctr-spec "$path" | portalloc | sshca | get .ssh.certificate
    ctr-spec "$path" | portalloc | sshca | sshcfg print | grep -q '^Host dev-myapp-'
    ctr-spec "$path" | dotfiles | get '[.inject[].target] | any(endswith("/.bashrc"))'
    # None of this has touched an engine or the user's ssh configuration.
    is "$(on_engine)" ""
    cmp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
}

@test "unknown keys come out at the end of the pipe as they went in" {
    ctr-spec "$path" | jq -c '. + {"x-note": {"b": [1, 2], "a": null}} | .project["x-owner"] = "ops"' |
        portalloc | sshca | dotfiles | ctr-image >"$world/out"
    is "$(jq -c '[."x-note", .project."x-owner"]' "$world/out")" '[{"b":[1,2],"a":null},"ops"]'
}

@test "a tool can be replaced by a script of a few lines" {
    local bin=$world/bin
    mkdir "$bin"
    # Ports by jq, dotfiles none, an image that is simply there.
    printf '#!/bin/sh\nexec jq -c %s\n' "'.ports |= map(.host = .start + 77)'" >"$bin/portalloc"
    printf '#!/bin/sh\nexec cat\n' | tee "$bin/dotfiles" >"$bin/ctr-image"
    # A certificate by ssh-keygen.
    cat >"$bin/sshca" <<'SCRIPT'
#!/bin/bash
set -e
document=$(cat) name=$(jq -r .name <<<"$document") ca=$HOME/own
[ -e "$ca" ] || ssh-keygen -q -t ed25519 -N '' -f "$ca"
[ -e "$HOME/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$HOME/host"
ssh-keygen -q -s "$ca" -I "$name" -h -n "$name" -V -5m:+1d "$HOME/host.pub"
echo "@cert-authority $name $(cat "$ca.pub")" >"$HOME/hosts"
jq -c --arg home "$HOME" '.ssh.known_hosts = $home + "/hosts" | .inject += [
  {source: ($home + "/host"), target: "/etc/ssh/ssh_host_ed25519_key", mode: "0600", owner: "root"},
  {source: ($home + "/host-cert.pub"), target: "/etc/ssh/ssh_host_ed25519_key-cert.pub", mode: "0644", owner: "root"}]' <<<"$document"
SCRIPT
    chmod +x "$bin"/*
    ctr-spec "$path" | "$bin/portalloc" | "$bin/sshca" | "$bin/dotfiles" | "$bin/ctr-image" |
        ctr-up | sshcfg add | ctr-git >"$world/document"
    is "$(get '.ports[0].host' <"$world/document")" "$((ssh_start + 77))"
    is "$(ssh_ "$(get .name <"$world/document")" cat /workspace/myapp/file)" hello
}

# all: everything that this world has, with its contents.
all() {
    find "$world" -mindepth 1 -path "$world/document" -prune -o -printf '%p %m %T@ %l\n' | sort
    find "$world" -path "$world/document" -prune -o -type f -exec sha256sum {} + | sort
    on_engine
}

# touches_nothing COMMAND...: what it leaves behind is what it writes.
touches_nothing() {
    local before
    before=$(all)
    "$@"
    diff - <(all) <<<"$before" >&2
}

# dry_run ARGUMENT...: create, which has a place of its own for what is temporary.
dry_run() { TMPDIR=$world/tmp ctrkit create --dry-run "$@"; }

@test "create --dry-run prints the document and touches nothing" {
    mkdir "$world/tmp"
    touches_nothing dry_run "$path" >"$world/document"
    get ".ports[0].host == $ssh_start and .name != null and (has(\"devcontainer\") | not)" <"$world/document"
}

# bats test_tags=on:podman
@test "create --dry-run says what a devcontainer.json comes to, and what of it is not trusted" {
    local isolate own=$path/.devcontainer/devcontainer.json
    mkdir "$world/tmp" "$path/.devcontainer"
    printf 'services: {web: {image: "%s", volumes: [".:/src:ro"]}}\n' "$image" >"$path/.devcontainer/compose.yml"
    for isolate in '' --isolate=claude; do
        printf '{"image": "%s", "initializeCommand": "id"}' "$image" >"$own"
        touches_nothing refused 77 untrusted dry_run --via devcontainer "$path"
        printf '{"dockerComposeFile": "compose.yml", "service": "web"}' >"$own"
        touches_nothing dry_run --via devcontainer --trust ${isolate:+"$isolate"} "$path" >"$world/document"
        get '.devcontainer | .mode == "compose" and (.config | endswith("/devcontainer.json"))' <"$world/document"
        is "$(get .user <"$world/document")" vscode
    done
    is "$(get .devcontainer.service <"$world/document")" app
}

@test "an option's value is no name, and without a name nothing is run" {
    local tools=$world/suite/libexec/ctrkit tool
    mkdir -p "$world/suite/bin" "$tools"
    cp "$root/scripts/ctrkit" "$world/suite/bin/"
    # shellcheck disable=SC2016 # They are the tools'.
    for tool in ctr-{info,diff,start,stop,rm,log,code,rebuild,policy,session} audiotun ghtoken ctr-progress; do
        printf '#!/bin/sh\n[ "${0##*/}" = ctr-progress ] || echo "${0##*/} $*"\n' >"$tools/$tool"
    done
    printf '#!/bin/sh\necho own\n' >"$tools/ctr-spec"
    chmod +x "$tools"/*
    kit() { env -u CTRKIT_TOOLS "$world/suite/bin/ctrkit" "$@"; }
    is "$(kit stop --timeout 5)" 'ctr-stop --timeout 5 own'
    is "$(kit stop --timeout 5 other)" 'ctr-stop --timeout 5 other'
    is "$(kit start --timeout=5 --json)" 'ctr-start --timeout=5 --json own'
    is "$(kit info --engine podman)" 'ctr-info --engine podman own'
    is "$(kit info other --engine podman)" 'ctr-info other --engine podman'
    is "$(kit diff -C /dir)" 'ctr-diff -C /dir own'
    is "$(kit rm --events file)" 'ctr-rm --events file own'
    is "$(kit log -n 5)" 'ctr-log -n 5 own'
    is "$(kit code --editor vi)" 'ctr-code --editor vi own'
    is "$(kit rebuild --image i)" 'ctr-rebuild --image i own'
    is "$(kit rebuild --all)" 'ctr-rebuild --all'
    is "$(kit audio up --server s)" 'audiotun up --server s own'
    is "$(kit token --no-token)" 'ghtoken push --no-token own'
    is "$(kit policy show --json)" 'ctr-policy show --json own'
    is "$(kit stop --help)" 'ctr-stop --help'
    printf '#!/bin/sh\nexit 66\n' >"$tools/ctr-spec"
    for tool in stop info log code rebuild token 'audio up' 'policy show' 'session kill s'; do
        # shellcheck disable=SC2086 # The verb is a word of its own.
        run -66 kit $tool
        is "$output" ''
    done
    is "$(kit stop --help)" 'ctr-stop --help'
}

@test "a failing step ends the create with its status, and says where the last document is" {
    local bin=$world/bin
    mkdir "$bin"
    printf '#!/bin/sh\nexit 69\n' >"$bin/ctr-image"
    for tool in ctr-spec portalloc sshca dotfiles ghtoken claudecfg ctr-up sshcfg ctr-git ctr-progress; do
        ln -s "$target/$tool" "$bin/$tool"
    done
    chmod +x "$bin/ctr-image"
    mkdir -p "$world/suite/bin" "$world/suite/libexec"
    cp "$root/scripts/ctrkit" "$world/suite/bin/"
    mv "$bin" "$world/suite/libexec/ctrkit"
    run env -u CTRKIT_TOOLS "$world/suite/bin/ctrkit" create "$path"
    is "$status" 69
    [[ $output == *"the last good document is"* ]]
    is "$(on_engine)" ""
}
