"""Requests in which the framing attacks: two servers in a row could see two different things."""

MERGE = "PUT /repos/me/demo/pulls/1/merge HTTP/1.1\r\nHost: api.github.com\r\nContent-Length: 2\r\n\r\n{}"
COMMENT = "POST /repos/me/demo/issues/1/comments HTTP/1.1\r\nHost: api.github.com\r\nContent-Type: application/json\r\n"
BODY = '{"body": "x"}'
QUERY = '{"query": "{ viewer { login } }"}'
MUTATION = '{"query": "mutation { mergePullRequest(input: {pullRequestId: \\"PR_1\\"}) { clientMutationId } }"}'
GRAPHQL = "POST /graphql HTTP/1.1\r\nHost: api.github.com\r\nContent-Type: application/json\r\n"
PATH = "/repos/me/demo/pulls/1/merge"


def chunked(text, size=None):
    size = size or len(text)
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    return "".join(f"{len(part):x}\r\n{part}\r\n" for part in parts) + "0\r\n\r\n"


def smuggled():
    """A write that is allowed, with a merge behind it or in it."""
    for coding in (
        "chunked",
        "Chunked",
        " chunked",
        "chunked ",
        "\tchunked",
        "identity",
        "gzip, chunked",
        "chunked, chunked",
        "x",
        "chunked;q=1",
        "identity, chunked",
        "\x0bchunked",
        '"chunked"',
        "chunked,",
        ",chunked",
        "chunk",
        "chunked\r\n x",
    ):
        for length in (0, 3, len(BODY), len(BODY) + 5 + len(MERGE)):
            yield f"{COMMENT}Content-Length: {length}\r\nTransfer-Encoding: {coding}\r\n\r\n{chunked(BODY)}{MERGE}"
        yield f"{COMMENT}Transfer-Encoding: {coding}\r\n\r\n{chunked(BODY)}{MERGE}"
        yield f"{COMMENT}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n{MERGE}"
    for field in (
        "Content-Length : 13",
        "Content-Length:\t13",
        "Content-Length: +13",
        "Content-Length: 0x0d",
        "Content-Length: 13, 13",
        "Content-Length: 13\r\nContent-Length: 0",
        "Content-Length: 0\r\nContent-Length: 13",
        "Content-Length: -1",
        "Content-Length: 1e1",
        "Content_Length: 13",
        "Content-Length: 013",
        "Content-Length: 13 ",
        "Content-Length:",
        "Content-Length: \x00",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding : chunked",
        "Transfer_Encoding: chunked",
        "X: y\r\nTransfer-Encoding:\r\n chunked",
        "TE: chunked",
        "Transfer-Encoding:chunked\r\nTransfer-Encoding: identity",
    ):
        yield f"{COMMENT}{field}\r\n\r\n{BODY}{MERGE}"
        yield f"{COMMENT}{field}\r\n\r\n{chunked(BODY)}{MERGE}"
        yield f"GET /repos/me/demo HTTP/1.1\r\nHost: api.github.com\r\n{field}\r\n\r\n{MERGE}"
    for size in (
        "0xd",
        "d ;a=b",
        "00000000000000000d",
        "d\t",
        " d",
        "D",
        "-1",
        "+d",
        "ffffffffffffffffd",
        "d;\n",
        "d\n",
        'd;a="\r\n"',
    ):
        yield f"{COMMENT}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{BODY}\r\n0\r\n\r\n{MERGE}"
    for end in (
        "0\r\nX-HTTP-Method-Override: PUT\r\n\r\n",
        "0\r\n_method: PUT\r\nContent-Length: 0\r\n\r\n",
        "0\n\n",
        "00\r\n\r\n",
        "0;x\r\n\r\n",
        "0\r\n" + MERGE,
    ):
        yield f"{COMMENT}Transfer-Encoding: chunked\r\n\r\nd\r\n{BODY}\r\n{end}{MERGE}"
    yield COMMENT + f"Content-Length: {len(BODY)}\r\n\r\n" + BODY + MERGE
    yield MERGE + MERGE
    yield COMMENT + f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n" + BODY + MERGE


def lines():
    """Merges whose first line or fields are odd."""
    ends = "Content-Length: 2\r\n\r\n{}"
    for line in (
        f"PUT  {PATH} HTTP/1.1",
        f"PUT\t{PATH}\tHTTP/1.1",
        f" PUT {PATH} HTTP/1.1",
        f"\r\n\r\nPUT {PATH} HTTP/1.1",
        f"PUT {PATH} HTTP/1.0",
        f"PUT {PATH} HTTP/1.1 ",
        f"PUT {PATH}",
        f"PUT {PATH} HTTP/0.9",
        f"PUT {PATH} HTTP/2.0",
        f"PUT {PATH} http/1.1",
        f"put {PATH} HTTP/1.1",
        f"PUT https://api.github.com{PATH} HTTP/1.1",
        f"PUT http://api.github.com{PATH} HTTP/1.1",
        f"PUT //api.github.com{PATH} HTTP/1.1",
        f"PUT api.github.com{PATH} HTTP/1.1",
        f"PUT {PATH[1:]} HTTP/1.1",
        f"PUT *{PATH} HTTP/1.1",
        f"PUT {PATH}\t HTTP/1.1",
        f"PUT {PATH}\x00 HTTP/1.1",
        f"PUT {PATH} x HTTP/1.1",
        f"GET /x HTTP/1.1\r\nX: y\nPUT {PATH} HTTP/1.1",
        f"PUT {PATH}\x0b HTTP/1.1",
        f"PUT {PATH}\xa0 HTTP/1.1",
        f"PUT \\repos\\me\\demo\\pulls\\1\\merge HTTP/1.1",
        f"POST {PATH} HTTP/1.1\r\nX-HTTP-Method-Override : PUT",
        f"POST {PATH} HTTP/1.1\r\nX-HTTP-Method-Override:\r\n PUT",
        f"POST {PATH} HTTP/1.1\r\nConnection: X-HTTP-Method-Override\r\nX-HTTP-Method-Override: PUT",
        f"POST /repos/me/demo/issues/1/comments HTTP/1.1\r\nX-Original-URL: {PATH}",
        f"POST /repos/me/demo/issues/1/comments HTTP/1.1\r\nX-Rewrite-URL: {PATH}",
        f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nPUT {PATH} HTTP/1.1",
        f"GET /repos/me/demo HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        f"CONNECT {PATH} HTTP/1.1",
        f"GET /repos/me/demo HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
    ):
        for host in (
            "Host: api.github.com",
            "Host: API.github.com.",
            "Host: api.github.com:443",
            "host: api.github.com\r\nHost: github.com",
            "Host : api.github.com",
            "Host: uploads.github.com",
            "",
        ):
            yield f"{line}\r\n{host}\r\n{ends}" if host else f"{line}\r\n{ends}"
        yield f"{line}\nHost: api.github.com\nContent-Length: 2\n\n{{}}"


def graphql():
    """A mutation whose body is in pieces, is short, or comes twice."""
    length = len(MUTATION)
    for size in (1, 2, 7, 60, None):
        yield f"{GRAPHQL}Transfer-Encoding: chunked\r\n\r\n{chunked(MUTATION, size)}"
        yield f"{GRAPHQL}Transfer-Encoding: chunked\r\n\r\n{chunked(MUTATION, size)[:-5]}"
    for wrong in (length - 1, length - 2, length + 1, length + 100, 0):
        yield f"{GRAPHQL}Content-Length: {wrong}\r\n\r\n{MUTATION}"
    yield f"{GRAPHQL}Content-Length: {len(QUERY)}\r\n\r\n{QUERY}{GRAPHQL}Content-Length: {length}\r\n\r\n{MUTATION}"
    yield f"{GRAPHQL}Content-Length: {len(QUERY) + length}\r\n\r\n{QUERY}{MUTATION}"
    yield f"{GRAPHQL}\r\n{MUTATION}"
    yield f"{GRAPHQL}Connection: close\r\n\r\n{MUTATION}"
    yield f"{GRAPHQL}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{MUTATION}"
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT"):
        text = GRAPHQL.replace("POST", method, 1)
        yield f"{text}Content-Length: {length}\r\n\r\n{MUTATION}"
        yield f"{text}Transfer-Encoding: chunked\r\n\r\n{chunked(MUTATION)}"
        yield f"{text}Content-Length: 0\r\n\r\n{MUTATION}"
    for pad in (70_000, 1_100_000, 3_000_000):
        padded = MUTATION[:-1] + "," + " " * pad + '"x": 1}'
        yield f"{GRAPHQL}Content-Length: {len(padded)}\r\n\r\n{padded}"
        yield f"{GRAPHQL}Transfer-Encoding: chunked\r\n\r\n{chunked(padded, 4000)}"
        front = " " * pad + MUTATION
        yield f"{GRAPHQL}Content-Length: {len(front)}\r\n\r\n{front}"


def all_of_them():
    return [
        text.encode("latin-1") for stream in (smuggled(), lines(), graphql()) for text in stream
    ]


def http2_heads():
    """Merges over HTTP/2, as lists of header fields, with a body."""
    base = {":method": "PUT", ":scheme": "https", ":authority": "api.github.com", ":path": PATH}
    changes = [
        {},
        {":method": "put"},
        {":method": "PUT "},
        {":method": "POST\r\nX: y"},
        {":path": PATH[1:]},
        {":path": f"https://api.github.com{PATH}"},
        {":path": f"{PATH} HTTP/1.1\r\nHost: api.github.com\r\n\r\n"},
        {":path": f"{PATH}\t"},
        {":path": f" {PATH}"},
        {":path": f"{PATH}\0"},
        {":path": f"{PATH}#x"},
        {":authority": "api.github.com:443"},
        {":authority": "API.GITHUB.COM"},
        {":authority": "api.github.com."},
        {":authority": "github.com"},
        {":authority": ""},
        {":scheme": "http"},
        {":scheme": "https://api.github.com/x?"},
        {":path": ""},
        {":path": "*"},
        {":method": "CONNECT"},
        {":path": f"//{PATH}"},
    ]
    for change in changes:
        yield [*{**base, **change}.items()]
    allowed = {**base, ":method": "POST", ":path": "/repos/me/demo/issues/1/comments"}
    for field in (
        ("x-http-method-override", "PUT"),
        ("X-HTTP-Method-Override", "PUT"),
        ("transfer-encoding", "chunked"),
        ("content-length", "0"),
        ("content-length", "1"),
        ("host", "github.com"),
        (":path", PATH),
        (":method", "PUT"),
        ("connection", "x"),
        ("x", f"y\r\n\r\n{MERGE}"),
        (f"x: y\r\n\r\n{MERGE}", "z"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("x-original-url", PATH),
        ("cookie", "_method=PUT"),
    ):
        yield [*allowed.items(), field]
        yield [*{**base, ":method": "POST"}.items(), field]
    yield [(":path", "/repos/me/demo"), *base.items()]
    yield [*list(base.items())[1:], ("x", "y"), (":method", "PUT")]
