# ---------------------------------------------------------------- the REST API

import re

# What each write does: OPERATION[:CHECK] [METHOD,...] TEMPLATE, the first that
# fits. `R` is a repository. A template without a method is for all that write:
# what GitHub does not have there now, it may have tomorrow. What is allowed as
# long as nothing else is said is here with the methods that it has. What is not
# here is other-writes.
REST_TABLE = """
pr-merge R/pulls/*/merge/**
auto-merge R/pulls/*/auto-merge/**
auto-merge R/pulls/*/auto_merge/**
auto-merge R/pulls/*/automerge/**
merge-queue R/pulls/*/merge-queue/**
merge-queue R/pulls/*/merge_queue/**
merge-queue R/pulls/*/queue/**
merge-queue R/merge-queue/**
merge-queue R/merge_queue/**
merge-queue R/merge-queues/**
branch-merge R/merges/**
branch-merge R/merge-upstream/**
branch-merge R/merge_upstream/**
branch-merge R/pulls/*/update-branch/**
branch-merge R/pulls/*/update_branch/**

pr-write:review POST R/pulls/*/reviews
pr-write:review PUT,DELETE R/pulls/*/reviews/*
pr-write:review POST R/pulls/*/reviews/*/events
pr-approve R/pulls/*/reviews/*/dismissals
pr-write POST R/pulls
pr-write PATCH R/pulls/*
pr-write POST R/pulls/*/comments
pr-write POST R/pulls/*/comments/*/replies
pr-write PATCH,DELETE R/pulls/comments/*
pr-write POST R/pulls/comments/*/reactions
pr-write DELETE R/pulls/comments/*/reactions/*
pr-write POST,DELETE R/pulls/*/requested_reviewers

other-writes:review R/pulls/*/reviews/**

issue-write POST R/issues
issue-write PATCH R/issues/*
issue-write PATCH,DELETE R/issues/comments/*
issue-write POST R/issues/comments/*/reactions
issue-write DELETE R/issues/comments/*/reactions/*
issue-write POST,DELETE R/issues/*/assignees
issue-write POST R/issues/*/comments
issue-write POST R/issues/*/dependencies/blocked_by
issue-write DELETE R/issues/*/dependencies/blocked_by/*
issue-write POST,PUT,DELETE R/issues/*/labels
issue-write DELETE R/issues/*/labels/*
issue-write PUT,DELETE R/issues/*/lock
issue-write POST R/issues/*/reactions
issue-write DELETE R/issues/*/reactions/*
issue-write DELETE R/issues/*/sub_issue
issue-write POST R/issues/*/sub_issues
issue-write PATCH R/issues/*/sub_issues/priority
issue-write POST R/labels
issue-write PATCH,DELETE R/labels/*
issue-write POST R/milestones
issue-write PATCH,DELETE R/milestones/*
issue-write POST R/commits/*/comments
issue-write PATCH,DELETE R/comments/*
issue-write POST R/comments/*/reactions
issue-write DELETE R/comments/*/reactions/*

delete-ref:ref DELETE R/git/refs/**
delete-ref:ref DELETE R/git/ref/**
delete-ref:unknown DELETE R/branches/*
ref-update:ref R/git/refs/**
ref-update:ref R/git/ref/**
ref-update:unknown R/branches
ref-update:unknown R/branches/*
contents-write:contents R/contents/**
contents-write R/git/blobs
contents-write R/git/trees
contents-write R/git/commits
contents-write R/git/tags
contents-write:unknown R/git/**
contents-write:unknown R/code-scanning/alerts/*/autofix/**

other-writes:deployment POST,PUT R/deployments
workflow-dispatch R/dispatches/**
workflow-dispatch R/actions/workflows/**
workflow-dispatch POST,PUT,PATCH R/actions/runs/**
workflow-dispatch R/actions/jobs/**
workflow-dispatch R/check-runs/*/rerequest
workflow-dispatch R/check-suites/*/rerequest

release:raw POST,PUT R/releases/*/assets
release R/releases/**
gist gists/**

settings R
settings R/actions/cache/**
settings R/actions/oidc/**
settings R/actions/permissions/**
settings R/actions/runners/**
settings R/actions/runner-groups/**
settings R/actions/secrets/**
settings R/actions/organization-secrets/**
settings R/actions/variables/**
settings R/autolinks/**
settings R/automated-security-fixes/**
settings R/branches/**
settings R/check-suites/preferences
settings R/code-scanning/default-setup/**
settings R/code-security/**
settings R/code-security-configuration/**
settings R/codespaces/**
settings R/collaborators/**
settings R/dependabot/secrets/**
settings R/environments/**
settings R/forks/**
settings:elsewhere R/generate/**
settings R/hooks/**
settings R/immutable-releases/**
settings R/import/**
settings R/installation/**
settings R/interaction-limits/**
settings R/invitations/**
settings R/keys/**
settings R/lfs/**
settings R/pages/**
settings R/private-vulnerability-reporting/**
settings R/properties/**
settings R/rename/**
settings R/replicas/**
settings R/rules/**
settings R/rulesets/**
settings R/pulls/*/codespaces/**
settings R/security-advisories/*/forks
settings R/secret-scanning/push-protection-bypasses/**
settings R/tags/protection/**
settings R/teams/**
settings R/topics/**
settings R/transfer/**
settings R/vulnerability-alerts/**

read POST orgs/*/attestations/bulk-list
read POST users/*/attestations/bulk-list
other-writes orgs/*/projects/**
other-writes orgs/*/projectsv2/**
other-writes orgs/*/packages/**
other-writes orgs/*/artifacts/**
other-writes orgs/*/attestations/**
other-writes orgs/*/teams/*/discussions/**
settings orgs/**
settings organizations/**
settings enterprises/**
settings enterprise/**
settings teams/**
settings admin/**
settings setup/**
settings manage/**
settings staff/**
settings app/**
settings apps/**
settings app-manifests/**
settings applications/**
settings authorizations/**
settings credentials/**
settings installation/**
settings installations/**
settings marketplace_listing/**
settings scim/**
other-writes user/following/**
other-writes user/starred/**
other-writes user/subscriptions/**
other-writes user/packages/**
other-writes user/*/projectsv2/**
settings user/**
read POST markdown
read:text POST markdown/raw
"""

# The same for the web pages: an agent has no session there, but who knows.
WEB_TABLE = """
pr-merge:web */*/pull/*/merge/**
pr-merge:web */*/pull/*/page_data/merge/**
pr-merge:web */*/pull/*/squash_merge/**
auto-merge:web */*/pull/*/auto-merge/**
auto-merge:web */*/pull/*/auto_merge/**
auto-merge:web */*/pull/*/page_data/enable_auto_merge/**
merge-queue:web */*/pull/*/merge_queue/**
merge-queue:web */*/pull/*/enqueue/**
branch-merge:web */*/pull/*/update_branch/**
branch-merge:web */*/branches/fetch_and_merge/**
pr-approve:web */*/pull/*/reviews/**
ref-update:web */*/branches/**
contents-write:web */*/create/**
contents-write:web */*/new/**
contents-write:web */*/edit/**
contents-write:web */*/blob/**
contents-write:web */*/tree-save/**
contents-write:web */*/tree/**
contents-write:web */*/delete/**
contents-write:web */*/upload/**
workflow-dispatch:web */*/actions/**
release:web */*/releases/**
settings:web */*/settings/**
settings:web settings/**
settings:web organizations/**
settings:web orgs/**
settings:web new/**
gist:web gist/**
gist:web gists/**
"""

# And for git's large files, below info/lfs of a repository.
LFS_TABLE = """
push:lfs POST objects/batch
push POST objects/verify
push POST objects/*/verify
push POST verify
read POST locks/verify
push POST locks
push POST locks/*/unlock
"""

REPOSITORY = ("repos", "*", "*")
REST_KEYS = {"event", "force", "ref", "branch", "base", "sha", "auto_merge"}
EXTENSION = re.compile(
    r"\.(?:json|jsonp?|xml|html?|txt|text|js|rss|atom|diff|patch|yaml|yml)\Z", re.I
)


def read_table(text):
    """Return the rows of a table, by the first segment and in their order."""
    rows = []
    for row in text.strip().splitlines():
        if not row:
            continue
        operation, *methods, template = row.split()
        operation, _, check = operation.partition(":")
        parts = tuple(template.split("/"))
        if parts[0] == "R":
            parts = REPOSITORY + parts[1:]
        rest = parts[-1] == "**"
        methods = frozenset(methods[0].split(",")) if methods else None
        rows.append((operation, check or None, methods, parts[:-1] if rest else parts, rest))
    return rows


REST_ROWS, WEB_ROWS, LFS_ROWS = (read_table(one) for one in (REST_TABLE, WEB_TABLE, LFS_TABLE))


def find_row(rows, method, folded):
    """Return the first row that fits, its operation and check."""
    size = len(folded)
    for operation, check, methods, parts, rest in rows:
        if size < len(parts) or (size > len(parts) and not rest):
            continue
        if methods is not None and method not in methods:
            continue
        if all(part == "*" or part == text for part, text in zip(parts, folded)):
            return operation, check, len(parts)
    return None


def path_readings(segments):
    """Return the ways in which a tolerant server may read clean segments: with
    encoded slashes as slashes, a plus as a space, without an extension, letters
    as they look."""
    readings = [segments, split_segments(segments)]
    readings += [without_plus(path) for path in readings if "+" in "".join(path)]
    readings += [without_extension(path) for path in readings]
    readings += [[fold(text) for text in path] for path in readings if not is_ascii(path)]
    found = []
    for path in readings:
        if path not in found:
            found.append(path)
    return found


def is_ascii(path):
    return all(text.isascii() for text in path)


def split_segments(path):
    return [piece for text in path for piece in text.split("/")]


def without_plus(path):
    path = [text.replace("+", " ").strip() for text in path]
    if not all(is_plain_segment(text) for text in path if text):
        raise Refused("path", "its path can be read in more than one way")
    return [text for text in path if text]


def without_extension(path):
    """Return segments without what names a format, however often."""
    last = path[-1] if path else ""
    while (shorter := EXTENSION.sub("", last).rstrip(". ")) not in ("", last):
        last = shorter
    return [*path[:-1], last] if path else path


def is_graphql(path):
    """Say whether segments are where GraphQL is asked."""
    path = [fold(text) for text in path]
    if path[:2] in (["api", "v3"], ["api", "v4"]):
        path = path[2:]
    elif path[:1] in (["api"], ["v3"], ["v4"]):
        path = path[1:]
    return bool(path) and EXTENSION.sub("", path[0]) == "graphql" and len(path) == 1


def is_web(role, path):
    """Say whether segments are of the web pages, and not of the API."""
    return role != "api" and fold(path[0] if path else "") != "api" and not is_graphql(path)


def classify(role, method, path):
    """Return what one reading of a write asks for."""
    if is_graphql(path):
        return Asked(None, "graphql")
    folded = [text.casefold() for text in path]
    service = folded[-1] if folded else ""
    if is_web(role, path):
        is_git = service in ("git-receive-pack", "git-upload-pack")
        return (classify_git if is_git else classify_web)(method, path, folded)
    if service == "git-receive-pack":
        raise Refused("path", "git is not where the API is", "push")
    if folded[:1] == ["api"]:
        skip = 2 if folded[1:2] in (["v3"], ["uploads"]) else 1
        path, folded = path[skip:], folded[skip:]
    return classify_rest(method, path, folded)


def classify_rest(method, path, folded):
    """Find a path of the API, whose repository may be named by its number."""
    repository, numbered = None, folded[:1] == ["repositories"] and len(folded) > 1
    if numbered:
        path, folded = ["repos", "", *path[1:]], ["repos", "", *folded[1:]]
    elif folded[:1] == ["repos"] and len(folded) > 2:
        repository = as_repository(path[1:3])
    operation, check, size = find_row(REST_ROWS, method, folded) or ("other-writes", None, 0)
    if check == "elsewhere":
        repository, check = None, None
    return Asked(operation, check, repository, tuple(path[size:]))


def as_repository(parts):
    """Return OWNER and REPO, or refuse what cannot be one."""
    if len(parts) != 2 or not all(NAME_PART.match(part) for part in parts):
        raise Refused("path", "its path does not name a repository as GitHub does")
    return tuple(parts)


def classify_git(method, path, folded):
    """Find what git's smart protocol does over HTTP."""
    service = folded[-1]
    if method != "POST" or path[-1] != service:
        return Asked("other-writes", "web")
    gist = folded[0] == "gist"
    if gist and len(path) == 3:  # a gist has no owner in its path
        repository = ("gist", path[1])
    else:
        repository = as_repository(path[1:-1] if gist else path[:-1])
    if service == "git-upload-pack":
        return Asked("read", service, repository)
    return Asked("gist" if gist else "push", service, repository)


def classify_web(method, path, folded):
    """Find what is written on the web host, of which git's large files are the
    only part that is made for programs."""
    if folded[2:4] == ["info", "lfs"]:
        row = find_row(LFS_ROWS, method, folded[4:]) or ("other-writes", None, 0)
        return Asked(row[0], row[1], as_repository(path[:2]))
    repository = tuple(path[:2]) if len(path) > 2 else None
    found = find_row(WEB_ROWS, method, folded)
    return Asked(found[0] if found else "other-writes", "web", repository)


# What of a body decides as well.

HARMLESS_EVENTS = (None, "", "COMMENT", "REQUEST_CHANGES", "PENDING")


def rest_check(guard, asked, value):
    """Decide on a write of the API by its body."""
    value = {} if value is None else value
    if asked.check is None:
        return asked.operation
    if not isinstance(value, dict):
        raise Refused("unclear", "its body is not an object of JSON", asked.operation)
    for key in value:
        if key not in REST_KEYS and fold(key) in REST_KEYS:
            raise Refused("unclear", "its body has a key that is spelt in another way")
    if asked.query and (asked.check, asked.method) != ("contents", "DELETE"):
        raise Refused("unclear", "its query may say what its body says", asked.operation)
    return REST_CHECKS[asked.check](guard, asked, value)


def check_review(guard, asked, value):
    """An approval is a review with an event."""
    if value.get("event") not in HARMLESS_EVENTS:
        guard.permit("pr-approve", asked.repository)
        return "pr-approve"
    return asked.operation


def check_ref(guard, asked, value):
    """A ref is named by the path or the body; all that are must be allowed."""
    refs = [value["ref"]] if "ref" in value else []
    if asked.rest:
        refs.append("refs/" + "/".join(asked.rest))
    for ref in refs or [None]:
        guard.permit_ref(ref if isinstance(ref, str) else None, asked.operation)
    if value.get("force", False) is not False:
        guard.permit("force-push", asked.repository)
        return "force-push"
    return asked.operation


def check_contents(guard, asked, value):
    """A file is written on a branch; without one on the default branch."""
    branches = [value["branch"]] if "branch" in value else []
    branches += [text for name, text in query_pairs(asked.query) if fold(name) == "branch"]
    if not branches or not all(isinstance(text, str) and text for text in branches):
        detail = "it names no branch, and so is for the default branch"
        raise Refused("branch", detail, asked.operation)
    for text in branches:
        guard.permit_ref(full_ref(text), asked.operation)
    return asked.operation


def check_deployment(guard, asked, value):
    """A deployment merges the default branch into its own, if it is not told
    that it should not."""
    if value.get("auto_merge", True) is not False:
        guard.permit("branch-merge", asked.repository)
    return asked.operation


def check_unknown(guard, asked, value):
    guard.permit_ref(None, asked.operation)


REST_CHECKS = {
    "review": check_review, "ref": check_ref, "contents": check_contents, "unknown": check_unknown,
    "deployment": check_deployment,
}  # fmt: skip


def check_large_files(guard, asked, value):
    """A batch of large files is a download or an upload."""
    if not isinstance(value, dict) or value.get("operation") not in ("download", "upload"):
        raise Refused("unclear", "it is not a batch of large files", "push")
    operation = "push" if value["operation"] == "upload" else "read"
    guard.permit(operation, asked.repository)
    return operation
