"""GraphQL from a grammar: documents in which a mutation hides, and ways to send them.

`requests` yields what would do what is refused; `innocent` what only looks like it, and must
pass.
"""

import gzip
import json
import random
import urllib.parse
import zlib

import brotli
import zstandard

import effects
from cases import API, ENTERPRISE, JSON, TENANT, Case, thinned

RULES = effects.Rules({})
REFUSED = [
    name
    for name, operations in effects.MUTATIONS.items()
    if operations.endswith("+approve")
    or not any(RULES.allows(one) for one in operations.split("|"))
]
# fmt: off
OFTEN = [
    "mergePullRequest", "enablePullRequestAutoMerge", "enqueuePullRequest", "mergeBranch", "updatePullRequestBranch",
    "createRef", "updateRef", "updateRefs", "deleteRef", "createCommitOnBranch", "addPullRequestReview",
    "submitPullRequestReview", "updateRepository", "createRelease",
]
# fmt: on
ALLOWED = [
    "addComment",
    "createIssue",
    "createPullRequest",
    "updatePullRequest",
    "closeIssue",
    "addLabelsToLabelable",
]
SPACE = [
    " ",
    "\n",
    "\t",
    ",",
    "\r\n",
    " ,, ",
    "\ufeff",
    "# mergePullRequest\n",
    "#\n",
    "\n# }\n",
    "  \n\t",
]


class Writer:
    """One document, written by chance."""

    def __init__(self, choose):
        self.choose, self.fragments, self.names = choose, [], 0
        self.variables, self.values = [], {}

    def gap(self):
        return self.choose.choice(SPACE) if self.choose.random() < 0.4 else " "

    def name(self):
        self.names += 1
        return self.choose.choice(
            ["a", "query", "mutation", "on_", "addComment", "_", "type", "fragment"]
        ) + str(self.names)

    def string(self, text):
        way = self.choose.randrange(4)
        if way == 0:
            return f'"""{text}"""'
        if way == 1:
            return '"' + "".join(f"\\u{ord(c):04X}" for c in text) + '"'
        return json.dumps(text)

    def value(self, text, enum=False):
        """Return a value, perhaps by way of a variable."""
        if self.choose.random() < 0.4:
            name = f"v{len(self.variables)}"
            kind = "PullRequestReviewEvent" if enum else "ID"
            default = (
                f" = {text if enum else json.dumps(text)}" if self.choose.random() < 0.4 else ""
            )
            self.variables.append(f"${name}: {kind}{default}")
            if not default:
                self.values[name] = text
            return f"${name}"
        return text if enum else self.string(text)

    def input(self, name):
        pairs = [f"pullRequestId: {self.value('PR_1')}"]
        if "Review" in name:
            pairs.append(f"event: {self.value('APPROVE', enum=True)}")
        if self.choose.random() < 0.3:
            pairs.append(f"clientMutationId: {self.string('addComment')}")
        self.choose.shuffle(pairs)
        if self.choose.random() < 0.15:
            whole = f"v{len(self.variables)}"
            self.variables.append(f"${whole}: Input!")
            self.values[whole] = {"pullRequestId": "PR_1", "event": "APPROVE"}
            return f"${whole}"
        return "{" + self.gap() + (self.gap() + "," + self.gap()).join(pairs) + self.gap() + "}"

    def directive(self):
        one = self.choose.choice(
            ["", "", "", "@include(if: true)", "@skip(if: false)", "@x", '@a(b: "c")']
        )
        return self.gap() + one if one else ""

    def field(self, name):
        alias = f"{self.name()}{self.gap()}:{self.gap()}" if self.choose.random() < 0.4 else ""
        return f"{alias}{name}{self.gap()}(input:{self.gap()}{self.input(name)}){self.directive()}{{clientMutationId}}"

    def hide(self, text, depth):
        """Put a selection into fragments, a few deep."""
        if depth == 0:
            return text
        way = self.choose.randrange(4)
        if way == 0:
            return self.hide(f"...{self.gap()}on Mutation{self.directive()}{{{text}}}", depth - 1)
        if way == 1:
            return self.hide(f"...{self.directive()}{{{text}}}", depth - 1)
        if way == 2:
            name = "F" + self.name()
            kind = self.choose.choice(["Mutation", "Mutation", "Query", "PullRequest"])
            self.fragments.append(
                f"fragment{self.gap()}{name}{self.gap()}on {kind}{self.directive()}{{{text}}}"
            )
            return self.hide(f"...{self.gap()}{name}{self.directive()}", depth - 1)
        other = f'{self.choose.choice(ALLOWED)}(input: {{subjectId: "I_1", body: "b"}}){{clientMutationId}}'
        both = [text, other]
        self.choose.shuffle(both)
        return self.hide(self.gap().join(both), depth - 1)

    def document(self, name):
        text = self.hide(self.field(name), self.choose.choice([0, 0, 1, 2, 5]))
        head = "mutation"
        if self.choose.random() < 0.6 or self.variables:
            head += self.gap() + (self.name() if self.choose.random() < 0.8 else "")
            if self.variables:
                head += "(" + (self.gap() + "," + self.gap()).join(self.variables) + ")"
        parts = [
            f"{head}{self.directive()}{self.gap()}{{{self.gap()}{text}{self.gap()}}}",
            *self.fragments,
        ]
        for _ in range(self.choose.choice([0, 0, 0, 1, 3])):
            parts.append(
                self.choose.choice(
                    [
                        f"query {self.name()} {{ viewer {{ login }} }}",
                        "{ viewer { login } }",
                        f"subscription {self.name()} {{ x }}",
                        f"fragment {self.name()} on User {{ login }}",
                        'mutation ok%d { addComment(input: {subjectId: "I", body: "b"}) { clientMutationId } }'
                        % self.names,
                    ]
                )
            )
        self.choose.shuffle(parts)
        return self.gap() + self.gap().join(parts) + self.gap()


def a_document(choose):
    writer = Writer(choose)
    name = choose.choice(OFTEN) if choose.random() < 0.7 else choose.choice(REFUSED)
    return writer.document(name), writer.values


# ---------------------------------------------------------------- how it is sent

HARMLESS = "{ viewer { login } }"
COMMENT = 'mutation { addComment(input: {subjectId: "I_1", body: "mergePullRequest"}) { clientMutationId } }'


def escaped(choose, text):
    """Return a JSON string, with escapes that nobody needs."""
    rate = choose.choice([0, 0, 0.2, 1])
    found = json.dumps(text, ensure_ascii=choose.random() < 0.5)[1:-1]
    out, at = [], 0
    while at < len(found):
        if found[at] == "\\":
            size = 6 if found[at + 1] == "u" else 2
            out.append(found[at : at + size])
            at += size
            continue
        out.append(
            f"\\u{ord(found[at]):04x}"
            if choose.random() < rate and ord(found[at]) < 0x10000
            else found[at]
        )
        at += 1
    return '"' + "".join(out) + '"'


def members(choose, document, values):
    """Return the members of a request, as the texts of names and values."""
    found = [('"query"', escaped(choose, document))]
    if values or choose.random() < 0.2:
        found.append(('"variables"', json.dumps(values)))
    if choose.random() < 0.3:
        found.append(('"operationName"', json.dumps(choose.choice([None, "a1", "nobody", ""]))))
    return found


def as_json(choose, document, values):
    """Return a body of JSON: as it should be, with members twice, or in a list."""
    found = members(choose, document, values)
    way = choose.randrange(9)
    if way == 0:
        found.insert(
            choose.choice([0, len(found)]),
            ('"query"', json.dumps(choose.choice([HARMLESS, COMMENT]))),
        )
    elif way == 1:
        found[0] = (
            choose.choice(['"Query"', '"QUERY"', '"qu\\u0065ry"', '"\\u0071uery"']),
            found[0][1],
        )
    elif way == 2:
        found[0] = ('"qu\\u0065ry"', found[0][1])
        found.insert(choose.choice([0, len(found)]), ('"query"', json.dumps(HARMLESS)))
    elif way == 3:
        found.append(('"id"', '"x"'))
    text = "{" + ", ".join(f"{key}: {value}" for key, value in found) + "}"
    if way == 4:
        others = [json.dumps({"query": HARMLESS})] * choose.randint(0, 3) + [text]
        choose.shuffle(others)
        text = "[" + ",".join(others) + "]"
    elif way == 5:
        text = (
            choose.choice(
                [
                    "[[%s]]",
                    "%s\n{}",
                    "{}%s",
                    "/* c */ %s",
                    "%s // c",
                    "\x1e%s",
                    "[%s,]",
                    '{"query":"{a}"}\n%s',
                    "  %s",
                ]
            )
            % text
        )
    return text.encode("utf-8", "surrogatepass")


FORM = [("content-type", "application/x-www-form-urlencoded")]


def as_form(choose, document, values):
    fields = [("query", document), ("variables", json.dumps(values))]
    if choose.random() < 0.4:
        fields.insert(choose.choice([0, 2]), ("query", HARMLESS))
    text = choose.choice(["&", "&", ";"]).join(
        f"{key}={urllib.parse.quote(value, safe='')}" for key, value in fields
    )
    if choose.random() < 0.3:
        text = text.replace("query", choose.choice(["%71uery", "quer%79", "QUERY"]))
    return text.encode()


def as_multipart(choose, document, values):
    whole = json.dumps({"query": document, "variables": values})
    name, content = choose.choice(
        [("operations", whole), ("query", document), ("operations", f"[{whole}]")]
    )
    text = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n--x--\r\n'
    return text.encode()


def pack(choose, body):
    """Return the body packed, and how that is called."""
    way = choose.choice(["gzip", "gzip", "deflate", "raw", "br", "zstd", "two members", "cut"])
    if way in ("gzip", "cut"):
        packed = gzip.compress(body, mtime=0)
        return (packed[:-9] if way == "cut" else packed), "gzip"
    if way == "two members":
        half = len(body) // 2
        return (
            gzip.compress(body[:half], mtime=0)
            + gzip.compress(body[half:], mtime=0)
            + b"junk"[: choose.choice([0, 4])],
            "gzip",
        )
    if way == "deflate":
        return zlib.compress(body), "deflate"
    if way == "raw":
        engine = zlib.compressobj(wbits=-15)
        return engine.compress(body) + engine.flush(), "deflate"
    return (brotli.compress(body), "br") if way == "br" else (zstandard.compress(body), "zstd")


def encoded(choose, body, headers):
    """Return a body in an encoding that is declared, or is not, or is another one."""
    headers = list(headers)
    for _ in range(choose.choice([1, 1, 1, 2, 3])):
        body, name = pack(choose, body)
        way = choose.randrange(4)
        if way == 0:
            headers.append(("content-encoding", name))
        elif way == 1:
            headers.append(
                (
                    "content-encoding",
                    choose.choice(
                        [
                            "identity",
                            "gzip",
                            "x-gzip",
                            "br",
                            "GZIP",
                            "gzip, identity",
                            "none",
                            "utf-8",
                            "",
                        ]
                    ),
                )
            )
        elif way == 2:
            headers.append((choose.choice(["transfer-coding", "x-content-encoding"]), name))
    return body, headers


# fmt: off
TYPES = [
    "application/json", "application/json", "application/graphql", "text/plain", "application/x-www-form-urlencoded",
    "application/json; charset=utf-16", "application/octet-stream", "", "application/graphql+json", "APPLICATION/JSON",
    "application/json, text/plain", "multipart/form-data; boundary=x", "image/png", "application/json;charset=utf-7",
]
# fmt: on


def wide(choose, body, headers):
    name = choose.choice(
        [
            "utf-16-le",
            "utf-16-be",
            "utf-16",
            "utf-32",
            "utf-32-le",
            "utf-7",
            "utf-8-sig",
            "utf-32-be",
        ]
    )
    declared = choose.random() < 0.5
    headers = (
        [("content-type", f"application/json; charset={name.removesuffix('-sig')}")]
        if declared
        else headers
    )
    return body.decode("utf-8", "replace").encode(name, "replace"), headers


# fmt: off
ENDPOINTS = [(API, "/graphql")] * 6 + [
    (ENTERPRISE, "/api/graphql"), (f"api.{TENANT}", "/graphql"), (API, "/graphql/"), (API, "//graphql"), (API, "/api/graphql"),
    (API, "/%67raphql"), (API, "/graphql?a=b"), (API, "/x/../graphql"), (API, "/GraphQL"), (API, "/graphql.json"),
    (API, "/graphql;a"), (ENTERPRISE, "/api/v3/graphql"), (API, "/graphql%20"),
]
# fmt: on


def a_request(choose, document, values, group="documents"):
    """Return a request with the document, in one of the ways there are."""
    host, target = choose.choice(ENDPOINTS)
    way, method, headers = choose.randrange(12), "POST", JSON
    if way == 0:
        query = urllib.parse.urlencode({"query": document, "variables": json.dumps(values)})
        glue = "&" if "?" in target else "?"
        method, body = choose.choice(["GET", "POST", "HEAD", "PUT"]), choose.choice(
            [b"", b"{}", json.dumps({"query": HARMLESS}).encode()]
        )
        return Case(f"{group} in the query", host, method, f"{target}{glue}{query}", JSON, body)
    if way == 1:
        body, headers = as_form(choose, document, values), FORM
    elif way == 2:
        body, headers = as_multipart(choose, document, values), [
            ("content-type", "multipart/form-data; boundary=x")
        ]
    elif way == 3:
        body, headers = document.encode(), [("content-type", "application/graphql")]
    else:
        body = as_json(choose, document, values)
    if choose.random() < 0.2:
        headers = [("content-type", choose.choice(TYPES))]
    if choose.random() < 0.15:
        body, headers = wide(choose, body, headers)
    if choose.random() < 0.3:
        body, headers = encoded(choose, body, headers)
    if choose.random() < 0.05:
        method = choose.choice(["GET", "PUT", "PATCH", "post", "DELETE", "QUERY"])
    return Case(group, host, method, target, headers, body)


def odd_sizes(choose):
    """What is very deep, very long or very many."""
    merge = 'mergePullRequest(input: {pullRequestId: "PR_1"}) { clientMutationId }'
    deep = "...on Mutation{" * 400 + merge + "}" * 400
    fragments = "".join(f"fragment f{n} on Mutation {{ ...f{n + 1} }} " for n in range(500))
    texts = [
        "mutation {" + deep + "}",
        f"mutation {{ ...f0 }} {fragments} fragment f500 on Mutation {{ {merge} }}",
        "mutation {"
        + 'a: addComment(input: {subjectId: "I", body: "b"}) {clientMutationId} ' * 2000
        + merge
        + "}",
        f"mutation {{ {' ' * 3_000_000} {merge} }}",
        f"{'#' * 2_000_000}\nmutation {{ {merge} }}",
        " ".join(f"query q{n} {{ viewer {{ login }} }}" for n in range(3000))
        + f" mutation {{ {merge} }}",
        'mutation { x: addComment(input: {body: """'
        + "x" * 2_000_000
        + f'"""}}) {{ a }} {merge} }}',
        f"mutation {{ ...f }} fragment f on Mutation {{ ...f {merge} }}",
        "mutation {" + "{".join(["a"] * 3000) + "}" * 2999 + merge + "}",
        "mutation { addComment(input: {a: " + "[" * 3000 + "]" * 3000 + f"}}) {{ b }} {merge} }}",
    ]
    for text in texts:
        body = json.dumps({"query": text}).encode()
        yield Case("odd sizes", API, "POST", "/graphql", JSON, body)
        yield Case(
            "odd sizes",
            API,
            "POST",
            "/graphql",
            [*JSON, ("content-encoding", "gzip")],
            gzip.compress(body, mtime=0),
        )
        yield Case(
            "odd sizes",
            API,
            "POST",
            "/graphql",
            JSON,
            b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"," + body[1:],
        )
        yield Case(
            "odd sizes",
            API,
            "POST",
            "/graphql",
            [("content-type", "application/graphql")],
            text.encode(),
        )
    bomb = gzip.compress(
        b" " * 64_000_000 + json.dumps({"query": "mutation {" + merge + "}"}).encode(), mtime=0
    )
    yield Case("odd sizes", API, "POST", "/graphql", [*JSON, ("content-encoding", "gzip")], bomb)
    yield Case("odd sizes", API, "POST", "/graphql", JSON, bomb)


def reviews(choose, count):
    """Reviews by REST that approve, however they say it."""
    for _ in range(count):
        path = choose.choice(
            ["/repos/me/demo/pulls/1/reviews", "/repos/me/demo/pulls/1/reviews/7/events"]
        )
        event = choose.choice(["APPROVE", "approve", "Approve", " APPROVE"])
        others = choose.choice([[], [('"event"', '"COMMENT"')], [('"body"', '"APPROVE"')]])
        key = choose.choice(['"event"', '"event"', '"ev\\u0065nt"', '"EVENT"'])
        found = [(key, escaped(choose, event)), ('"body"', '"x"'), *others]
        choose.shuffle(found)
        body = ("{" + ",".join(f"{key}:{value}" for key, value in found) + "}").encode()
        headers = [("content-type", choose.choice(TYPES))] if choose.random() < 0.3 else JSON
        way = choose.randrange(6)
        if way == 0:
            body, headers = f"event={urllib.parse.quote(event)}&body=x".encode(), choose.choice(
                [FORM, JSON, []]
            )
        elif way == 1:
            body, headers = wide(choose, body, headers)
        elif way == 2:
            body, headers = encoded(choose, body, headers)
        elif way == 3:
            path += f"?event={urllib.parse.quote(event)}"
            body = choose.choice([b"{}", b"", b'{"event": "COMMENT"}', body])
        yield Case(
            "approvals", API, choose.choice(["POST", "POST", "POST", "PUT"]), path, headers, body
        )


def nodes(choose, count):
    """Mutations that are allowed, on what belongs to other repositories."""
    for _ in range(count):
        name, writer = choose.choice(ALLOWED), Writer(choose)
        node = writer.value(choose.choice(["I_evil", "R_evil", "PR_evil"]))
        key = choose.choice(
            ["subjectId", "repositoryId", "issueId", "pullRequestId", "labelableId"]
        )
        good = choose.choice(
            [
                "",
                f'{writer.name()}: addComment(input: {{subjectId: "R_good", body: "b"}}) {{ clientMutationId }} ',
            ]
        )
        text = writer.hide(
            f'{good}{name}(input: {{{key}: {node}, body: "b"}}) {{ clientMutationId }}',
            choose.choice([0, 1, 3]),
        )
        head = f"mutation m({', '.join(writer.variables)})" if writer.variables else "mutation"
        case = a_request(
            choose, " ".join([head + "{" + text + "}", *writer.fragments]), writer.values, "nodes"
        )
        case.policy = "narrow"
        yield case


def branches(choose, count):
    """Mutations that write to branches: some may be written to, but not these."""
    for _ in range(count):
        writer = Writer(choose)
        bad, good = choose.choice(
            ["main", "master", "topic", "refs/heads/main", "release/1"]
        ), choose.choice(["agent/one", "agent/x"])
        full = bad if bad.startswith("refs/") else f"refs/heads/{bad}"
        branch = f'branch: {{repositoryNameWithOwner: "me/demo", branchName: {writer.value(bad)}}}'
        name, text = choose.choice(
            [
                (
                    "createCommitOnBranch",
                    f'{branch}, message: {{headline: "x"}}, expectedHeadOid: "1"',
                ),
                ("createCommitOnBranch", 'branch: {id: "REF_1"}, message: {headline: "x"}'),
                ("createRef", f'repositoryId: "R_1", name: {writer.value(full)}, oid: "1"'),
                ("updateRef", 'refId: "REF_1", oid: "1", force: false'),
                (
                    "updateRefs",
                    f'repositoryId: "R_1", refUpdates: [{{name: "refs/heads/{good}", afterOid: "1"}}, {{name: {writer.value(full)}, afterOid: "1"}}]',
                ),
            ]
        )
        if choose.random() < 0.2 and "branchName" in text:  # which of them counts?
            pair = [f'branchName: "{good}"', f'branchName: "{bad}"']
            choose.shuffle(pair)
            text = f'branch: {{repositoryNameWithOwner: "me/demo", {", ".join(pair)}}}, expectedHeadOid: "1"'
        fine = f'{writer.name()}: createCommitOnBranch(input: {{branch: {{repositoryNameWithOwner: "me/demo", branchName: "{good}"}}}}) {{ clientMutationId }} '
        field = choose.choice(["", fine]) + f"{name}(input: {{{text}}}) {{ clientMutationId }}"
        if choose.random() < 0.2:
            writer.variables.append("$whole: I!")
            inner = {
                "branch": {"repositoryNameWithOwner": "me/demo", "branchName": bad},
                "expectedHeadOid": "1",
            }
            writer.values["whole"] = inner
            field = "createCommitOnBranch(input: $whole) { clientMutationId }"
        field = writer.hide(field, choose.choice([0, 0, 1, 3]))
        head = f"mutation m({', '.join(writer.variables)})" if writer.variables else "mutation"
        case = a_request(
            choose,
            " ".join([head + "{" + field + "}", *writer.fragments]),
            writer.values,
            "branches by GraphQL",
        )
        case.policy = "wide"
        yield case


def requests(seed, scale=1):
    """Yield requests each of which has a document that does what is refused."""
    choose = random.Random(f"documents {seed}")
    for _ in range(int(30_000 * scale)):
        yield a_request(choose, *a_document(choose))
    for name in thinned(REFUSED, scale):
        text = f'mutation {{ {name}(input: {{event: APPROVE, a: "b"}}) {{ clientMutationId }} }}'
        yield Case(
            "every mutation", API, "POST", "/graphql", JSON, json.dumps({"query": text}).encode()
        )
    yield from thinned(odd_sizes(choose), scale)
    yield from reviews(choose, int(4_000 * scale))
    yield from nodes(choose, int(4_000 * scale))
    yield from branches(choose, int(4_000 * scale))
    for key in ("id", "documentId", "extensions"):
        value = (
            {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
            if key == "extensions"
            else "merge"
        )
        yield Case(
            "kept documents",
            API,
            "POST",
            "/graphql",
            JSON,
            json.dumps({key: value, "variables": {}}).encode(),
        )


def innocent(seed, scale=1):
    """Yield requests that do nothing but read, or write what is allowed."""
    choose = random.Random(f"innocent {seed}")
    texts = [
        "query { mergePullRequest: viewer { login } }",
        'query { search(query: "mutation { mergePullRequest }", type: ISSUE, first: 1) { issueCount } }',
        "# mutation { mergePullRequest(input: {}) { a } }\n{ viewer { login } }",
        COMMENT,
        'mutation { mergePullRequest: addComment(input: {subjectId: "I_1", body: "b"}) { clientMutationId } }',
        'mutation mergePullRequest { addComment(input: {subjectId: "I_1", body: """mutation { mergePullRequest }"""}) { clientMutationId } }',
        'mutation { addPullRequestReview(input: {pullRequestId: "PR_1", event: COMMENT, body: "APPROVE"}) { clientMutationId } }',
        "query q { viewer { login } } fragment f on PullRequest { mergePullRequest: title }",
        'mutation { createPullRequest(input: {repositoryId: "R_1", baseRefName: "main", headRefName: "topic", title: "merge"}) { pullRequest { url } } }',
        "query mutation { viewer { login } }",
        'mutation { createIssue(input: {repositoryId: "R_1", title: "enablePullRequestAutoMerge", body: "\\u006d"}) { issue { url } } }',
    ]
    for _ in range(int(2_000 * scale)):
        text = choose.choice(texts)
        text = choose.choice(SPACE[:5]) + text + choose.choice(["", "\n", "# end"])
        body = ("{" + ", ".join(f"{k}: {v}" for k, v in members(choose, text, {})) + "}").encode()
        if '"operationName": "' in body.decode():  # there is no such operation
            body = json.dumps({"query": text}).encode()
        yield Case("innocent", API, "POST", "/graphql", JSON, body)
