"""Requests that attack the rules on GitHub: seeded, counted, each with a name.

Most of them would do what the policy refuses if a server read them kindly; that none of them
gets through to such a server is the test. Nothing here knows how the filter decides.
"""

import dataclasses
import itertools
import json
import random
import re
import urllib.parse

import effects

REPOSITORY = ("me", "demo")
# fmt: off
PLACES = {
    "owner": "me", "repo": "demo", "pull_number": "1", "issue_number": "1", "branch": "main", "path": "README.md",
    "ref": "heads/main", "workflow_id": "ci.yml", "run_id": "1", "template_owner": "me", "template_repo": "demo",
}
# fmt: on
# What writes carry, where it matters to what they do.
BODIES = {
    "pulls/1/reviews": {"event": "APPROVE", "body": "fine"},
    "pulls/1/reviews/1/events": {"event": "APPROVE"},
    "contents/README.md": {"message": "m", "content": "eA==", "branch": "main"},
    "git/refs": {"ref": "refs/heads/main", "sha": "1" * 40},
    "git/refs/heads/main": {"sha": "1" * 40, "force": True},
    "merges": {"base": "main", "head": "topic"},
}
API, WEB, UPLOADS, ENTERPRISE = "api.github.com", "github.com", "uploads.github.com", "ghe.test"
TENANT = "acme.ghe.com"


@dataclasses.dataclass
class Case:
    group: str
    host: str
    method: str
    target: str
    headers: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    policy: str = "default"

    def text(self):
        """Return the case as somebody could send it again."""
        lines = [f"# {self.group}, policy {self.policy}", f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"Host: {self.host}"] + [f"{key}: {value}" for key, value in self.headers]
        body = self.body[:2000].decode("latin-1")
        return "\n".join([*lines, "", body if body.isprintable() else repr(self.body[:2000])])


def fill(template):
    """Return a template with something in each place."""
    return re.sub(r"\{(\w+)\}", lambda match: PLACES.get(match[1], "1"), template)


def body_for(path):
    for end, body in BODIES.items():
        if path.endswith(end):
            return json.dumps(body).encode()
    return b"{}"


JSON = [("content-type", "application/json")]
RULES = effects.Rules({})


def guarded():
    """Return the writes that the default policy refuses, as (method, path)."""
    found = []
    for method, template, operations in effects.table("routes.txt"):
        allowed = any(RULES.allows(name) for name in operations.split("|"))
        if operations.endswith("+approve") or not allowed:
            found.append((method, fill(template)))
    return found


CORE = [
    ("PUT", "/repos/me/demo/pulls/1/merge"),
    ("PUT", "/repos/me/demo/pulls/1/update-branch"),
    ("POST", "/repos/me/demo/merges"),
    ("POST", "/repos/me/demo/merge-upstream"),
    ("POST", "/repos/me/demo/git/refs"),
    ("PATCH", "/repos/me/demo/git/refs/heads/main"),
    ("DELETE", "/repos/me/demo/git/refs/heads/topic"),
    ("PUT", "/repos/me/demo/contents/README.md"),
    ("POST", "/repos/me/demo/actions/workflows/ci.yml/dispatches"),
    ("POST", "/repos/me/demo/releases"),
    ("POST", "/repos/me/demo/pulls/1/reviews"),
    ("POST", "/gists"),
    ("PATCH", "/repos/me/demo"),
    ("PUT", "/repos/me/demo/collaborators/eve"),
]


# ---------------------------------------------------------------- bytes of a path


def encodings(char):
    """Return the ways to write one character of a path."""
    code = ord(char)
    plain, low = f"%{code:02X}", f"%{code:02x}"
    forms = {plain, low, plain.replace("%", "%25"), plain.replace("%", "%2525"), f"%u{code:04x}"}
    forms.add("%" + "".join(f"%{ord(one):02X}" for one in plain[1:]))  # its digits are encoded
    forms |= {
        f"%C{code >> 6:X}%{0x80 | code & 63:02X}",
        f"%E0%{0x80 | code >> 6:02X}%{0x80 | code & 63:02X}",
    }
    if 0x21 <= code <= 0x7E:
        wide = chr(code + 0xFEE0).encode()
        forms |= {"".join(f"%{byte:02X}" for byte in wide), wide.decode("latin-1")}
    if char.isalpha():
        forms |= {char.upper(), f"%{ord(char.upper()):02x}"}
    if char == "k":
        forms.add("%E2%84%AA")
    if char == "s":
        forms.add("%C5%BF")
    forms.discard(char)
    return sorted(forms)


def spelled_bytes(choose):
    """Every spelling of each byte of every guarded path."""
    for method, path in guarded():
        for at, char in enumerate(path):
            for form in encodings(char):
                target = path[:at] + form + path[at + 1 :]
                yield Case("bytes", API, method, target, JSON, body_for(path))


def spelled_pairs(choose, count):
    """Several bytes at once, on every kind of host."""
    targets = guarded()
    for _ in range(count):
        method, path = choose.choice(targets)
        host, prefix = choose.choice(HOSTS)
        rate = choose.choice([0.05, 0.3, 1])
        text = "".join(choose.choice(encodings(c)) if choose.random() < rate else c for c in path)
        yield Case("many bytes", host, method, prefix + text, JSON, body_for(path))


# ---------------------------------------------------------------- segments

# fmt: off
HOSTS = [
    (API, ""), (API, "/api/v3"), (UPLOADS, ""), (ENTERPRISE, "/api/v3"), (ENTERPRISE, "/api/uploads"),
    ("api.acme.ghe.com", ""), ("uploads.acme.ghe.com", ""), (TENANT, "/api/v3"), (WEB, "/api/v3"),
]
# fmt: on
# fmt: off
SEPARATORS = [
    "//", "///", "/./", "/.//", "/x/../", "/x/%2e%2e/", "/%2e/", "/%2E%2e/../x/", "%2f", "%2F", "%252f", "%5c", "\\",
    "/\\", "%c0%af", "%e0%80%af", "%u2215", "%ef%bc%8f", "%E2%81%84", ";/", ";a=b/", ";jsessionid=1/", "/..;/x/../",
    "/;/", "/.;/", "/%20/../", "%2f%2e%2f", "/%00/../", "%09/", "/%0a", "%0d%0a/", "/%e2%80%8b", "/%ad", "%20/", "/%20",
    "/x/..%2f", "/x%2f..%2f", "/x\\..\\", "/x/..;a/", "/x/.%2e/", "/x/%2e./", "/x/.%252e/", "/x//../", "+/",
]
# fmt: on
# fmt: off
ENDS = [
    "/", "//", "/.", "/./", "/x/..", "%2f", "?", "?a=b", "?/../x", "?#", "#", "#x", "%3f", "%3fa=b", "%23", "%23x", ";",
    ";a=b", ";.json", ".json", ".xml", ".", "%2e", "..", "%20", "%09", "%0a", "%0d", "%00", "%00.png", "%0d%0aX: y",
    "/%2e", "/x/%2e%2e", "\\", "%5c", ",", "&", "&a=b", "~", "'", "\"", "*", "%", "%%", "%2", "%zz", "%u", "?%00", "%a0",
    "%c2%a0", "%e2%80%8b", "%ef%bb%bf", "%ef%bc%8f", "?_method=PUT", "?x=/pulls/1/comments", "?ref=main#merge",
]
# fmt: on
# fmt: off
STARTS = [
    "/", "/.", "/./", "/x/..", "/%2e", "/%2e%2e", "/..", "/../..", "//x/../..", "/;", "/;a=b", "\\", "/%2f", "/%5c", "/api",
    "/api/v3", "/API/V3", "/api//v3", "/api/v3/", "/api%2fv3", "/api/v3/api/v3", "/v3", "/api/uploads", "//api.github.com",
    "/https://api.github.com", "/%20", "/%00", "/graphql/..", "/repos/me/demo/issues/1/comments/../../../../../..",
]
# fmt: on


def put_together(choose, path):
    """Return a path with odd separators, a start and an end."""
    parts = path.strip("/").split("/")
    text = parts[0]
    for part in parts[1:]:
        text += (choose.choice(SEPARATORS) if choose.random() < 0.3 else "/") + part
    start = choose.choice(STARTS) if choose.random() < 0.3 else ""
    return start + "/" + text + (choose.choice(ENDS) if choose.random() < 0.4 else "")


def separated(choose):
    """Each separator at each place, each start, each end, of what matters most."""
    for method, path in CORE:
        parts = path.strip("/").split("/")
        for at in range(1, len(parts)):
            for separator in SEPARATORS:
                target = "/" + "/".join(parts[:at]) + separator + "/".join(parts[at:])
                yield Case("separators", API, method, target, JSON, body_for(path))
        for start in STARTS:
            yield Case("starts", API, method, start + path, JSON, body_for(path))
        for end in ENDS:
            yield Case("ends", API, method, path + end, JSON, body_for(path))
        for host, prefix in HOSTS:
            for start in ("", "/", "/.", "/x/.."):
                yield Case("hosts", host, method, start + prefix + path, JSON, body_for(path))


def crossed(choose, count):
    """All of it at once."""
    targets = guarded()
    for _ in range(count):
        method, path = choose.choice(targets if choose.random() < 0.5 else CORE)
        host, prefix = choose.choice(HOSTS)
        target = put_together(choose, prefix + path)
        if choose.random() < 0.3:
            at = choose.randrange(1, len(target))
            target = target[:at] + choose.choice(encodings(target[at])) + target[at + 1 :]
        if choose.random() < 0.2:
            target = "".join(c.upper() if choose.random() < 0.5 else c for c in target)
        yield Case("crossed", host, method, target, JSON, body_for(path))


def disguised(choose, count):
    """A guarded path behind one that is allowed, or with another's end."""
    allowed = ["/repos/me/demo/issues/1/comments", "/repos/me/demo/pulls", "/repos/me/demo/issues"]
    for _ in range(count):
        method, path = choose.choice(CORE)
        way, front = choose.choice(["dots", "query", "fragment", "matrix", "nul"]), choose.choice(
            allowed
        )
        up = choose.choice(
            ["..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "..;", "..%00", "%2e%2e;x=y"]
        )
        slash = choose.choice(["/", "%2f", "\\", "%5c", "%252F", "//"])
        target = {
            "dots": front + (slash + up) * front.count("/") + slash + path[1:],
            "query": path + "%3f/.." + front,
            "fragment": path + choose.choice(["%23", "#"]) + front,
            "matrix": path + ";" + front[1:],
            "nul": path + "%00" + front,
        }[way]
        yield Case("disguised", API, choose.choice([method, "POST"]), target, JSON, body_for(path))


# ---------------------------------------------------------------- methods


def methods(choose):
    """Methods that are spelled strangely, and those that override others."""
    headers = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x_http_method_override",
        "X-METHOD",
    ]
    for method, path in CORE:
        body = body_for(path)
        spelled = {
            method.lower(),
            method.title(),
            method[0] + method[1:].lower(),
            method + "X",
            "MERGE",
            "PURGE",
        }
        for one in sorted(
            spelled
            | {"PUT", "POST", "PATCH", "DELETE", "LINK", "PROPPATCH", "QUERY", "get", "Get", "hEAD"}
        ):
            yield Case("methods", API, one, path, JSON, body)
        for other in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE"):
            for header in headers:
                for value in (method, method.lower(), f" {method}", f"{method} ", f"GET, {method}"):
                    yield Case("overrides", API, other, path, [*JSON, (header, value)], body)
            for query in (
                "_method=",
                "_METHOD=",
                "%5fmethod=",
                "a=b&_method=",
                "a=b;_method=",
                "_method%3D",
            ):
                for value in (
                    method,
                    method.lower(),
                    urllib.parse.quote(f"%{ord(method[0]):x}{method[1:]}"),
                ):
                    yield Case("overrides", API, other, f"{path}?{query}{value}", JSON, body)
            form = [("content-type", "application/x-www-form-urlencoded")]
            for field in (
                f"_method={method}",
                f"a=b&_method={method.lower()}",
                f"%5Fmethod={method}",
            ):
                for kind in (form, JSON, []):
                    yield Case("overrides", API, other, path, kind, field.encode())
                    yield Case(
                        "overrides",
                        API,
                        other,
                        "/repos/me/demo/issues/1" + f"?{field}",
                        kind,
                        b"{}",
                    )
            yield Case(
                "overrides", API, other, path, JSON, json.dumps({"_method": method}).encode()
            )
    for method, path in guarded():
        for other in ("GET", "HEAD", "POST", "PATCH"):
            yield Case(
                "overrides",
                API,
                other,
                path,
                [*JSON, ("X-HTTP-Method-Override", method)],
                body_for(path),
            )
        for host, prefix in HOSTS:
            yield Case("plain", host, method, prefix + path, JSON, body_for(path))
            yield Case(
                "plain",
                host,
                method,
                (prefix + path).replace("/repos/me/demo", "/repositories/1"),
                JSON,
                body_for(path),
            )


def unknown(choose):
    """Writes that the reference does not have, at paths and near paths that it has."""
    known = {(method, template) for method, template, _ in effects.table("routes.txt")}
    for template in sorted({template for _, template in known}):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if (method, template) not in known:
                yield Case("unknown", API, method, fill(template), JSON, b"{}")
            for end in ("/x", "/1", "/merge", "/-"):
                yield Case("unknown", API, method, fill(template) + end, JSON, b"{}")


# ---------------------------------------------------------------- other policies


def other_repositories(choose, count):
    """Writes that are allowed, in repositories that are not."""
    comments = ["issues/1/comments", "pulls", "issues", "pulls/1/comments", "issues/1/labels"]
    strange = [
        "eve/demo",
        "ME2/demo",
        "me%2fdemo/x",
        "eve/demo.git",
        "mex/demo",
        "me/../eve/demo",
        "me/demo/../../eve/demo",
        "e%76e/demo",
        "me/%2e%2e/eve/demo",
        "eve%2fdemo",
        "me;/../eve/demo",
        "eve/me",
        "*/demo",
        "me*/demo",
        "eve//demo",
        "%65ve/demo",
        "me%00eve/demo",
        "me/demo%00/../../eve/demo",
        "m%65/..%2f..%2feve/demo",
        "%EF%BC%85/demo",
    ]
    for _ in range(count):
        owner = choose.choice(strange)
        target = f"/repos/{owner}/{choose.choice(comments)}"
        if choose.random() < 0.3:
            target = put_together(choose, target)
        if choose.random() < 0.1:
            target = "/repositories/7/" + choose.choice(comments)
        yield Case(
            "repositories",
            API,
            "POST",
            target,
            JSON,
            b'{"title": "t", "body": "b"}',
            policy="narrow",
        )


def branches(choose, count):
    """Writes to branches: some of them are allowed there, but not on these."""
    good, bad = ["agent/one", "agent/x/y"], [
        "main",
        "master",
        "topic",
        "release/1",
        "refs/heads/main",
        "refs/tags/v1",
        "heads/main",
    ]
    for _ in range(count):
        name, fine = choose.choice(bad), choose.choice(good)
        way = choose.randrange(6)
        if way == 0:
            body = {"message": "m", "content": "eA==", "branch": name}
            yield Case(
                "branches",
                API,
                "PUT",
                "/repos/me/demo/contents/a",
                JSON,
                spell_json(choose, body),
                policy="wide",
            )
        elif way == 1:  # each parser has its own opinion of which counts
            pair = choose.sample([name, fine], 2)
            key = choose.choice(['"branch"', '"br\\u0061nch"', '"Branch"', '"BRANCH"'])
            text = f'{{"message": "m", "branch": "{pair[0]}", {key}: "{pair[1]}"}}'
            yield Case(
                "branches",
                API,
                "PUT",
                "/repos/me/demo/contents/a",
                JSON,
                text.encode(),
                policy="wide",
            )
        elif way == 2:
            query = choose.choice(["?branch=", "?BRANCH=", "?%62ranch="]) + urllib.parse.quote(name)
            body = {"message": "m", "branch": fine} if choose.random() < 0.5 else {}
            yield Case(
                "branches",
                API,
                choose.choice(["PUT", "DELETE"]),
                "/repos/me/demo/contents/a" + query,
                JSON,
                json.dumps(body).encode(),
                policy="wide",
            )
        elif way == 3:
            body = {
                "ref": name if name.startswith("refs/") else f"refs/heads/{name}",
                "sha": "1" * 40,
            }
            yield Case(
                "branches",
                API,
                "POST",
                "/repos/me/demo/git/refs",
                JSON,
                spell_json(choose, body),
                policy="wide",
            )
        elif way == 4:
            path = choose.choice(
                [
                    f"heads/{name}",
                    f"heads/{fine}/../../{name}",
                    f"heads%2f{name}",
                    f"heads/{fine}%2f..%2f..%2f{name}",
                ]
            )
            yield Case(
                "branches",
                API,
                "PATCH",
                f"/repos/me/demo/git/refs/{path}",
                JSON,
                b'{"sha": "1"}',
                policy="wide",
            )
        else:
            yield Case(
                "branches",
                API,
                "PUT",
                "/repos/me/demo/contents/a",
                JSON,
                json.dumps({"message": "m"}).encode(),
                policy="wide",
            )


def website(choose, count):
    """The other server: its forms, logging in, git and LFS, in odd spellings."""
    zero, one = "0" * 40, "1" * 40
    push = f"{zero} {one} refs/heads/main\0report-status\n".encode()
    push = b"%04x" % (len(push) + 4) + push + b"0000PACK"
    upload = b'{"operation": "upload", "objects": []}'
    targets = [
        ("/me/demo.git/git-receive-pack", push),
        ("/me/demo/git-receive-pack", push),
        ("/me/demo.git/info/lfs/objects/batch", upload),
        ("/me/demo.git/info/lfs/locks", b'{"path": "a"}'),
        ("/me/demo/pull/1/merge", b"commit_title=x"),
        ("/me/demo/settings", b"a=b"),
        ("/login/device/code", b"client_id=x"),
        ("/login/oauth/access_token", b"client_id=x&device_code=y"),
        ("/session", b"login=x"),
        ("/me/demo/branches/topic", b"_method=delete"),
        ("/me/demo/upload/main", b"x"),
        ("/me/demo/new/main", b"x"),
        ("/gist", b"x"),
    ]
    kinds = [
        "application/x-git-receive-pack-request",
        "application/x-git-upload-pack-request",
        "application/x-www-form-urlencoded",
        "application/vnd.git-lfs+json",
        "",
    ]
    for number in range(count):
        target, body = choose.choice(targets)
        host, prefix = choose.choice(
            [(WEB, ""), (WEB, ""), (ENTERPRISE, ""), (TENANT, ""), (API, ""), (WEB, "/api/v3/..")]
        )
        way = choose.randrange(5)
        if way == 1:
            target = put_together(choose, target)
        elif way == 2:
            front = choose.choice(
                [
                    "/me/demo.git/git-upload-pack",
                    "/me/demo/info/lfs/objects/batch",
                    "/me/demo.git/info/lfs/locks/verify",
                ]
            )
            up = choose.choice(["/..", "%2f..", "/%2e%2e", "\\..", "/..;x"])
            target = front + up * front.count("/") + target
        elif way == 3:
            at = choose.randrange(1, len(target))
            target = target[:at] + choose.choice(encodings(target[at])) + target[at + 1 :]
        elif way == 4:
            target += choose.choice(
                ENDS
                + [
                    "?service=git-upload-pack",
                    "/git-upload-pack",
                    "%3f/git-upload-pack",
                    "?/git-upload-pack",
                ]
            )
        policy = "readonly" if "lfs" in target or number % 4 == 0 else "default"
        if host == API and "pack" in target:
            continue
        method = choose.choice(["POST"] * 6 + ["PUT", "PATCH", "DELETE", "post"])
        yield Case(
            "website",
            host,
            method,
            prefix + target,
            [("content-type", choose.choice(kinds))],
            body,
            policy,
        )


def rewritten(choose):
    """A write that is allowed, with a header by which some servers take another path."""
    for method, path in CORE:
        for header in ("X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Uri"):
            for front in (
                "/repos/me/demo/issues/1/comments",
                "/repos/me/demo/pulls/1",
                "/markdown",
            ):
                other = "PATCH" if front.endswith("pulls/1") else "POST"
                yield Case("rewritten", API, other, front, [*JSON, (header, path)], body_for(path))


def spell_json(choose, value):
    """Return JSON with escapes where nobody needs any, and odd space."""
    text = json.dumps(value)
    rate = choose.choice([0, 0, 0.1, 1])

    def escape(match):
        word = match[1]
        return (
            '"'
            + "".join(
                f"\\u{ord(c):04x}" if choose.random() < rate and c not in '\\"' else c for c in word
            )
            + '"'
        )

    text = re.sub(r'"([^"\\]*)"', escape, text)
    return choose.choice(["", "", "\ufeff", " \n\t"]).encode() + text.encode()


def thinned(stream, scale):
    """Return of what is not drawn at random the part that `scale` says."""
    return itertools.islice(stream, 0, None, max(1, round(1 / scale)))


def requests(seed, scale=1):
    """Yield all of it, or the part of it that `scale` says."""
    choose = random.Random(seed)
    yield from thinned(spelled_bytes(choose), scale)
    yield from thinned(separated(choose), scale)
    yield from thinned(methods(choose), scale)
    yield from thinned(unknown(choose), scale)
    yield from spelled_pairs(choose, int(20_000 * scale))
    yield from crossed(choose, int(40_000 * scale))
    yield from disguised(choose, int(8_000 * scale))
    yield from thinned(rewritten(choose), scale)
    yield from website(choose, int(6_000 * scale))
    yield from other_repositories(choose, int(4_000 * scale))
    yield from branches(choose, int(6_000 * scale))
