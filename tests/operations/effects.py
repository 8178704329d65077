"""What a request to GitHub does, in the most tolerant reading, and whether a policy lets it.

This is the oracle. It knows nothing of how the filter decides: it is made from the API's
reference (`routes.txt`, `mutations.txt`) and reads requests by `readings`, in every way at once.
"""

import contextlib
import dataclasses
import fnmatch
import pathlib
import re
import sys

import graphql

import readings

HERE = pathlib.Path(__file__).parent
READS = ("GET", "HEAD", "OPTIONS")
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "x-method")
REWRITES = ("x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri")
DEFAULT_BRANCH = "main"


@dataclasses.dataclass(frozen=True)
class Effect:
    """One thing that would be done. It may count as any of `operations`."""

    operations: tuple
    repository: str = None
    refs: tuple = ()
    nodes: tuple = ()
    how: str = ""


def table(name):
    """Return the lines of a table: the words of each, the last one split."""
    for line in (HERE / name).read_text().splitlines():
        if not line.startswith("#"):
            *words, operations = line.split()
            yield (*words, operations)


class Routes:
    """The writes of the REST API, found by method and segments."""

    def __init__(self):
        self.by_start = {}
        for method, template, operations in table("routes.txt"):
            parts = template.lower().strip("/").split("/")
            rest = parts[-1] in ("{path}", "{ref}")
            pattern = [None if part.startswith("{") else part for part in parts]
            entry = (method, pattern, rest, operations)
            self.by_start.setdefault(pattern[0], []).append(entry)

    def find(self, method, path):
        """Return the operations of a write; None where the reference has none."""
        found = [
            operations
            for wanted, pattern, rest, operations in self.by_start.get(path[0] if path else "", ())
            if wanted == method and fits(pattern, path, rest)
        ]
        # A fixed word is nearer than a place for one: generate-notes is no release.
        return found[-1] if found else None


def fits(pattern, path, rest):
    if len(path) < len(pattern) or (len(path) > len(pattern) and not rest):
        return False
    return all(want is None or want == have for want, have in zip(pattern, path))


ROUTES = Routes()
MUTATIONS = dict(table("mutations.txt"))


# ---------------------------------------------------------------- which server


def kind_of(host):
    """Say which of GitHub's servers a name is."""
    if host.startswith("api."):
        return "api"
    return "uploads" if host.startswith("uploads.") else "web"


def api_path(kind, path):
    """Return a path of the REST API without what an Enterprise server has before it, or
    None if it is none."""
    if path[:2] in (("api", "v3"), ("api", "uploads")):
        return path[2:]
    return path if kind != "web" else None


def is_graphql(kind, path):
    return path in (("graphql",), ("api", "graphql"), ("api", "v3", "graphql")) and (
        kind != "web" or path[0] == "api"
    )


# ---------------------------------------------------------------- a request


class Request:
    """A request as it arrived; headers are pairs, their names in lower case."""

    def __init__(self, host, method, target, headers, body):
        self.host, self.method, self.target = host, method, target
        self.headers, self.body = headers, body
        self.fields = dict(headers)
        self.kind = kind_of(host)
        self.said = None

    def body_fields(self):
        """Return the body's objects and its forms, read once."""
        if self.said is None:
            self.said = readings.fields(self.body, self.fields) if self.body else ([], [])
        return self.said

    def methods(self):
        """Return the methods that it may be taken to have."""
        found = {self.method.strip().upper()}
        asked = [value for key, value in self.headers if key.replace("_", "-") in OVERRIDES]
        asked += [value for key, value in readings.queries(self.target) if is_override(key)]
        if self.body and not (self.kind == "web" and self.target.endswith("-pack")):
            objects, forms = self.body_fields()
            asked += [value for key, value in forms if is_override(key)]
            asked += [value for one in objects for key, value in one if is_override(key)]
        for value in asked:
            if isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z]+\s*", value):
                found.add(value.strip().upper())
        return found

    def paths(self):
        """Return the paths that it may be taken to ask for."""
        found = set(readings.paths(self.target))
        for key, value in self.headers:
            if key in REWRITES:
                found |= readings.paths(value)
        return found

    def values(self, name):
        """Return every value of a field, wherever it may be read from."""
        objects, forms = self.body_fields()
        found = [value for one in objects for value in one.all(name)]
        found += [value for key, value in forms if key.lower() == name]
        found += [value for key, value in readings.queries(self.target) if key.lower() == name]
        return [value for value in found if isinstance(value, str)]


def is_override(key):
    return (
        isinstance(key, str)
        and key.lower().lstrip("_") in ("method", "httpmethod")
        and key[:1] == "_"
    )


def effects(request):
    """Return what the request would do, but for a push, which git itself shows."""
    found = []
    with deep():
        methods = request.methods()
        for path in request.paths():
            if is_graphql(request.kind, path):
                found += graphql_effects(request)
                continue
            for method in methods:
                if method not in READS:
                    found += written(request, method, path)
    return list(dict.fromkeys(found))


def written(request, method, path):
    """Return what a write to a path does."""
    inner = api_path(request.kind, path)
    if inner is None:
        return web_effects(request, method, path)
    operations = ROUTES.find(method, inner)
    repository = "/".join(inner[1:3]) if inner[:1] == ("repos",) and len(inner) > 2 else None
    if operations is None:
        if inner[:1] == ("repositories",) and len(inner) > 2:  # by number, whichever that is
            return [
                dataclasses.replace(one, repository="?")
                for one in written(request, method, ("repos", "?", "?", *inner[2:]))
            ]
        operations = "other-writes|settings"
    how = f"{method} /{'/'.join(inner)}"
    if operations.endswith("+approve"):
        approves = any(value.strip().upper() == "APPROVE" for value in request.values("event"))
        operations = "pr-approve" if approves else "pr-write"
    refs = refs_of(request, operations, inner)
    return [Effect(tuple(operations.split("|")), repository, refs, how=how)]


def refs_of(request, operations, path):
    """Return the refs that a write is about."""
    if operations == "contents-write" and path[3:4] == ("contents",):
        named = request.values("branch") or [DEFAULT_BRANCH]
    elif operations == "ref-update":
        at = [part for part in readings.paths(request.target) if "refs" in part]
        named = [
            "refs/" + "/".join(part[part.index("refs") + 1 :]) for part in at if part[-1] != "refs"
        ]
        named += request.values("ref")
    elif operations == "delete-ref":
        named = ["refs/" + "/".join(path[5:])]
    else:
        named = []
    return tuple(full_ref(name) for name in named)


def full_ref(name):
    return name if name.startswith("refs/") else f"refs/heads/{name}"


COMMAND = re.compile(rb"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([^\0\n]+)")


def commands(request, repository):
    """Return what a push asks for; what git makes of it, git shows."""
    found = []
    for data in readings.unpacked(request.body):
        for _, new, ref in COMMAND.findall(data.partition(b"PACK")[0]):
            name, ref = "push" if new.strip(b"0") else "delete-ref", ref.decode("latin-1")
            refs = (ref,) if name == "push" else ()
            found.append(Effect((name,), repository, refs, how=f"a push: {name} of {ref}"))
    return found


LFS = ("info", "lfs")


def web_effects(request, method, path):
    """Return what a write to the website does: git, LFS, or a form of its pages."""
    repository = "/".join(path[:2]).removesuffix(".git") if len(path) > 1 else None
    rest = path[2:]
    if method == "POST" and rest[-1:] == ("git-receive-pack",):
        return commands(request, repository)
    if method == "POST" and rest == ("git-upload-pack",):
        return []
    if rest[:2] == LFS or rest[1:3] == LFS:
        return lfs_effects(request, method, repository, rest)
    name = "pr-merge" if rest[:1] == ("pull",) and rest[-1:] == ("merge",) else "other-writes"
    return [Effect((name,), repository, how=f"{method} on the website: /{'/'.join(path)}")]


def lfs_effects(request, method, repository, rest):
    if method == "POST" and rest[-2:] == ("objects", "batch"):
        asked = request.values("operation")
        if asked and all(value == "download" for value in asked):
            return []
        return [Effect(("push",), repository, how="LFS upload")]
    if method == "POST" and rest[-2:] == ("locks", "verify"):
        return []
    return [Effect(("other-writes", "push"), repository, how=f"LFS {method} {'/'.join(rest)}")]


# ---------------------------------------------------------------- GraphQL


@contextlib.contextmanager
def deep():
    """Parse what is nested deeply: another server's parser does not give up there."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(30_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def graphql_requests(request):
    """Return each document with the variables that may go with it."""
    objects, forms = request.body_fields()
    forms = forms + readings.queries(request.target)
    for name, value in forms:
        if name.lower() in ("operations", "graphql", "batch"):
            objects = objects + readings.flat(readings.documents(value))
    sources = [value for one in objects for value in one.all("query") if isinstance(value, str)]
    sources += [value for name, value in forms if name.lower() == "query"]
    sources += readings.texts(request.body, request.fields) if request.body else []
    variables = [value for one in objects for value in one.all("variables")]
    for name, value in forms:
        if name.lower() == "variables":
            variables += readings.documents(value)
    variables += [
        inner
        for value in variables
        if isinstance(value, str)
        for inner in readings.documents(value)
    ]
    variables = [value for value in variables if isinstance(value, readings.Object)]
    return list(dict.fromkeys(sources)), variables, objects


def graphql_effects(request):
    """Return what the mutations of every document do, whichever of them is asked for."""
    found = []
    sources, variables, objects = graphql_requests(request)
    for source in sources:
        if "mutation" not in source:  # which a mutation always has, and in these letters
            continue
        with contextlib.suppress(graphql.GraphQLError, UnicodeError, RecursionError):
            document = graphql.parse(source, no_location=True)
            known = variables + [defaults(document)]
            found += [mutation_effect(field, known) for field in root_fields(document)]
    for one in objects:
        if not one.all("query") and (
            one.all("extensions") or one.all("documentid") or one.all("id")
        ):
            found.append(Effect(("other-writes",), how="a document that the server keeps"))
    return found


def defaults(document):
    """Return what variables are if nobody says."""
    found = readings.Object()
    for one in document.definitions:
        for variable in getattr(one, "variable_definitions", None) or ():
            if variable.default_value is not None:
                value = graphql.value_from_ast_untyped(variable.default_value)
                found.append((variable.variable.name.value, as_members(value)))
    return found


def as_members(value):
    if isinstance(value, dict):
        return readings.Object((key, as_members(inner)) for key, inner in value.items())
    return [as_members(inner) for inner in value] if isinstance(value, list) else value


def root_fields(document):
    """Yield the fields of all mutations, whatever they are in."""
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, graphql.FragmentDefinitionNode)
    }
    for one in document.definitions:
        if isinstance(one, graphql.OperationDefinitionNode):
            if one.operation is graphql.OperationType.MUTATION:
                yield from selected(one.selection_set, fragments, set())


def selected(selections, fragments, seen):
    for one in selections.selections:
        if isinstance(one, graphql.FieldNode):
            yield one
        elif isinstance(one, graphql.InlineFragmentNode):
            yield from selected(one.selection_set, fragments, seen)
        elif one.name.value in fragments and one.name.value not in seen:
            seen.add(one.name.value)
            yield from selected(fragments[one.name.value].selection_set, fragments, seen)


def argument_values(node, variables):
    """Yield (name, value) of every leaf below a value of a document."""
    if isinstance(node, graphql.ObjectValueNode):
        for field in node.fields or ():
            yield from named_values(field.name.value, field.value, variables)
    elif isinstance(node, graphql.ListValueNode):
        for one in node.values or ():
            yield from argument_values(one, variables)
    elif isinstance(node, graphql.VariableNode):
        for one in variables:
            for value in one.all(node.name.value):
                yield from leaves("", value)


def named_values(name, node, variables):
    if isinstance(node, graphql.VariableNode):
        for one in variables:
            for value in one.all(node.name.value):
                yield from leaves(name, value)
    elif hasattr(node, "value"):
        yield name, node.value
    elif isinstance(node, graphql.ListValueNode):
        for one in node.values or ():
            yield from named_values(name, one, variables)
    else:
        yield from argument_values(node, variables)


def leaves(name, value):
    if isinstance(value, readings.Object):
        for key, inner in value:
            yield from leaves(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(name, inner)
    else:
        yield name, value


NODE = re.compile(r"(^id|^ids|[a-z]I[dD]s?)\Z")


def mutation_effect(field, variables):
    name = field.name.value
    operations = MUTATIONS.get(name, "other-writes|settings")
    said = [
        pair
        for one in field.arguments or ()
        for pair in named_values(one.name.value, one.value, variables)
    ]
    if operations.endswith("+approve"):
        approves = any(key == "event" and str(value).upper() == "APPROVE" for key, value in said)
        operations = "pr-approve" if approves else "pr-write"
    nodes = [
        value
        for key, value in said
        if isinstance(value, str) and NODE.search(key) and key != "clientMutationId"
    ]
    refs = [
        value
        for key, value in said
        if key in ("branchName", "qualifiedName", "name") and isinstance(value, str)
    ]
    if operations in ("contents-write", "ref-update"):
        refs = refs or ["?"]  # by a number: it may be any
    else:
        refs = []
    return Effect(
        tuple(operations.split("|")),
        None,
        tuple(map(full_ref, refs)),
        tuple(nodes),
        f"mutation {name}",
    )


# ---------------------------------------------------------------- the policy

DEFAULTS = dict.fromkeys(("read", "pr-write", "issue-write", "push"), "allow")
PROTECTED = [
    "main",
    "master",
    "trunk",
    "develop",
    "release/*",
    "releases/*",
    "production",
    "gh-pages",
]


class Rules:
    """A `[github]` table, as a person reads it."""

    def __init__(self, github):
        self.operations = {**DEFAULTS, **github.get("operations", {})}
        self.repositories = github.get("repositories")
        self.nodes = github.get("nodes", [])
        self.branches = github.get("branches", ["*"])
        self.protected = github.get("protected", PROTECTED)

    def allows(self, name):
        return self.operations.get(name) == "allow"

    def allows_ref(self, ref):
        matches = lambda patterns: any(fnmatch.fnmatchcase(ref, full_ref(one)) for one in patterns)
        return matches(self.branches) and not matches(self.protected)

    def allows_repository(self, name):
        if self.repositories is None:
            return True
        owner, _, repository = (name or "").partition("/")
        return any(
            fnmatch.fnmatchcase(owner, one.lower().partition("/")[0])
            and fnmatch.fnmatchcase(repository, one.lower().partition("/")[2])
            for one in self.repositories
        )

    def objection(self, effect):
        """Return why an effect is refused; None where it is not."""
        if not any(self.allows(name) for name in effect.operations):
            return f"{effect.operations[0]} is refused"
        if "read" in effect.operations:
            return None
        if effect.repository is not None and not self.allows_repository(effect.repository):
            return f"repository {effect.repository}"
        strange = [node for node in effect.nodes if node not in self.nodes]
        if self.repositories is not None and strange:
            return f"node {strange[0]}"
        wrong = [ref for ref in effect.refs if not self.allows_ref(ref)]
        return f"ref {wrong[0]}" if wrong else None
