# Makes all of the container trust the proxy's authority, before anything else
# runs. Without its certificate nothing would get out: that is an error, which
# the container ends with, and no warning.
set -eu
certificate=/etc/ctrkit/trust/ca.pem
bundle=/etc/ctrkit/ca-bundle.crt

if [ ! -s "$certificate" ]; then
    echo "ctrkit: the certificate of the proxy's authority is missing: $certificate" >&2
    exit 78
fi

# The system's store: Debian and Alpine, Fedora, Arch.
for store in \
    "/usr/local/share/ca-certificates update-ca-certificates" \
    "/etc/pki/ca-trust/source/anchors update-ca-trust" \
    "/etc/ca-certificates/trust-source/anchors update-ca-trust"; do
    directory=${store% *} refresh=${store#* }
    command -v "$refresh" >/dev/null 2>&1 || continue
    [ -d "${directory%/*}" ] || continue
    mkdir -p "$directory"
    cmp -s "$certificate" "$directory/ctrkit-proxy.crt" && break
    cp "$certificate" "$directory/ctrkit-proxy.crt"
    "$refresh" >/dev/null 2>&1 || {
        rm -f "$directory/ctrkit-proxy.crt"
        echo "ctrkit: $refresh failed: the proxy's authority is not in the system's store" >&2
        exit 78
    }
    break
done

# What the variables of the environment name, at one place in every image.
{
    for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        /etc/ssl/cert.pem; do
        if [ -r "$file" ]; then
            cat "$file"
            break
        fi
    done
    cat "$certificate"
} >"$bundle.new"
chmod 0644 "$bundle.new"
mv "$bundle.new" "$bundle"

# Java has a store of its own; on Debian the system's refresh fills it as well.
if command -v keytool >/dev/null 2>&1; then
    set -- -cacerts -storepass changeit -alias ctrkit-proxy
    keytool -list "$@" >/dev/null 2>&1 ||
        keytool -importcert -noprompt -file "$certificate" "$@" >/dev/null 2>&1 ||
        echo "ctrkit: Java does not take the proxy's authority into its store" >&2
fi

# apt and sudo do not heed the environment.
if [ -d /etc/apt/apt.conf.d ]; then
    printf 'Acquire::http::Proxy "%s";\nAcquire::https::Proxy "%s";\n' \
        "$HTTP_PROXY" "$HTTPS_PROXY" >/etc/apt/apt.conf.d/80ctrkit-proxy
fi
if [ -d /etc/sudoers.d ]; then
    (umask 337 && printf 'Defaults env_keep += "%s"\n' "$CTRKIT_PROXY_VARIABLES" \
        >/etc/sudoers.d/.ctrkit-proxy.new)
    mv -f /etc/sudoers.d/.ctrkit-proxy.new /etc/sudoers.d/ctrkit-proxy
fi
set +eu
