# What ctr-init(1) wants to know of the machine on which the engine runs, as
# lines of a word and a value. Before this comes, read from standard input:
# $where (here or there), $program (of the engine, or empty), $socket (or empty).
: "${where?}" "${program?}" "${socket?}"
say() { printf '%s %s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
first() { head -n 1 | tr -d '\r' | cut -c 1-300; }
# An engine that hangs is one that does not answer.
within() { if has timeout; then timeout 15 "$@"; else "$@"; fi; }

user=$(id -un) uid=$(id -u)
say user "$user"
say uid "$uid"
if has sudo; then say sudo yes; fi
if [ -d /run/systemd/system ]; then say systemd yes; fi
for each in apt-get dnf yum zypper pacman apk; do
    if has "$each"; then say packager "$each"; break; fi
done

# look ENGINE SOCKET: who may use the socket, and who answers there.
look() {
    group=$(stat -L -c %G "$2" 2>/dev/null) || group=-
    if [ -S "$2" ]; then
        if [ -r "$2" ] && [ -w "$2" ]; then state=open; else state=denied; fi
    else
        above=${2%/*}
        while [ -n "$above" ] && [ ! -e "$above" ]; do above=${above%/*}; done
        if [ -x "${above:-/}" ]; then state=absent; else state=denied; fi
    fi
    say socket "$1 $state $group $2"
    [ "$state" = open ] && has "$1" || return 0
    case $1 in
    podman) answer=$(within podman --remote --url "unix://$2" version --format '{{.Server.Version}}' 2>&1) ;;
    docker) answer=$(within docker --host "unix://$2" version --format '{{.Server.Version}}' 2>&1) ;;
    esac && say alive "$1 $(printf '%s\n' "$answer" | first)" ||
        say dead "$1 $(printf '%s\n' "$answer" | first)"
}

run=${XDG_RUNTIME_DIR:-/run/user/$uid}
for each in podman docker; do
    program_of_it=$each
    case ${program##*/} in
    "$each"*) program_of_it=$program ;;
    esac
    has "$program_of_it" && say installed "$each"
    if [ "$where" = here ]; then
        # podman needs no service here, and docker knows its own socket.
        has "$program_of_it" || continue
        case $each in
        podman) answer=$(within "$program_of_it" info --format '{{.Version.Version}}' 2>&1) ;;
        docker)
            answer=$(within "$program_of_it" version --format '{{.Server.Version}}' 2>&1)
            ;;
        esac && say alive "$each $(printf '%s\n' "$answer" | tail -n 1 | first)" || {
            say dead "$each $(printf '%s\n' "$answer" | first)"
            [ "$each" = podman ] || look docker /var/run/docker.sock
        }
        continue
    fi
    if [ -n "$socket" ]; then
        look "$each" "$socket"
    else
        case $each in
        podman) own=$run/podman/podman.sock shared=/run/podman/podman.sock ;;
        docker) own=$run/docker.sock shared=/var/run/docker.sock ;;
        esac
        if [ -S "$own" ]; then
            look "$each" "$own"
        elif [ -S "$shared" ] || [ "$uid" = 0 ] || [ "$each" = docker ]; then
            look "$each" "$shared"
        else
            look "$each" "$own"
        fi
    fi
done

if has loginctl; then
    linger=$(loginctl show-user "$user" --property=Linger 2>/dev/null) || linger=
    if [ -z "$linger" ] && [ -d /run/systemd/system ]; then
        linger=Linger=no
        if [ -e "/var/lib/systemd/linger/$user" ]; then linger=Linger=yes; fi
    fi
    if [ -n "$linger" ]; then say linger "${linger#Linger=}"; fi
fi
# in_file FILE: whether it has a line for this account.
in_file() {
    while IFS=: read -r who rest; do
        if [ "$who" = "$user" ] || [ "$who" = "$uid" ]; then return 0; fi
    done <"$1"
    return 1
} 2>/dev/null
for each in subuid subgid; do
    flag=
    if [ "$each" = subgid ]; then flag=-g; fi
    if in_file "/etc/$each" || { has getsubids && getsubids $flag "$user" >/dev/null 2>&1; }; then
        say "$each" yes
    else
        say "$each" no
    fi
done
say end .
