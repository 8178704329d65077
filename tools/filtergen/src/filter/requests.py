# ---------------------------------------------------------------- requests

REFUSED = re.compile(r"(?:Connection killed: )?refused: ([a-z-]+)\Z")


def reason_of(message):
    """Return why nothing was reached: what the gate has said, or mitmproxy."""
    said = REFUSED.match(message or "")
    if said and said[1] in SENTENCES:
        return said[1]
    # At the beginning alone: further on a message may have what the server said.
    failed = (message or "").startswith("Certificate verify failed")
    return "upstream-certificate" if failed else "upstream"


def connections(server):
    """Return the connections that mitmproxy has, which 8 keeps to itself."""
    if server is None:
        return []
    return getattr(server, "connections", getattr(server, "_connections", {})).values()


def count(record, direction, data):
    """Count bytes on their way through."""
    setattr(record, direction, getattr(record, direction) + len(data))
    return data


def as_sent(name):
    """Return a name in A-labels again, which mitmproxy has decoded."""
    try:
        return name if name is None or name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def spell(request, name, port):
    """Name the host in a request's fields as it was decided on."""
    standard = 443 if request.scheme == "https" else 80
    host = name if port == standard else f"{name}:{port}"
    if request.data.authority:
        request.data.authority = host.encode()
    if "host" in request.headers:
        request.headers["host"] = host


def same_host(request, name, port, standard, required=False):
    """Say whether there is at most one Host, and it is the same host."""
    fields = [value for key, value in request.headers.fields if key.lower() == b"host"]
    if not fields:
        return not required
    host = fields[0].decode("ascii", "replace")
    return len(fields) == 1 and parse_host(host, standard) == (name, port)


def parse_host(text, standard):
    """Return name and port of `NAME[:PORT]`, either None if it is wrong."""
    name, colon, port = (text or "").partition(":")
    if not colon:
        return normalise(name), standard
    right = port.isascii() and port.isdigit() and len(port) <= 5
    return normalise(name), int(port) if right else None


TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
TARGET = re.compile(r"[^\0-\x20\x7f]+\Z")


def is_plain(request):
    """Say whether a request can be read in one way alone, also when it is sent
    on in the other version of HTTP."""
    fields = [(name.lower(), value) for name, value in request.headers.fields]
    if not all(TOKEN.match(name) and not set(value) & set(b"\r\n\0") for name, value in fields):
        return False
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if lengths and (codings or len(lengths) > 1 or not lengths[0].isdigit()):
        return False
    if codings and (request.http_version != "HTTP/1.1" or codings != [b"chunked"]):
        return False
    return bool(TARGET.match(request.path))


def websocket_asked(request):
    """Say whether a request asks to become a WebSocket."""
    values = request.headers.get_all("upgrade")
    tokens = [token.strip().lower() for value in values for token in value.split(",")]
    return any(token.startswith("websocket") for token in tokens)


def strip_hops(request, upgrade):
    """Take away what is for the next hop: credentials, another protocol, and
    names of fields for it to leave out, of which Host could be one."""
    for header in ("proxy-authorization", "proxy-connection", "http2-settings"):
        request.headers.pop(header, None)
    if not upgrade:
        request.headers.pop("upgrade", None)
    known = ("close", "keep-alive", "te", *(("upgrade",) if upgrade else ()))
    values = request.headers.get_all("connection")
    tokens = [token.strip() for value in values for token in value.split(",")]
    kept = [token for token in tokens if token.lower() in known]
    if kept != tokens:
        request.headers.pop("connection", None)
        if kept:
            request.headers["connection"] = ", ".join(kept)
