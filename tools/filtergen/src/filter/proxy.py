# ---------------------------------------------------------------- the proxy

# What must hold of mitmproxy. Each is looked at again after it is set.
NEEDED = {
    "rawtcp": False,
    "connection_strategy": "lazy",
    "upstream_cert": False,
    "block_global": True,
    "ssl_insecure": False,
    "validate_inbound_headers": True,
    "websocket": True,
    "http2": True,
    "ignore_hosts": [],
    "allow_hosts": [],
    "tcp_hosts": [],
    "stream_large_bodies": None,
    "body_size_limit": None,
}
# The same, of options that not every version has.
IF_KNOWN = {"http3": False, "show_ignored_hosts": False, "dns_server": False, "udp_hosts": []}


class Unfit(Exception):
    """The proxy must not run."""


def watch_names(loop, gate):
    """Check every address that a name resolves to, where it is resolved: what
    is checked is what is connected to."""
    original = loop.getaddrinfo

    async def getaddrinfo(host, port, **more):
        name = normalise(host.decode("ascii", "replace") if isinstance(host, bytes) else host)
        found = await original(host, port, **more)
        good = [entry for entry in found if name and may_connect(gate.policy, name, entry[4][0])]
        if not good:
            raise OSError("refused: address")
        return good

    loop.getaddrinfo = getaddrinfo


async def watch_file(watched, program, gate, status):
    """Take over a policy that is put in the file's place. One that does not
    load, and a file that is gone, leave the last good one in force."""
    while True:
        await asyncio.sleep(0.5)
        gate.expire()
        status.count(gate.log.refused)
        if not watched.has_changed():
            continue
        digest = digest_of(watched.path)
        try:
            other, policy = read_file(watched.path)
            if other != program:
                raise ValueError("its program is another one: start the proxy again")
            gate.adopt(policy)
            watched.digest = digest
            print(f"filter: the policy is now {policy.digest}", file=sys.stderr)
            status.tell(digest, policy)
        except Exception as error:  # noqa: BLE001, the last good one stays
            print(f"filter: the policy stays: {ascii(error)}", file=sys.stderr)
            status.tell(watched.digest, gate.policy, (digest, str(error)[:1000]))


def options(arguments):
    """Return mitmproxy's options."""
    host, _, port = arguments.listen.rpartition(":")
    ipaddress.ip_address(host.strip("[]"))  # a name would have to be resolved
    return {
        "listen_host": host.strip("[]"),
        "listen_port": int(port),
        "confdir": arguments.confdir,
        "ssl_verify_upstream_trusted_ca": arguments.upstream_ca,
    }


def write_certificate(path, certificate):
    """Put the CA's certificate, and never its key, where others trust it from:
    whole or not at all, for all to read."""
    new = f"{path}.new"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(new, flags, 0o600), "wb") as file:
            file.write(certificate.to_pem())
            os.fchmod(file.fileno(), 0o644)  # whatever the umask is
        os.replace(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise Unfit(f"cannot write the certificate {path!r}: {error.strerror}") from error


def set_options(opts, wanted):
    known = {**NEEDED, **{key: value for key, value in IF_KNOWN.items() if key in opts}}
    missing = [key for key in known if key not in opts]
    if missing:
        raise Unfit(f"this mitmproxy has no option {', '.join(missing)}")
    opts.update(**known, **wanted)
    wrong = [key for key, value in known.items() if (getattr(opts, key) or None) != (value or None)]
    if wrong or opts.mode not in ("regular", ["regular"]):
        raise Unfit(f"mitmproxy did not take the option {', '.join(wrong) or 'mode'}")


async def serve(arguments, watched, program, policy):
    """Run the proxy until it is told to end."""
    log = Log(arguments.log)
    log.limits = policy.limits
    if not log.ready():
        raise Unfit(f"cannot write the log {arguments.log!r}")
    status = Status(arguments.status)
    status.tell(watched.digest, policy)
    gate, opts = Gate(policy, log, arguments.secrets), Options()
    master = Master(opts)
    # Nothing but what a proxy needs: no scripts, no replay, no mitm.it.
    addons = [core.Core(), block.Block(), proxyserver.Proxyserver(), next_layer.NextLayer()]
    tls = tlsconfig.TlsConfig()
    master.addons.add(*addons, tls, errorcheck.ErrorCheck(), gate)
    set_options(opts, options(arguments))
    # The options made the CA, if there was none; nothing listens before run().
    if arguments.certificate:
        write_certificate(arguments.certificate, tls.certstore.default_ca)
    mend(gate)
    gate.server = master.addons.get("proxyserver")
    loop = asyncio.get_running_loop()
    watch_names(loop, gate)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, master.shutdown)
    watching = loop.create_task(watch_file(watched, program, gate, status))
    try:
        await master.run()
    finally:
        watching.cancel()
        status.count(log.refused)


def probe(listen):
    """Ask the proxy at `listen` for what every policy refuses."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        request = f"CONNECT {CANARY}:443 HTTP/1.1\r\nHost: {CANARY}:443\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        while b"refused-by-policy" not in answer:
            more = connection.recv(4096)
            if not more:
                raise Unfit("the proxy does not refuse the canary")
            answer += more


def release():
    """Return the first two numbers of mitmproxy's version."""
    return tuple(int(number) for number in version.VERSION.split(".")[:2])


def load(_loader):
    """End mitmdump, if it was told to load this as a script: it would do
    nothing with it, and let everything pass."""
    sys.exit("filter: this is a program and no script: run it with python3 -I")


def main():
    parser = argparse.ArgumentParser(description="The egress proxy of one container.")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", default="0.0.0.0:8080")
    parser.add_argument("--confdir", metavar="DIR", default="~/.mitmproxy", help="the proxy's CA")
    parser.add_argument("--log", metavar="FILE", help="where requests are recorded")
    parser.add_argument("--status", metavar="DIR", help="where it is said what is in force")
    parser.add_argument("--certificate", metavar="FILE", help="write the CA's certificate here")
    parser.add_argument("--upstream-ca", metavar="FILE", help="trust these CAs and no others")
    parser.add_argument("--secrets", metavar="DIR", help="what is added to requests")
    parser.add_argument(
        "--keep-secrets", metavar="DIR", help="keep there what standard input has, and end"
    )
    parser.add_argument("--probe", action="store_true", help="ask a proxy that runs, and end")
    arguments = parser.parse_args()
    arguments.filter = os.path.abspath(__file__)
    try:
        if arguments.probe:
            return probe(arguments.listen)
        if arguments.keep_secrets:
            return keep_secrets(arguments.keep_secrets, sys.stdin.buffer)
        if version is None or not (8, 1) <= release() < (12, 0):
            raise Unfit("this needs mitmproxy 8.1 to 11")
        watched = Watched(arguments.filter)  # before it is read: what comes later is another
        asyncio.run(serve(arguments, watched, *read_file(arguments.filter)))
    except (Unfit, OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"filter: {error}")
    return None


if __name__ == "__main__":
    main()
