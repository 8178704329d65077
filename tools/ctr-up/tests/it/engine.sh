# shellcheck shell=sh disable=SC1091,SC2034,SC2154
#
# An engine that keeps its things as files, for the stand-ins to source: $stub
# is the directory, $name the engine, $call the call, "$@" its arguments.
#
# $stub/before and $stub/after are what a test wants to happen around a call;
# they find its arguments in $said.

PATH=/usr/bin:/bin
[ ! -e "$stub/$call.err" ] || return 0
said=$*
mkdir -p "$stub/containers" "$stub/volumes" "$stub/sent"

# fail STATUS WORDS
fail() {
    printf '%s\n' "$2" >&2
    exit "$1"
}

# find_container: sets $found to the directory of the one named by id or name.
find_container() {
    found=
    for directory in "$stub/containers"/*; do
        [ -d "$directory" ] || continue
        if [ "${directory##*/}" = "$1" ] || [ "$(cat "$directory/id")" = "$1" ]; then
            found=$directory
        fi
    done
    [ -n "$found" ]
}

# list_containers NAME...
list_containers() {
    rows=
    for listed; do
        directory=$stub/containers/$listed
        [ -d "$directory" ] || continue
        id=$(cat "$directory/id") state=$(cat "$directory/state") labels=$(cat "$directory/labels")
        if [ "$name" = podman ]; then
            rows="$rows${rows:+,}{\"Id\":\"$id\",\"Names\":[\"$listed\"],\"Image\":\"i\",\"State\":\"$state\",\"Created\":1,\"Labels\":{$labels}}"
        else
            rows="$rows{\"ID\":\"$id\",\"Names\":\"$listed\",\"Image\":\"i\",\"State\":\"$state\",\"CreatedAt\":\"\",\"Ports\":\"\",\"Labels\":{$labels}}
"
        fi
    done
    if [ "$name" = podman ]; then printf '[%s]\n' "$rows"; else printf '%s\n' "$rows"; fi
}

# asked ARGUMENT...: the names of the filters among the arguments.
asked() {
    for word; do
        case $word in name=^*) word=${word#name=^} && printf '%s\n' "${word%\$}" ;; esac
    done
}

# labels_of ARGUMENT...: the labels among the arguments, as JSON.
labels_of() {
    comma=
    for word; do
        case $word in --label=*)
            word=${word#--label=}
            printf '%s"%s":"%s"' "$comma" "${word%%=*}" "${word#*=}"
            comma=,
            ;;
        esac
    done
}

create() {
    for word; do
        case $word in --name=*) container=${word#--name=} ;; esac
    done
    if find_container "$container" || [ -e "$stub/remnant" ]; then
        fail 125 "Error: the container name \"$container\" is already in use by container \"0\"."
    fi
    mkdir "$stub/containers/$container"
    number=$(cat "$stub/number" 2>/dev/null || echo 0)
    echo "$((number + 1))" >"$stub/number"
    printf '%064d\n' "$((number + 1))" >"$stub/containers/$container/id"
    echo created >"$stub/containers/$container/state"
    labels_of "$@" >"$stub/containers/$container/labels"
    echo 'WARNING: it is only a test'
    cat "$stub/containers/$container/id"
}

remove() {
    for word; do container=$word; done
    if find_container "$container"; then
        rm -r "$found"
    elif [ -e "$stub/remnant" ]; then
        rm "$stub/remnant"
    fi
}

start() {
    for word; do container=$word; done
    find_container "$container" || fail 125 "Error: no such container $container"
    echo running >"$found/state"
    echo yes >"$found/started"
}

# become STATE ARGUMENT...
become() {
    state=$1
    for word; do container=$word; done
    find_container "$container" || fail 125 "Error: no such container $container"
    echo "$state" >"$found/state"
}

# rename ID NAME
rename() {
    ! find_container "$2" || fail 125 "Error: that name is already in use"
    find_container "$1" || fail 125 "Error: no such container $1"
    mv "$found" "$stub/containers/$2"
}

create_volume() {
    for word; do volume=$word; done
    if ! mkdir "$stub/volumes/$volume" 2>/dev/null; then
        [ "$name" = docker ] || fail 125 "Error: volume with name $volume already exists"
    fi
    labels_of "$@" >"$stub/volumes/$volume/labels"
    printf '%s\n' "$volume"
}

list_volumes() {
    for directory in "$stub/volumes"/*; do
        [ -d "$directory" ] || continue
        labels=$(cat "$directory/labels")
        owner=$(sed -n 's/.*"ctrkit.name":"\([^"]*\)".*/\1/p' "$directory/labels")
        if [ "$name" = podman ]; then
            printf '{"name":"%s","labels":{%s}}\n' "${directory##*/}" "$labels"
        else
            printf '{"name":"%s","labels":{"ctrkit.name":"%s"}}\n' "${directory##*/}" "$owner"
        fi
    done
}

remove_volume() {
    for word; do volume=$word; done
    [ -d "$stub/volumes/$volume" ] || fail 1 "Error: no such volume $volume"
    rm -r "$stub/volumes/$volume"
}

# copy ARGUMENT...: in, where the last is NAME:/, or out.
copy() {
    for word; do last=$word; done
    if [ "$last" = - ]; then
        cat "$stub/passwd.tar"
        return
    fi
    find_container "${last%:/}" || fail 125 "Error: no such container ${last%:/}"
    number=0
    while [ -e "$stub/sent/$number" ]; do number=$((number + 1)); done
    cat >"$stub/sent/$number"
}

started_at() {
    for word; do container=$word; done
    find_container "$container" || fail 125 "Error: no such container $container"
    if [ -e "$found/started" ]; then
        echo '2026-11-22 08:00:00 +0000 UTC'
    else
        echo '0001-01-01 00:00:00 +0000 UTC'
    fi
}

[ ! -e "$stub/before" ] || . "$stub/before"
case $call in
*-version) if [ "$name" = podman ]; then echo 4.3.1; else echo 20.10.24; fi ;;
*-ps)
    # shellcheck disable=SC2046 # names have no blanks
    list_containers $(asked "$@")
    ;;
*-image-inspect) cat "$stub/image" ;;
*-volume-ls) list_volumes ;;
*-volume-create) create_volume "$@" ;;
*-volume-rm) remove_volume "$@" ;;
*-container-inspect) started_at "$@" ;;
*-create) create "$@" ;;
*-cp) copy "$@" ;;
*-start | *-unpause) start "$@" ;;
*-stop) become exited "$@" ;;
*-pause) become paused "$@" ;;
*-rename) shift && rename "$@" ;;
*-rm) remove "$@" ;;
*-exec) case $said in *HUP*) rm -f "$stub/wrong" ;; esac ;;
esac
[ ! -e "$stub/after" ] || . "$stub/after"
