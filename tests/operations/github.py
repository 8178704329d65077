"""A stand-in for GitHub: it answers programs well enough that they go on, and keeps what came.

Its git is git's own server on bare repositories; what a push did is seen from the refs before
and after it. The rest is read by `effects`. It serves TLS for every name, HTTP/1.1 and HTTP/2.
"""

import base64
import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading

import graphql
import h2.events
import h2.exceptions

import effects
import http2
import readings
from world import make_certificate

TIMEOUT = 20
WHEN = "2026-01-02T03:04:05Z"
ZERO = re.compile("0+\\Z")


# ---------------------------------------------------------------- git


class Repositories:
    """Bare repositories, each with a history on `main` and a branch `topic`."""

    def __init__(self, directory):
        self.root, self.lock = pathlib.Path(directory), threading.Lock()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "x",
            "GIT_AUTHOR_EMAIL": "x@x.test",
            "GIT_COMMITTER_NAME": "x",
            "GIT_COMMITTER_EMAIL": "x@x.test",
            "LC_ALL": "C",
        }

    def git(self, *command, data=None, **more):
        return subprocess.run(
            ["git", *map(str, command)],
            env={**self.environment, **more},
            input=data,
            capture_output=True,
            timeout=60,
        )

    def make(self, name, object_format="sha1"):
        """Make OWNER/REPO, and return where it is."""
        path = self.root / f"{name}.git"
        self.git("init", "-q", "--bare", f"--object-format={object_format}", "-b", "main", path)
        for key, value in {
            "http.receivepack": "true",
            "receive.advertisePushOptions": "true",
            "receive.certNonceSeed": "x",
            "uploadpack.allowFilter": "true",
            "receive.autogc": "false",
            "gc.auto": "0",
        }.items():
            self.git("-C", path, "config", key, value)
        tree = self.git("-C", path, "mktree", data=b"").stdout.decode().strip()
        parent = []
        for number, branch in enumerate(("main", "main", "topic", "agent/one")):
            run = self.git("-C", path, "commit-tree", tree, *parent, "-m", str(number))
            commit = run.stdout.decode().strip()
            self.git("-C", path, "update-ref", f"refs/heads/{branch}", commit)
            parent = ["-p", commit] if number < 1 else parent
        self.git("-C", path, "update-ref", "refs/tags/v1", commit)
        return path

    def refs(self, path):
        lines = self.git(
            "-C", path, "for-each-ref", "--format=%(objectname) %(refname)"
        ).stdout.decode("utf-8", "surrogateescape")
        return dict(reversed(line.split(" ", 1)) for line in lines.splitlines())

    def changes(self, path, name, before):
        """Return as effects what has become of the refs since."""
        after, found = self.refs(path), []
        for ref in sorted(before.keys() | after.keys()):
            old, new = before.get(ref), after.get(ref)
            if old == new:
                continue
            if new is None:
                found.append(effects.Effect(("delete-ref",), name, (), how=f"git deletes {ref}"))
                continue
            found.append(effects.Effect(("push",), name, (ref,), how=f"git push to {ref}"))
            forced = (
                old and self.git("-C", path, "merge-base", "--is-ancestor", old, new).returncode
            )
            if forced:
                found.append(
                    effects.Effect(("force-push",), name, (ref,), how=f"forced push to {ref}")
                )
        return found

    def serve(self, method, path, query, fields, body):
        """Answer by `git http-backend`, and return the answer and what has changed."""
        name = "/".join(path.strip("/").split("/")[:2])
        repository = name if name.endswith(".git") else f"{name}.git"
        place = self.root / repository
        environment = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/{repository}{path[len(name) + 1:]}",
            "QUERY_STRING": query,
            "CONTENT_TYPE": fields.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": fields.get("content-encoding", ""),
            "GIT_PROTOCOL": fields.get("git-protocol", ""),
        }
        writes = path.endswith("/git-receive-pack") and place.is_dir()
        with self.lock if writes else contextlib.nullcontext():
            before = self.refs(place) if writes else {}
            run = self.git("http-backend", data=body, **environment)
            changed = (
                self.changes(place, name.removesuffix(".git").lower(), before) if writes else []
            )
        head, _, answer = run.stdout.partition(b"\r\n\r\n")
        pairs = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = int(dict(pairs).get("Status", "200").split()[0])
        return (
            status,
            [(key.lower(), value) for key, value in pairs if key != "Status"],
            answer,
        ), changed


# ---------------------------------------------------------------- GraphQL answers

# fmt: off
SCALARS = {
    "id": "ID_1", "number": 1, "login": "me", "name": "demo", "nameWithOwner": "me/demo", "state": "OPEN", "title": "A title",
    "body": "A body", "oid": "1" * 40, "headRefOid": "1" * 40, "headRefName": "topic", "baseRefName": "main",
    "mergeable": "MERGEABLE", "mergeStateStatus": "CLEAN", "viewerPermission": "WRITE", "reviewDecision": "REVIEW_REQUIRED",
    "status": "COMPLETED", "conclusion": "SUCCESS", "visibility": "PUBLIC", "authorAssociation": "OWNER",
    "viewerDefaultMergeMethod": "MERGE", "content": "THUMBS_UP", "tagName": "v1", "color": "ededed", "duration": 1,
    "additions": 1, "deletions": 1, "changedFiles": 1, "stargazerCount": 1, "forkCount": 0, "diskUsage": 1,
    "endCursor": "x", "description": "d", "type": "ISSUE", "databaseId": 1, "abbreviatedOid": "1111111",
    "rebaseMergeAllowed": True, "squashMergeAllowed": True, "mergeCommitAllowed": True, "maintainerCanModify": False,
}
# fmt: on
FALSE = (
    "hasNextPage",
    "isCrossRepository",
    "isDraft",
    "isPrerelease",
    "isFork",
    "isPrivate",
    "isArchived",
    "isEmpty",
)
LISTS = ("reactionGroups", "enumValues", "inputFields", "possibleTypes", "interfaces")
FIELDS = [
    "id",
    "number",
    "title",
    "body",
    "state",
    "stateReason",
    "author",
    "reviewDecision",
    "statusCheckRollup",
    "visibility",
    "projectCards",
    "autoMergeRequest",
    "isDraft",
    "mergePullRequest",
    "addComment",
    "createPullRequest",
    "rulesets",
]


def scalar(name, parent):
    if name == "__typename":
        return {"author": "User", "owner": "User", "contexts": "CheckRun"}.get(
            parent, "PullRequest"
        )
    if name == "name" and parent in ("defaultBranchRef", "baseRef", "headRef"):
        return "main"
    if name == "name" and parent == "labels":
        return "bug"
    if name in SCALARS:
        return SCALARS[name]
    if name in FALSE or name.startswith("viewer"):
        return False
    if re.match(r"(is|has|allow|includes|requires)[A-Z]", name) or name.endswith(
        ("Enabled", "Allowed")
    ):
        return True
    if name.endswith(("At", "Date")):
        return WHEN
    if name.endswith("Count"):
        return 1
    if name.lower().endswith("url"):
        return "https://github.com/me/demo/pull/1"
    return ""


class Answers:
    """Something of the right shape for any document, without a schema."""

    def __init__(self, document):
        self.fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, graphql.FragmentDefinitionNode)
        }

    def whole(self, selections, parent):
        found = {}
        for one in selections.selections:
            if isinstance(one, graphql.FieldNode):
                key = (one.alias or one.name).value
                value = self.field(one, parent)
                if isinstance(value, dict) and isinstance(found.get(key), dict):
                    value = {**found[key], **value}
                found[key] = value
            elif isinstance(one, graphql.InlineFragmentNode):
                kind = one.type_condition.name.value if one.type_condition else ""
                if kind not in ("StatusContext", "Organization", "Bot", "Mannequin", "Issue"):
                    found.update(self.whole(one.selection_set, parent))
            else:
                found.update(self.whole(self.fragments[one.name.value].selection_set, parent))
        return found

    def field(self, node, parent):
        name = node.name.value
        if node.selection_set is None:
            return scalar(name, parent)
        if name == "fields" and parent in ("__type", "mutationType", "types"):
            return [{"name": one} for one in FIELDS]
        if name in ("nodes", "edges"):
            return [self.whole(node.selection_set, parent)]  # of whatever they are
        inner = self.whole(node.selection_set, name)
        searched = any(one.name.value == "headRefName" for one in node.arguments or ())
        if name == "pullRequests" and searched:  # there is none yet from that branch
            inner.update(nodes=[], totalCount=0)
        if name in (
            "milestone",
            "autoMergeRequest",
            "mergedBy",
            "mergeCommit",
            "parent",
            "templateRepository",
        ):
            return None
        return [inner] if name in LISTS else inner


def graphql_answer(request):
    sources, _, _ = effects.graphql_requests(request)
    for source in sources:
        with contextlib.suppress(graphql.GraphQLError, RecursionError):
            document = graphql.parse(source, no_location=True)
            operations = [
                one
                for one in document.definitions
                if isinstance(one, graphql.OperationDefinitionNode)
            ]
            if operations:
                return {"data": Answers(document).whole(operations[0].selection_set, "")}
    return {"errors": [{"message": "there is no document"}]}


# ---------------------------------------------------------------- REST answers

USER = {"login": "me", "id": 1, "type": "User"}
# fmt: off
PULL = {
    "id": 1, "node_id": "PR_1", "number": 1, "state": "open", "title": "A title", "body": "A body", "user": USER,
    "html_url": "https://github.com/me/demo/pull/1", "url": "https://api.github.com/repos/me/demo/pulls/1",
    "head": {"ref": "topic", "sha": "1" * 40}, "base": {"ref": "main", "sha": "1" * 40}, "labels": [], "merged": False,
    "created_at": WHEN, "updated_at": WHEN,
}
# fmt: on
# fmt: off
RUN = {
    "id": 1, "name": "ci", "status": "completed", "conclusion": "success", "head_branch": "main", "head_sha": "1" * 40,
    "event": "push", "workflow_id": 1, "created_at": WHEN, "updated_at": WHEN, "run_started_at": WHEN, "run_attempt": 1,
    "html_url": "https://github.com/me/demo/actions/runs/1", "display_title": "ci", "run_number": 1,
    "jobs_url": "https://api.github.com/repos/me/demo/actions/runs/1/jobs", "head_commit": {"message": "m"},
    "check_suite_url": "https://api.github.com/repos/me/demo/check-suites/1", "head_repository": {"owner": USER, "name": "demo"},
    "repository": {"name": "demo", "owner": USER},
}
# fmt: on
# fmt: off
RELEASE = {
    "id": 1, "tag_name": "v1", "name": "v1", "draft": False, "prerelease": False, "created_at": WHEN, "published_at": WHEN,
    "author": USER, "body": "notes", "html_url": "https://github.com/me/demo/releases/tag/v1", "assets": [],
    "url": "https://api.github.com/repos/me/demo/releases/1", "target_commitish": "main",
    "upload_url": "https://uploads.github.com/repos/me/demo/releases/1/assets{?name,label}",
}
# fmt: on
# fmt: off
REPOSITORY = {
    "id": 1, "node_id": "R_1", "name": "demo", "full_name": "me/demo", "owner": USER, "private": False, "default_branch": "main",
    "html_url": "https://github.com/me/demo", "clone_url": "https://github.com/me/demo.git", "permissions": {"push": True},
    "has_issues": True, "created_at": WHEN, "updated_at": WHEN, "pushed_at": WHEN,
}
# fmt: on
WORKFLOW = {"id": 1, "name": "ci", "path": ".github/workflows/ci.yml", "state": "active"}
JOB = {
    "id": 1,
    "name": "build",
    "status": "completed",
    "conclusion": "success",
    "started_at": WHEN,
    "completed_at": WHEN,
    "html_url": "https://github.com/me/demo/actions/runs/1/jobs/1",
    "steps": [],
    "run_id": 1,
}
README = {
    "name": "README.md",
    "content": base64.b64encode(b"# demo\n").decode(),
    "encoding": "base64",
    "html_url": "x",
    "sha": "1" * 40,
}
# fmt: off
PAGES = [
    (r"/actions/runs/1/jobs", {"total_count": 1, "jobs": [JOB]}),
    (r"/actions/runs/1/artifacts", {"total_count": 0, "artifacts": []}),
    (r"/actions/runs/1", RUN),
    (r"/actions/jobs/1", JOB),
    (r"/actions/(workflows/\w+/)?runs", {"total_count": 1, "workflow_runs": [RUN]}),
    (r"/actions/workflows", {"total_count": 1, "workflows": [WORKFLOW]}),
    (r"/actions/workflows/[^/]+", WORKFLOW),
    (r"/check-runs/\d+/annotations", []),
    (r"/check-suites/1", {"id": 1, "app": {"slug": "github-actions"}}),
    (r"/commits/[^/]+/check-runs", {"total_count": 0, "check_runs": []}),
    (r"/releases", [RELEASE]),
    (r"/releases/.*", RELEASE),
    (r"/readme|/contents/.*", README),
    (r"/(pulls|issues)", [PULL]),
    (r"/(pulls|issues)/\d+/(comments|files|commits|reviews|timeline)", []),
    (r"/(pulls|issues)/\d+", PULL),
    (r"/labels", [{"name": "bug", "color": "ededed"}]),
    (r"", REPOSITORY),
]
# fmt: on
DIFF = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"


def rest_answer(request, path):
    """Return status, type and body for a request to the REST API."""
    inner = effects.api_path(request.kind, path) or path
    if "diff" in request.fields.get("accept", "") or "patch" in request.fields.get("accept", ""):
        return 200, "text/plain", DIFF
    if request.method == "POST":
        if inner[-1:] == ("comments",):
            return (
                201,
                "application/json",
                json.dumps({**PULL, "html_url": "https://github.com/me/demo/issues/1#x"}).encode(),
            )
        return 201, "application/json", json.dumps(PULL).encode()
    found = USER if inner == ("user",) else []
    if inner[:1] == ("repos",):
        rest = "/" + "/".join(inner[3:]) if inner[3:] else ""
        found = next((page for pattern, page in PAGES if re.fullmatch(pattern, rest)), {})
    elif inner[:1] == ("search",):
        found = {"total_count": 0, "incomplete_results": False, "items": []}
    elif inner in ((), ("meta",), ("rate_limit",)):
        found = {"resources": {}, "rate": {"limit": 5000, "remaining": 4999, "reset": 1}}
    return 200, "application/json; charset=utf-8", json.dumps(found).encode()


# ---------------------------------------------------------------- the server


class GitHub:
    """All of GitHub's names on one port, and what has been asked of them."""

    def __init__(self, directory, authority, media="media.test"):
        self.directory, self.authority, self.media = pathlib.Path(directory), authority, media
        self.repositories = Repositories(self.directory / "git")
        self.repositories.root.mkdir()
        self.seen, self.pushed, self.objects, self.lock, self.contexts = (
            [],
            [],
            {},
            threading.Lock(),
            {},
        )
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.context = self.context_for("github.com")
        self.context.sni_callback = lambda one, name, _: setattr(
            one, "context", self.context_for(name or "nameless")
        )
        threading.Thread(target=self.accept, daemon=True).start()

    def context_for(self, name):
        with self.lock:
            if name not in self.contexts:
                path = make_certificate(self.directory, name, [name], self.authority)[2]
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(path)
                context.set_alpn_protocols(["h2", "http/1.1"])
                self.contexts[name] = context
            return self.contexts[name]

    def mark(self):
        with self.lock:
            return len(self.seen), len(self.pushed)

    def since(self, mark):
        """Return the requests since the mark, and what was pushed."""
        with self.lock:
            return self.seen[mark[0] :], self.pushed[mark[1] :]

    def objections(self, mark, rules):
        """Return what was done since the mark that the rules refuse, with the request."""
        seen, pushed = self.since(mark)
        found = [(rules.objection(effect), effect.how, None) for effect in pushed]
        for request in seen:
            found += [(rules.objection(one), one.how, request) for one in effects.effects(request)]
        return [one for one in found if one[0]]

    # What is answered.

    def answer(self, request):
        with self.lock:
            self.seen.append(request)
        path = next(iter(readings.paths(request.target)))
        bare, _, query = request.target.partition("?")
        if effects.is_graphql(request.kind, path):
            body = json.dumps(graphql_answer(request)).encode()
            return 200, [("content-type", "application/json; charset=utf-8")], body
        if request.host == self.media:
            return 200, [], self.objects.get(path[-1], b"")
        if request.kind == "web" and re.search(r"/(info/refs|git-(upload|receive)-pack)\Z", bare):
            answer, changed = self.repositories.serve(
                request.method, bare, query, request.fields, request.body
            )
            with self.lock:
                self.pushed += changed
            return answer
        if request.kind == "web" and bare.endswith("/info/lfs/objects/batch"):
            return self.lfs(request)
        status, kind, body = rest_answer(request, path)
        return status, [("content-type", kind), ("x-oauth-scopes", "repo, read:org, gist")], body

    def lfs(self, request):
        """Say where the objects are."""
        asked = json.loads(request.body)
        objects = [
            {**one, "actions": {asked["operation"]: {"href": f"https://{self.media}/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        body = json.dumps({"transfer": "basic", "objects": objects}).encode()
        return 200, [("content-type", "application/vnd.git-lfs+json")], body

    # How it is spoken.

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(TIMEOUT)
        with contextlib.suppress(OSError, ValueError, h2.exceptions.ProtocolError), connection:
            connection = self.context.wrap_socket(connection, server_side=True)
            if connection.selected_alpn_protocol() == "h2":
                self.serve_http2(connection)
            reader = connection.makefile("rb")
            while self.serve_one(connection, reader):
                pass

    def serve_one(self, connection, reader):
        """Read one request of HTTP/1 as the forgiving do, and answer it."""
        line = reader.readline().decode("latin-1").strip()
        words = line.split()
        if len(words) < 2:
            return False
        headers = []
        while field := reader.readline().decode("latin-1").rstrip("\r\n"):
            if field[0] in " \t" and headers:
                headers[-1] = (headers[-1][0], headers[-1][1] + field)
                continue
            key, _, value = field.partition(":")
            headers.append((key.strip().lower(), value.strip()))
        fields = dict(headers)
        if fields.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, whole = read_body(reader, fields)
        host = fields.get("host", "").partition(":")[0].rstrip(".").lower()
        request = effects.Request(host, words[0], " ".join(words[1:-1]) or words[1], headers, body)
        if not whole and request.target.endswith("-pack"):
            return self.cut_short(request)
        status, answered, data = self.answer(request)
        head = "".join(f"{key}: {value}\r\n" for key, value in answered)
        head = f"HTTP/1.1 {status} x\r\n{head}content-length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + (b"" if words[0] == "HEAD" else data))
        return fields.get("connection", "").lower() != "close" and whole

    def cut_short(self, request):
        """Let git see as much of a push as has come: a server reads it as it comes."""
        bare, _, query = request.target.partition("?")
        _, changed = self.repositories.serve(
            request.method, bare, query, request.fields, request.body
        )
        with self.lock:
            self.seen.append(request)
            self.pushed += changed
        return False

    def serve_http2(self, connection):
        session, streams = http2.Session(connection, client=False), {}

        def handle(event):
            number = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.RequestReceived):
                streams[number] = (list(event.headers), [])
            elif isinstance(event, h2.events.DataReceived):
                streams[number][1].append(event.data)
            elif isinstance(event, h2.events.TrailersReceived):
                streams[number][0].extend(event.headers)
            elif isinstance(event, h2.events.StreamReset) and number in streams:
                request = from_http2(*streams.pop(number))
                if request.target.endswith("-pack"):
                    self.cut_short(request)
            elif isinstance(event, h2.events.StreamEnded):
                request = from_http2(*streams.pop(number))
                status, answered, data = self.answer(request)
                head = [(":status", str(status)), *answered, ("content-length", str(len(data)))]
                empty = request.method == "HEAD" or not data
                session.h2.send_headers(number, head, end_stream=empty)
                session.flush()
                if not empty:
                    session.send(number, data, handle)
                    session.h2.end_stream(number)
                    session.flush()

        try:
            while True:
                for event in session.receive():
                    handle(event)
        finally:
            for headers, parts in streams.values():
                request = from_http2(headers, parts)
                if request.target.endswith("-pack"):
                    self.cut_short(request)


def from_http2(headers, parts):
    fields = dict(headers)
    host = fields.get(":authority", fields.get("host", "")).partition(":")[0].lower()
    rest = [(key.lower(), value) for key, value in headers if not key.startswith(":")]
    return effects.Request(
        host, fields.get(":method", ""), fields.get(":path", ""), rest, b"".join(parts)
    )


def read_body(reader, fields):
    """Return a body, and whether all of it came."""
    body = b""
    if "chunked" in fields.get("transfer-encoding", "").lower():
        while True:
            line = reader.readline()
            if not line.strip():
                return body, False
            size = int(line.split(b";")[0], 16)
            if not size:
                while reader.readline().strip():
                    pass
                return body, True
            part = reader.read(size)
            body += part
            if len(part) < size:
                return body, False
            reader.readline()
    left = int(fields.get("content-length") or 0)
    body = reader.read(left)
    return body, len(body) == left
