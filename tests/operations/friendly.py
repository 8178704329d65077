"""What programs ask of GitHub all day, and what must pass.

`requests` has the shapes of gh, octokit, git and git-lfs that the policy allows by itself; what
gh itself sends is in `test_gh`.
"""

import gzip
import json

from cases import API, ENTERPRISE, JSON, TENANT, UPLOADS, WEB, Case

GETS = """
/
/user
/rate_limit
/meta
/octocat
/emojis
/notifications?all=true&per_page=50
/gists?per_page=30
/gists/abc123
/user/repos?per_page=100&page=2&sort=pushed
/orgs/me/repos
/users/octocat
/search/issues?q=repo%3Ame%2Fdemo+is%3Apr+is%3Aopen+merge&per_page=10
/search/code?q=addClass+in:file+language:js+repo:jquery/jquery
/repos/me/demo
/repos/me/demo/issues?state=all&labels=bug,help%20wanted
/repos/me/demo/issues/1
/repos/me/demo/issues/1/comments?since=2026-01-01T00%3A00%3A00Z
/repos/me/demo/issues/1/timeline
/repos/me/demo/pulls?state=open&head=me%3Afeature%2Fone
/repos/me/demo/pulls/1
/repos/me/demo/pulls/1/files?per_page=100
/repos/me/demo/pulls/1/commits
/repos/me/demo/pulls/1/merge
/repos/me/demo/pulls/1/reviews
/repos/me/demo/pulls/1/requested_reviewers
/repos/me/demo/branches
/repos/me/demo/branches/main
/repos/me/demo/branches/main/protection
/repos/me/demo/git/ref/heads/main
/repos/me/demo/git/matching-refs/heads/feature
/repos/me/demo/git/trees/main?recursive=1
/repos/me/demo/git/blobs/0123456789abcdef0123456789abcdef01234567
/repos/me/demo/commits/main
/repos/me/demo/commits/0123456/check-runs
/repos/me/demo/commits/0123456/status
/repos/me/demo/commits?sha=feature%2Fone&path=src/main.rs
/repos/me/demo/compare/main...feature
/repos/me/demo/compare/main...eve:feature
/repos/me/demo/contents/
/repos/me/demo/contents/src/main.rs?ref=main
/repos/me/demo/contents/a%20file.txt
/repos/me/demo/contents/caf%C3%A9.md
/repos/me/demo/contents/.github/workflows/ci.yml
/repos/me/demo/readme
/repos/me/demo/license
/repos/me/demo/releases
/repos/me/demo/releases/latest
/repos/me/demo/releases/tags/v1.0.0
/repos/me/demo/releases/assets/1
/repos/me/demo/tags
/repos/me/demo/tarball/main
/repos/me/demo/zipball/v1.0.0
/repos/me/demo/actions/runs?branch=main&event=push
/repos/me/demo/actions/runs/1
/repos/me/demo/actions/runs/1/jobs
/repos/me/demo/actions/runs/1/logs
/repos/me/demo/actions/jobs/1/logs
/repos/me/demo/actions/artifacts/1/zip
/repos/me/demo/actions/workflows
/repos/me/demo/hooks
/repos/me/demo/collaborators
/repos/me/demo/labels
/repos/me/demo/topics
/repos/me/demo/languages
/repos/me/demo/stargazers
/repositories/1296269
/repositories/1296269/issues?page=2
/organizations/1/repos?page=2
""".split()

PAGES = """
/
/me/demo
/me/demo/info/refs?service=git-upload-pack
/me/demo.git/info/refs?service=git-upload-pack
/me/demo/releases/download/v1.0.0/demo-x86_64.tar.gz
/me/demo/archive/refs/heads/main.tar.gz
/me/demo/archive/refs/tags/v1.0.0.zip
/me/demo/raw/main/README.md
/me/demo/pull/1.diff
/me/demo/pull/1.patch
/me/demo/tree/main/src
/me/demo/blob/main/a%20file.txt
/me/demo/actions/runs/1
/me/demo/commit/0123456.patch
/me/demo/issues?q=is%3Aissue+is%3Aopen
/login
""".split()

TEXT = (
    "PUT /repos/me/demo/pulls/1/merge merges it; so does `mutation { mergePullRequest(input: {}) { a } }` or "
    '{"query": "mutation"} or X-HTTP-Method-Override: PUT or ?_method=PUT. ../../etc/passwd %2e%2e \u00e9 \U0001f600'
)
# fmt: off
WRITES = [
    ("POST", "issues", {"title": "t", "body": TEXT, "labels": ["bug"], "assignees": ["me"]}),
    ("PATCH", "issues/1", {"state": "closed", "state_reason": "completed"}),
    ("PATCH", "issues/1", {"title": "merge", "body": TEXT}),
    ("POST", "issues/1/comments", {"body": TEXT}),
    ("PATCH", "issues/comments/1", {"body": TEXT}),
    ("DELETE", "issues/comments/1", None),
    ("POST", "issues/1/labels", {"labels": ["merge"]}),
    ("PUT", "issues/1/labels", {"labels": []}),
    ("DELETE", "issues/1/labels/bug", None),
    ("DELETE", "issues/1/labels/good%20first%20issue", None),
    ("POST", "issues/1/assignees", {"assignees": ["me"]}),
    ("POST", "issues/1/reactions", {"content": "+1"}),
    ("POST", "pulls", {"title": "t", "head": "feature/one", "base": "main", "body": TEXT, "draft": True}),
    ("PATCH", "pulls/1", {"title": "t", "body": TEXT, "state": "closed"}),
    ("PATCH", "pulls/1", {"state": "open"}),
    ("POST", "pulls/1/comments", {"body": TEXT, "commit_id": "0" * 40, "path": "a", "line": 1, "side": "RIGHT"}),
    ("POST", "pulls/1/comments/1/replies", {"body": TEXT}),
    ("POST", "pulls/1/reviews", {"event": "COMMENT", "body": "I APPROVE of nothing"}),
    ("POST", "pulls/1/reviews", {"event": "REQUEST_CHANGES", "body": TEXT}),
    ("POST", "pulls/1/reviews", {"body": TEXT, "comments": [{"path": "a", "position": 1, "body": "APPROVE"}]}),
    ("POST", "pulls/1/reviews/1/events", {"event": "COMMENT", "body": "x"}),
    ("POST", "pulls/1/requested_reviewers", {"reviewers": ["octocat"], "team_reviewers": ["core"]}),
    ("DELETE", "pulls/1/requested_reviewers", {"reviewers": ["octocat"]}),
]
# fmt: on
LFS = {
    "operation": "download",
    "transfers": ["basic"],
    "objects": [{"oid": "0" * 64, "size": 1}],
    "ref": {"name": "refs/heads/main"},
}
LFS_JSON = [
    ("accept", "application/vnd.git-lfs+json"),
    ("content-type", "application/vnd.git-lfs+json; charset=utf-8"),
]
QUERIES = [
    "query UserCurrent{viewer{login}}",
    "query PullRequestByNumber($owner:String!,$repo:String!,$pr_number:Int!){repository(owner:$owner,name:$repo)"
    "{pullRequest(number:$pr_number){id,number,state,mergeable,mergeStateStatus,autoMergeRequest{mergeMethod}}}}",
    'query{repository(owner:"me",name:"demo"){mergeCommitAllowed,defaultBranchRef{name},viewerPermission}}',
    "query IntrospectionQuery{__schema{mutationType{name,fields{name}}}}",
    "mutation PullRequestCreate($input:CreatePullRequestInput!){createPullRequest(input:$input){pullRequest{id,url}}}",
    "mutation CommentCreate($input:AddCommentInput!){addComment(input:$input){commentEdge{node{url}}}}",
    "mutation IssueCreate($input: CreateIssueInput!) { createIssue(input: $input) { issue { url } } }",
    "mutation PullRequestUpdate($input:UpdatePullRequestInput!){updatePullRequest(input:$input){__typename}}",
    "mutation PullRequestReadyForReview($input:MarkPullRequestReadyForReviewInput!)"
    "{markPullRequestReadyForReview(input:$input){pullRequest{id}}}",
    "mutation PullRequestCreateRequestReviews($input:RequestReviewsInput!){requestReviews(input:$input){clientMutationId}}",
    "mutation PullRequestReviewAdd($input:AddPullRequestReviewInput!){addPullRequestReview(input:$input){clientMutationId}}",
    "mutation LabelAdd($input:AddLabelsToLabelableInput!){addLabelsToLabelable(input:$input){__typename}}",
    "mutation IssueClose($input:CloseIssueInput!){closeIssue(input:$input){issue{id}}}",
]
INPUT = {
    "repositoryId": "R_1",
    "subjectId": "I_1",
    "title": TEXT,
    "body": TEXT,
    "baseRefName": "main",
    "headRefName": "me:x",
    "event": "COMMENT",
}


def reads():
    agent = [
        ("user-agent", "GitHub CLI 2.23.0"),
        ("accept", "application/vnd.github+json"),
        ("authorization", "token x"),
    ]
    for target in GETS:
        yield Case("reads", API, "GET", target, agent)
        yield Case("reads", API, "HEAD", target, agent)
        yield Case("reads", ENTERPRISE, "GET", "/api/v3" + target, agent)
        yield Case("reads", f"api.{TENANT}", "GET", target, agent)
    for target in PAGES:
        yield Case("reads", WEB, "GET", target, [("user-agent", "git/2.47.3")])
        yield Case("reads", ENTERPRISE, "GET", target)
        yield Case("reads", TENANT, "GET", target)
    yield Case("reads", API, "OPTIONS", "/repos/me/demo", [("origin", "https://example.org")])


def writes():
    for method, path, body in WRITES:
        data = b"" if body is None else json.dumps(body).encode()
        wide = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        for policy in ("default", "narrow", "wide", "trusting"):
            yield Case("writes", API, method, f"/repos/me/demo/{path}", JSON, data, policy)
        yield Case("writes", API, method, f"/repos/me/demo/{path}", JSON, wide)
        yield Case("writes", API, method, f"/repos/Me/Demo.js/{path}", JSON, wide, "narrow")
        yield Case(
            "writes",
            API,
            method,
            f"/repos/me/demo/{path}",
            [("content-type", "application/json; charset=utf-8")],
            data,
        )
        yield Case(
            "writes", API, method, f"/repos/me/demo/{path}", [], data
        )  # gh api sends no type with --input
        yield Case("writes", ENTERPRISE, method, f"/api/v3/repos/me/demo/{path}", JSON, data)
    for host, target in (
        (API, "/graphql"),
        (ENTERPRISE, "/api/graphql"),
        (f"api.{TENANT}", "/graphql"),
    ):
        for query in QUERIES:
            body = json.dumps(
                {
                    "query": query,
                    "variables": {"input": INPUT, "owner": "me", "repo": "demo", "pr_number": 1},
                }
            )
            kind = [
                ("content-type", "application/json; charset=utf-8"),
                ("graphql-features", "merge_queue"),
            ]
            yield Case("graphql", host, "POST", target, kind, body.encode())


def git():
    service = [
        ("content-type", "application/x-git-upload-pack-request"),
        ("git-protocol", "version=2"),
    ]
    fetch = b"0014command=ls-refs\n0001" + b"0000"
    for host in (WEB, ENTERPRISE, TENANT):
        for name in ("/me/demo", "/me/demo.git"):
            yield Case("git", host, "POST", f"{name}/git-upload-pack", service, fetch)
            packed = [*service, ("content-encoding", "gzip")]
            yield Case(
                "git",
                host,
                "POST",
                f"{name}/git-upload-pack",
                packed,
                gzip.compress(fetch, mtime=0),
            )
            yield Case(
                "git",
                host,
                "POST",
                f"{name}.git/info/lfs/objects/batch".replace(".git.git", ".git"),
                LFS_JSON,
                json.dumps(LFS).encode(),
            )
            yield Case("git", host, "GET", f"{name}/info/refs?service=git-receive-pack")


def asked_for():
    """What is refused unless the policy says otherwise, and there it does."""
    yield Case(
        "allowed by name",
        API,
        "PUT",
        "/repos/me/demo/pulls/1/merge",
        JSON,
        b'{"merge_method": "squash"}',
        "trusting",
    )
    yield Case("allowed by name", API, "PUT", "/repos/me/demo/pulls/1/merge", [], b"", "trusting")
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/repos/me/demo/pulls/1/reviews",
        JSON,
        b'{"event": "APPROVE"}',
        "trusting",
    )
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/repos/me/demo/releases",
        JSON,
        b'{"tag_name": "v1"}',
        "trusting",
    )
    yield Case(
        "allowed by name",
        UPLOADS,
        "POST",
        "/repos/me/demo/releases/1/assets?name=a.tar.gz",
        [("content-type", "application/gzip")],
        b"\x1f\x8b..",
        "trusting",
    )
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/gists",
        JSON,
        b'{"files": {"a": {"content": "b"}}}',
        "trusting",
    )
    for name in ("mergePullRequest", "enablePullRequestAutoMerge"):
        body = {
            "query": f"mutation($i: I!){{{name}(input: $i){{clientMutationId}}}}",
            "variables": {"i": {"pullRequestId": "PR_1"}},
        }
        yield Case(
            "allowed by name", API, "POST", "/graphql", JSON, json.dumps(body).encode(), "trusting"
        )
    contents = {"message": "m", "content": "eA==", "branch": "agent/one"}
    yield Case(
        "allowed by name",
        API,
        "PUT",
        "/repos/me/demo/contents/a.txt",
        JSON,
        json.dumps(contents).encode(),
        "wide",
    )
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/repos/me/demo/git/refs",
        JSON,
        json.dumps({"ref": "refs/heads/agent/two", "sha": "1" * 40}).encode(),
        "wide",
    )
    yield Case(
        "allowed by name",
        API,
        "PATCH",
        "/repos/me/demo/git/refs/heads/agent/one",
        JSON,
        json.dumps({"sha": "1" * 40}).encode(),
        "wide",
    )
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/graphql",
        JSON,
        json.dumps(
            {
                "query": "mutation($i: AddCommentInput!){addComment(input: $i){clientMutationId}}",
                "variables": {"i": {"subjectId": "R_good", "body": TEXT}},
            }
        ).encode(),
        "narrow",
    )
    commit = {
        "branch": {"repositoryNameWithOwner": "me/demo", "branchName": "agent/one"},
        "message": {"headline": "h"},
        "expectedHeadOid": "1" * 40,
        "fileChanges": {"additions": [{"path": "a", "contents": "eA=="}]},
    }
    query = "mutation($input: CreateCommitOnBranchInput!){createCommitOnBranch(input: $input){commit{url}}}"
    yield Case(
        "allowed by name",
        API,
        "POST",
        "/graphql",
        JSON,
        json.dumps({"query": query, "variables": {"input": commit}}).encode(),
        "wide",
    )


def requests():
    yield from reads()
    yield from writes()
    yield from git()
    yield from asked_for()
