"""What a request to GitHub does: paths, the REST API, and the web host."""

import gzip
import json
import time
import unittest
import zlib

from guarded import GuardCase, guard, operations

REPOSITORY = "/repos/o/r"
MERGE = REPOSITORY + "/pulls/1/merge"


class CleanPaths(unittest.TestCase):
    def test_one_reading(self):
        for target, segments in (
            ("/", []), ("/a", ["a"]), ("/a/", ["a"]), ("/a/b?c=/../d", ["a", "b"]),
            ("/%61/b", ["a", "b"]), ("/a%20b", ["a b"]), ("/a...b", ["a...b"]), ("/.a", [".a"]),
            ("/%C3%BC", ["ü"]), ("/a%2Bb+c", ["a+b+c"]), ("/100%25", ["100%"]), ("/@a:b", ["@a:b"]),
            (b"/a/b", ["a", "b"]), ("/%E6%97%A5", ["日"]), ("/~a/$b/c=d", ["~a", "$b", "c=d"]),
        ):  # fmt: skip
            self.assertEqual(operations.clean_path(target), segments, target)

    def test_two_readings(self):
        for target in (
            "", "a", "*", "//", "/a//b", "//a", "/a//", "/./a", "/a/.", "/a/..", "/../a", "/a/../b",
            "/%2e/a", "/a/%2e%2e/b", "/a/.%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/%2f",
            "/a;b", "/a%3bb", "/a;b/c", "/a%00", "/a%00b", "/a%0a", "/a%0d%0a", "/a%09b", "/a%7f",
            "/a%20", "/%20a", "/a%20/b", "/a.", "/a./b", "/a%2e", "/a%252fb", "/%2561", "/a%25%32%46",
            "/a%3fb", "/a%23b", "/a#b", "/a%", "/a%2", "/a%zz", "/a%u002f", "/a%c0%af", "/a%c1%9c",
            "/a%e0%80%af", "/%ff", "/a%ed%a0%80", "/%f4%90%80%80", "/%EF%BD%8Derge", "/a%E2%81%84b",
            "/%EF%BC%8F", "/a%E2%80%8Bb", "/%EF%BB%BFa", "/a%C2%A0", "/a%E2%80%A8", "/%E2%84%AA",
            "/%C5%BF", "/a%C2%AD", "/ü", "/a b", "/a\tb", "/a\n", "/a\0", "/a\x7f", "http://h/a",
            "/a%E3%80%80b", "/a::$DATA", "/%EF%BC%85", "/a%EF%BC%8E", "/a%E2%80%AE", b"/\xff",
            "/a/%2e%2e%2fb", "/a%2f..%2fb", "/a%2f", "/a%2f%2fb",
        ):  # fmt: skip
            self.assertIsNone(operations.clean_path(target), target)


class Templates(unittest.TestCase):
    def matches(self, templates, target):
        return operations.Paths(templates).match(target)

    def test_match(self):
        for template, target in (
            ("/", "/"), ("/**", "/"), ("/**", "/a/b"), ("/v2/**", "/v2"), ("/v2/**", "/v2/"),
            ("/v2/*/manifests/**", "/v2/a/manifests/1"), ("/a/*.tgz", "/a/b.tgz"), ("/a", "/a?b=c"),
            ("/a/*", "/a/b/"), ("/a/*", "/a/%62"), ("/a/*-*.whl", "/a/b-c-d.whl"), ("/*", "/a"),
            ("/@a%2fb", "/@a%2Fb"), ("/@a%2f*", "/@a%2Fb"), ("/a%20b", "/a%20b"), ("/a+b", "/a+b"),
        ):  # fmt: skip
            self.assertTrue(self.matches([template], target), (template, target))

    def test_no_match(self):
        for template, target in (
            ("/", "/a"), ("/*", "/"), ("/a/*", "/a"), ("/a/*", "/a/b/c"), ("/a", "/A"), ("/a", "/ab"),
            ("/a/**", "/b/../a/c"), ("/a/**", "/a/../b"), ("/a/**", "/a/%2e%2e/b"), ("/a.b", "/axb"),
            ("/a/**", "/a/b%2f..%2f..%2fc"), ("/a/**", "/a/b%2fc"), ("/a/*", "/a/b%2fc"),
            ("/a*", "/a%2Fb"), ("/a/**", "/a//b"), ("/a/**", "/a;/b"), ("/a/**", "/a/b%23"),
            ("/a/**", "/a/b%00"), ("/a/**", "/a/%ff"), ("/**", "*"), ("/**", ""), ("/**", "//"),
            ("/a/*/c", "/a//c"), ("/a", "/a%20"), ("/a", "/a."), ("/a", "/%2561"),
        ):  # fmt: skip
            self.assertFalse(self.matches([template], target), (template, target))

    def test_wrong_templates(self):
        for template in ("", "a", "a/b", "/a//b", "/**/a", "/a**", "/a/b**", 1, None):
            with self.assertRaises(ValueError):
                operations.Paths([template])

    def test_many_stars_are_no_burden(self):
        start = time.process_time()
        self.assertFalse(self.matches(["/" + "*a" * 12 + "b"], "/" + "a" * 60))
        self.assertLess(time.process_time() - start, 2)


class Policies(unittest.TestCase):
    def test_wrong_ones(self):
        from guarded import policy

        for change in (
            {"hosts": []}, {"hosts": "github.com"}, {"hosts": [1]}, {"nodes": None},
            {"branches": "*"}, {"protected": [""]}, {"repositories": ["me"]},
            {"repositories": ["a/b/c"]}, {"repositories": "me/*"}, {"repositories": ["/x"]},
            {"operations": {}}, {"operations": {"pr-merge": "allow"}}, {"operations": None},
        ):  # fmt: skip
            with self.assertRaises(ValueError, msg=change):
                operations.Guard({**policy(), **change})
        for name in policy():
            table = policy()
            del table[name]
            if name != "addresses":
                with self.assertRaises(ValueError, msg=name):
                    operations.Guard(table)
        table = policy()
        table["operations"]["pr-merge"] = "maybe"
        with self.assertRaises(ValueError):
            operations.Guard(table)
        table["operations"]["pr-merge"], table["operations"]["more"] = "allow", "allow"
        with self.assertRaises(ValueError):
            operations.Guard(table)

    def test_hosts(self):
        by = guard()
        for host in (
            "github.com", "api.github.com", "uploads.github.com", "corp.ghe.com",
            "api.corp.ghe.com", "uploads.corp.ghe.com", "git.corp.example",
        ):  # fmt: skip
            self.assertTrue(by.covers(host), host)
        for host in ("gist.github.com", "example.org", "other.ghe.com", "api.git.corp.example", ""):
            self.assertFalse(by.covers(host), host)


class Reading(GuardCase):
    def test_passes(self):
        for target in (
            "/", "/user", "/repos/o/r", "/repos/o/r/git/ref/heads%2Ffeature",
            "/repos/o/r/contents/dir%20a/file.txt?ref=main", "/repos/o/r/compare/a...b",
            "/repos/o/r/branches/feature%2Fx", "/repos/o/r/labels/good%20first%20issue",
            "/search/issues?q=is%3Apr+merge&per_page=10", "/repos/o/r/pulls/1/merge",
            "/repos/o/r/contents/%C3%BCbersicht.md", "/graphql", "/repositories/1/pulls",
            "/repos/o/r/branches/fix%2F%231", "/repos/octokit/graphql", "/repos/o/r/labels/c%23",
            "/repos/o/r/compare/main...o:feature%2Fx", "/search/code?q=method%3APUT+repo:o/r",
            "/repos/o/r/contents/docs/graphql?ref=x", "/repos/o/r/issues?labels=a%2Cb&state=all",
            "/notifications?since=2024-01-01T00:00:00Z", "/users/a/repos?type=owner&sort=updated",
        ):  # fmt: skip
            for method in ("GET", "HEAD", "OPTIONS"):
                self.assertEqual(self.passes("read", method, target).limit, 0)
        self.passes("read", "GET", "/api/v3/repos/o/r/pulls", host="git.corp.example")
        self.passes("read", "GET", "/o/r/info/refs?service=git-upload-pack", host="github.com")
        self.passes("read", "GET", "/o/r.git/info/refs?service=git-receive-pack", host="github.com")
        self.passes("read", "GET", "/o/r/archive/refs/heads/a%2Fb.tar.gz", host="github.com")
        self.passes("read", "GET", "/o/r/raw/main/a.txt", host="github.com")
        self.passes("read", "GET", "/o/r/info/lfs/locks?refspec=x", host="github.com")

    def test_a_write_in_disguise(self):
        for headers in (
            {"x_http_method_override": "PUT"}, {"X_HTTP_Method": "PUT"}, {"x_method_override": "PUT"},
            {"x-http-method-override": "PUT"}, {"x-original-url": MERGE}, {"x-rewrite-url": MERGE},
            {"x-forwarded-path": MERGE}, {"upgrade": "h2c"}, {"http2-settings": "x"},
            {"content-length": "1"}, {"content-length": "00001"}, {"transfer-encoding": "chunked"},
            {"x-forwarded-host": "x"}, {"forwarded": "host=x"}, {"content-range": "bytes 0-1/2"},
            {"Content_Length": "5"}, {"x-original-uri": MERGE}, {"x-http-method": "PUT"},
        ):  # fmt: skip
            self.refused("unclear", "GET", MERGE, **headers)
        for query in (
            "_method=PUT", "a=b&_method=PUT", "a=b;_method=PUT", "%5fmethod=PUT", "_METHOD=put",
            "%255fmethod=PUT", "a=b%26_method=PUT", "_method%3DPUT", "x-http-method-override=PUT",
            "method=PUT", "http_method=PUT", "_method[]=PUT", "+_method=PUT", "_method",
            "a=%2526_method%253DPUT", "%EF%BC%BFmethod=PUT", "_m%65thod=PUT",
        ):  # fmt: skip
            self.refused("unclear", "GET", f"{MERGE}?{query}")
            self.refused("unclear", "POST", f"{REPOSITORY}/issues?{query}", b"{}")
        for target in ("/graphql?query={viewer{login}}", "/graphql?x", "/graphql/?query=mutation"):
            self.refused("unclear", "GET", target)
        for target in ("/api/graphql?query=x", "/api%2Fgraphql?query=x", "/GraphQL?query=x"):
            self.refused("unclear", "GET", target, host="git.corp.example")
            self.refused("unclear", "GET", target)
        self.refused("unclear", "GET", "/graphql%23?query=x")
        for method in ("get", "Put", "TRACE", "CONNECT", "PROPFIND", "LINK", "", "GET ", "X", "MERGE"):
            self.refused("unclear", method, REPOSITORY)

    def test_paths_with_two_readings(self):
        for target in ("/repos//o", "/repos/../x", "/a/%2e%2e/b", "/a\\b", "/a;b", "/a%00", "/a%252f"):
            self.refused("path", "GET", target)


class Rest(GuardCase):
    def test_pull_requests_and_issues(self):
        for method, path, body in (
            ("POST", "/pulls", b'{"title":"merge","head":"x","base":"main"}'),
            ("PATCH", "/pulls/1", b'{"state":"closed"}'),
            ("POST", "/pulls/1/reviews", b'{"event":"COMMENT","body":"APPROVE"}'),
            ("POST", "/pulls/1/reviews", b'{"body":"x"}'), ("POST", "/pulls/1/reviews", b""),
            ("POST", "/pulls/1/reviews/2/events", b'{"event":"REQUEST_CHANGES"}'),
            ("POST", "/pulls/1/comments", b'{"body":"x"}'), ("DELETE", "/pulls/comments/1", b""),
            ("POST", "/pulls/1/requested_reviewers", b'{"reviewers":["x"]}'),
        ):  # fmt: skip
            self.passes("pr-write", method, REPOSITORY + path, body)
        for method, path, body in (
            ("POST", "/issues", b'{"title":"a","body":"mergePullRequest _method=PUT"}'),
            ("POST", "/issues/1/labels", b'["bug"]'), ("PATCH", "/issues/1", b'{"state":"closed"}'),
            ("DELETE", "/issues/1/labels/good%20first%20issue", b""), ("POST", "/labels", b'{"name":"x"}'),
            ("POST", "/issues/1/comments", b'{"body":"a & b; c=d"}'), ("PUT", "/issues/1/lock", b""),
            ("DELETE", "/issues/1/labels/%E6%97%A5", b""),
        ):  # fmt: skip
            self.passes("issue-write", method, REPOSITORY + path, body)
            self.passes("issue-write", method, "/repositories/1" + path, body)
            self.passes("issue-write", method, "/api/v3" + REPOSITORY + path, body,
                        host="git.corp.example")  # fmt: skip
        self.passes("read", "POST", "/markdown", b'{"text":"a"}')
        self.passes("read", "POST", "/markdown/raw", b"a", content_type="text/plain")

    def test_each_operation(self):
        for operation, method, path in (
            ("pr-merge", "PUT", "/pulls/1/merge"), ("pr-merge", "POST", "/pulls/1/merge"),
            ("pr-approve", "PUT", "/pulls/1/reviews/2/dismissals"), ("branch-merge", "POST", "/merges"), ("branch-merge", "POST", "/merge-upstream"),
            ("branch-merge", "PUT", "/pulls/1/update-branch"), ("ref-update", "POST", "/git/refs"),
            ("ref-update", "PATCH", "/git/refs/heads/x"), ("delete-ref", "DELETE", "/git/refs/heads/x"),
            ("ref-update", "PATCH", "/git/refs/heads%2Fx"), ("contents-write", "PUT", "/contents/a/b"),
            ("contents-write", "DELETE", "/contents/a"), ("contents-write", "POST", "/git/blobs"),
            ("contents-write", "POST", "/git/trees"), ("contents-write", "POST", "/git/commits"),
            ("contents-write", "POST", "/git/tags"), ("workflow-dispatch", "POST", "/dispatches"),
            ("workflow-dispatch", "POST", "/actions/workflows/x.yml/dispatches"),
            ("workflow-dispatch", "PUT", "/actions/workflows/1/enable"),
            ("workflow-dispatch", "POST", "/actions/runs/1/rerun"),
            ("workflow-dispatch", "POST", "/actions/runs/1/cancel"),
            ("workflow-dispatch", "POST", "/actions/runs/1/pending_deployments"),
            ("workflow-dispatch", "POST", "/check-suites/1/rerequest"), ("release", "POST", "/releases"),
            ("release", "DELETE", "/releases/assets/1"), ("release", "POST", "/releases/1/assets?name=a"),
            ("settings", "DELETE", ""), ("settings", "PATCH", ""), ("settings", "POST", "/hooks"),
            ("settings", "PUT", "/branches/main/protection"), ("settings", "POST", "/rulesets"),
            ("settings", "PUT", "/collaborators/x"), ("settings", "POST", "/keys"),
            ("settings", "PUT", "/actions/secrets/X"), ("settings", "POST", "/actions/variables"),
            ("settings", "PUT", "/environments/x"), ("settings", "POST", "/forks"),
            ("settings", "POST", "/transfer"), ("settings", "PUT", "/topics"), ("settings", "POST", "/pages"),
            ("settings", "POST", "/branches/main/rename"), ("settings", "POST", "/generate"),
            ("other-writes", "POST", "/statuses/x"), ("other-writes", "POST", "/check-runs"),
            ("other-writes", "POST", "/deployments"), ("other-writes", "POST", "/new-thing"),
            ("other-writes", "DELETE", "/actions/runs/1"), ("other-writes", "PUT", "/subscription"),
        ):  # fmt: skip
            self.refused("operation", method, REPOSITORY + path, operation=operation)
            self.refused("operation", method, "/repositories/9" + path, operation=operation)
            self.refused("operation", method, "/api/v3" + REPOSITORY + path, operation=operation,
                         host="git.corp.example")  # fmt: skip
            if "?" not in path:
                self.refused("operation", method, REPOSITORY + path + "/", operation=operation)
        for operation, method, path in (
            ("gist", "POST", "/gists"), ("gist", "PATCH", "/gists/1"), ("settings", "POST", "/user/repos"),
            ("settings", "POST", "/orgs/o/repos"), ("settings", "POST", "/user/keys"),
            ("settings", "PATCH", "/orgs/o"), ("settings", "PUT", "/orgs/o/actions/secrets/X"),
            ("other-writes", "PUT", "/notifications"), ("other-writes", "PUT", "/user/starred/o/r"),
            ("other-writes", "POST", "/"), ("other-writes", "POST", "/repos"),
        ):  # fmt: skip
            self.refused("operation", method, path, operation=operation)

    def test_spellings_of_merging(self):
        for target in (
            MERGE, MERGE + "/", MERGE + "?a=b", MERGE.upper(), MERGE.replace("m", "%6d"), MERGE + ".json",
            MERGE.replace("/pulls", "/%70ulls"), MERGE + "/x", MERGE.replace("/1/", "/1%2F"), MERGE + "+",
            MERGE.upper() + ".JSON", MERGE + "..json", MERGE + ".xml.json", MERGE + "/+", MERGE.replace("/1/", "/1/+/"), MERGE.replace("/1/", "/1++/"),
        ):  # fmt: skip
            self.refused("operation", "PUT", target, b"{}")
            self.refused("operation", "PUT", target, by=guard(other_writes="allow"), operation="pr-merge")
        for target in (
            "//repos/o/r/pulls/1/merge", "/repos/o/r//pulls/1/merge", MERGE + "//", MERGE + "/.",
            MERGE + "/x/..", MERGE + "%00", MERGE + "%20", MERGE + ";x", MERGE + "%3bx", MERGE + ".",
            MERGE.replace("merge", "%256derge"), MERGE + "%3f", MERGE + "%23", MERGE + "#",
            MERGE.replace("/1/", "\\1\\"), MERGE.replace("/1/", "%5c1%5c"), MERGE + "%2f",
            MERGE.replace("merge", "m%C3%A9rge%EF%BC%8E"), MERGE.replace("m", "%EF%BD%8D"),
            "/repos/o/r/issues/..+/pulls/1/merge", "/repos/o/r/issues/+..+/pulls/1/merge",
            "/repos/o/r/issues/../pulls/1/merge", "/repos/o/r/issues/%2e%2e/pulls/1/merge",
        ):  # fmt: skip
            self.refused("path", "PUT", target, by=guard(other_writes="allow"))
        self.refused("operation", "PUT", MERGE.replace("merge", "m%C3%A9rge"),
                     by=guard(other_writes="allow"), operation="pr-merge")  # fmt: skip

    def test_approving(self):
        for event in ("APPROVE", "approve", "Approve", " APPROVE", "APPROVE ", "X", 1, True, ["APPROVE"]):
            body = json.dumps({"event": event}).encode()
            self.refused("operation", "POST", REPOSITORY + "/pulls/1/reviews", body, operation="pr-approve")
            target = REPOSITORY + "/pulls/1/reviews/2/events"
            self.refused("operation", "POST", target, body, operation="pr-approve")
        target = REPOSITORY + "/pulls/1/reviews"
        for body in (
            b'{"event":"COMMENT","event":"APPROVE"}', b'{"event":"COMMENT","Event":"APPROVE"}',
            b'{"EVENT":"APPROVE"}', b'{"event":"COMMENT","\\u0065vent":"APPROVE"}', b'{"event ":"APPROVE"}',
            b'["APPROVE"]', b'"APPROVE"', b'event=APPROVE', b'{"event":"COMMENT"}{"event":"APPROVE"}',
            b'\xef\xbb\xbf{"event":"COMMENT"}', '{"event":"COMMENT"}'.encode("utf-16"),
            '{"event":"COMMENT"}'.encode("utf-32"), b'{"event":"COMMENT","a":"\xff"}', b"{'event':1}",
            b'{"event":"COMMENT",}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\\ud800"}', b'{"a":"\n"}',
            b"[" * 100000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"_method":"PUT"}', b'{"a":1e999999}x',
            b'{"\xc5\xbfvent":1,"\xef\xbd\x85vent":"APPROVE"}', gzip.compress(b"{}"), b"{", b"\0", b"1" * 9999,
        ):  # fmt: skip
            self.refused("unclear", "POST", target, body)
        self.refused("unclear", "POST", target + "?event=APPROVE", b'{"event":"COMMENT"}')
        self.passes("pr-approve", "POST", target, b'{"event":"APPROVE"}', by=guard(pr_approve="allow"))

    def test_content_types(self):
        target, body = REPOSITORY + "/issues", b'{"title":"a=b"}'
        for kind in (
            "application/json; charset=utf-8", "application/vnd.github.v3+json", "text/plain",
            "application/x-www-form-urlencoded", None, "APPLICATION/JSON", "application/vnd.github+json",
        ):  # fmt: skip
            self.passes("issue-write", "POST", target, body, content_type=kind)
        for kind in (
            "multipart/form-data; boundary=x", "application/xml", "text/html", "x", "application/json, a/b",
            "application/json; charset=utf-16", "application/json;charset=utf-7", "application/jsonx",
        ):  # fmt: skip
            self.refused("unclear", "POST", target, body, content_type=kind)
        form = "application/x-www-form-urlencoded"
        for body in (b"title=a", b'{"a":"&_method=PUT&"}', b'{"a":"&event=APPROVE&"}', b'{"a":";_method=PUT;"}',
                     b'{"a":"&_m%65thod=PUT"}'):  # fmt: skip
            self.refused("unclear", "POST", target, body, content_type=form)
        doubled = [(b"content-type", b"application/json"), (b"Content_Type", form.encode())]
        self.assertEqual(self.guard.begin("api.github.com", "POST", target, doubled).reason, "unclear")

    def test_codings(self):
        target, body = REPOSITORY + "/issues", b'{"title":"a"}'
        packed = gzip.compress(body)
        self.passes("issue-write", "POST", target, packed, content_encoding="gzip")
        self.passes("issue-write", "POST", target, zlib.compress(body), content_encoding="deflate")
        self.passes("issue-write", "POST", target, body, content_encoding="identity")
        for coding, data in (
            ("gzip", body), ("gzip", packed[:-1]), ("gzip", packed + b"x"), ("gzip", packed * 2), ("br", body),
            ("gzip", gzip.compress(packed)), ("deflate", packed), ("zstd", body), ("gzip, gzip", packed),
            ("identity", packed), ("deflate", zlib.compress(body)[2:-4]), ("compress", body), ("", packed),
            ("gzip,", packed), ("x", body), ("gzip", gzip.compress(b"a" * (64 << 20))), ("gzip", packed[:12]),
        ):  # fmt: skip
            start = time.process_time()
            self.refused("unclear", "POST", target, data, content_encoding=coding)
            self.assertLess(time.process_time() - start, 1)

    def test_length(self):
        target = REPOSITORY + "/issues"
        verdict = self.ask("POST", target, content_length="1048577")
        self.assertEqual((verdict.kind, verdict.reason), ("refuse", "unclear"))
        self.refused("unclear", "POST", target, content_length="x")
        verdict = self.guard.begin("api.github.com", "POST", target, [])
        self.assertEqual((verdict.kind, verdict.limit), ("body", 1 << 20))
        body = b'{"title":"' + b"a" * (1 << 20) + b'"}'
        self.assertEqual(self.guard.body(verdict, [], body).reason, "unclear")

    def test_branches(self):
        by = guard(contents_write="allow", ref_update="allow", delete_ref="allow")
        target = REPOSITORY + "/contents/a.txt"
        self.passes("contents-write", "PUT", target, b'{"branch":"x","content":""}', by=by)
        self.passes("contents-write", "DELETE", target + "?branch=x&sha=1", by=by)
        self.passes("contents-write", "POST", REPOSITORY + "/git/trees", b"{}", by=by)
        for body in (
            b"{}", b"", b'{"branch":"main"}', b'{"branch":"refs/heads/main"}', b'{"branch":"MAIN"}',
            b'{"branch":""}', b'{"branch":null}', b'{"branch":["x"]}', b'{"branch":"release/1"}',
            b'{"branch":"HEAD"}', b'{"branch":"@"}', b'{"branch":"heads/main"}', b'{"branch":"refs/tags/x"}', b'{"branch":"x "}', b'{"branch":"a b"}',
        ):  # fmt: skip
            self.refused("branch", "PUT", target, body, by=by, operation="contents-write")
        self.refused("unclear", "PUT", target + "?branch=main", b'{"branch":"x"}', by=by)
        self.refused("unclear", "PUT", target, b'{"branch":"x","Branch":"main"}', by=by)
        for query in ("?branch=main", "", "?branch=x&branch=main", "?branch=x;Branch=main"):
            self.refused("branch", "DELETE", target + query, by=by)
        self.refused("branch", "DELETE", target + "?branch=x", b'{"branch":"main"}', by=by)
        self.passes("ref-update", "POST", REPOSITORY + "/git/refs", b'{"ref":"refs/heads/x"}', by=by)
        for body in (b"{}", b'{"ref":"refs/heads/main"}', b'{"ref":"main"}', b'{"ref":"refs/tags/v1"}', b'{"ref":1}'):
            self.refused("branch", "POST", REPOSITORY + "/git/refs", body, by=by)
        for path, good in (
            ("heads/x", True), ("heads%2Fx", True), ("heads/a/b", True), ("heads/main", False),
            ("heads%2Fmain", False), ("Heads/main", False), ("heads/MAIN", False), ("tags/x", False),
            ("refs/heads/main", False), ("heads/main.json", False), ("main", False), ("heads/m%61in", False),
        ):  # fmt: skip
            for method, body in (("PATCH", b'{"sha":"1"}'), ("DELETE", b"")):
                target = REPOSITORY + "/git/refs/" + path
                verdict = self.ask(method, target, body, by=by)
                self.assertEqual(verdict.kind, "allow" if good else "refuse", (target, verdict))
        target = REPOSITORY + "/git/refs/heads/x"
        for force in (b"true", b"1", b'"true"', b'"false"', b"null", b"[]"):
            self.refused("operation", "PATCH", target, b'{"force":%s}' % force, by=by, operation="force-push")
        self.passes("ref-update", "PATCH", target, b'{"force":false}', by=by)
        self.refused("branch", "PATCH", target, b'{"ref":"refs/heads/main"}', by=by)

    def test_a_deployment_merges(self):
        by, target = guard(other_writes="allow"), REPOSITORY + "/deployments"
        for body in (b'{"ref":"x"}', b"", b'{"auto_merge":true}', b'{"auto_merge":null}', b'{"auto_merge":"false"}'):
            self.refused("operation", "POST", target, body, by=by, operation="branch-merge")
        self.passes("other-writes", "POST", target, b'{"auto_merge":false}', by=by)
        self.refused("unclear", "POST", target, b'{"auto_merge":false,"Auto_merge":true}', by=by)

    def test_repositories(self):
        by = guard(repositories=["me/*", "org/shared-*"], gist="allow", settings="allow", other_writes="allow")
        for name in ("me/x", "ME/X", "org/shared-a", "Org/Shared-b", "me/x.git"):
            self.passes("issue-write", "POST", f"/repos/{name}/issues", b"{}", by=by)
        for name in ("you/x", "org/x", "me2/x", "org/xshared-a", "x/me"):
            self.refused("repository", "POST", f"/repos/{name}/issues", b"{}", by=by)
        for method, target in (
            ("POST", "/repositories/1/issues"), ("POST", "/user/repos"), ("PUT", "/notifications"),
            ("POST", "/repos/me/x/generate"), ("DELETE", "/repos/you/x"), ("POST", "/orgs/me/repos"),
        ):  # fmt: skip
            self.refused("repository", method, target, b"{}", by=by)
        self.passes("gist", "POST", "/gists", b"{}", by=by)
        self.passes("read", "POST", "/markdown", b"{}", by=by)
        self.passes("read", "GET", "/repos/you/x", by=by)
        for name in ("me%2Fx/y", "me/x%20y", "me/%C3%BC", "me%2F..%2Fyou/x", "m%C3%A9/x", "me/x;y"):
            self.refused("path", "POST", f"/repos/{name}/issues", b"{}", by=by)

    def test_what_is_allowed_passes(self):
        for name, method, path, body in (
            ("pr-merge", "PUT", "/pulls/1/merge", b"{}"), ("branch-merge", "POST", "/merges", b"{}"),
            ("workflow-dispatch", "POST", "/dispatches", b"{}"), ("settings", "PATCH", "", b"{}"),
            ("release", "POST", "/releases", b"{}"), ("other-writes", "POST", "/statuses/x", b"{}"),
        ):  # fmt: skip
            by = guard(**{name.replace("-", "_"): "allow"})
            self.passes(name, method, REPOSITORY + path, body, by=by)
        by = guard(release="allow")
        verdict = self.ask("POST", REPOSITORY + "/releases/1/assets?name=a.zip", b"PK\3\4", by=by,
                           host="uploads.github.com", content_type="application/zip")  # fmt: skip
        self.assertEqual(verdict.kind, "allow")
        self.refused("unclear", "POST", REPOSITORY + "/releases/1/assets", b"x", by=by,
                     content_type="multipart/form-data")  # fmt: skip


class Web(GuardCase):
    def web(self, check, what, method, target, body=b"", **more):
        return check(what, method, target, body, host="github.com", **more)

    def test_git(self):
        kind = "application/x-git-upload-pack-request"
        for target in ("/o/r.git/git-upload-pack", "/o/r/git-upload-pack", "/O/R/git-upload-pack", "/graphql/r/git-upload-pack"):
            self.web(self.passes, "read", "POST", target, content_type=kind)
            self.web(self.passes, "read", "POST", target, content_type=kind, content_encoding="gzip",
                     git_protocol="version=2")  # fmt: skip
        for target, more in (
            ("/o/r/git-upload-pack", {}), ("/o/r/git-upload-pack?x", {"content_type": kind}),
            ("/o/r/git-upload-pack", {"content_type": "application/x-www-form-urlencoded"}),
            ("/o/r/git-upload-pack", {"content_type": kind, "content_encoding": "br"}),
        ):  # fmt: skip
            self.web(self.refused, "unclear", "POST", target, **more)
        for target in ("/git-upload-pack", "/o/git-upload-pack", "/o/r/x/git-upload-pack"):
            self.web(self.refused, "path", "POST", target, content_type=kind)
        self.refused("operation", "POST", "/o/r/git-upload-pack", content_type=kind)
        self.refused("path", "POST", "/o/r/git-receive-pack")
        kind = "application/x-git-receive-pack-request"
        verdict = self.ask("POST", "/o/r.git/git-receive-pack", host="github.com", content_type=kind)
        self.assertEqual((verdict.kind, verdict.operation), ("push", "push"))
        for target, more in (
            ("/o/r/git-receive-pack", {}), ("/o/r/git-receive-pack?x=y", {"content_type": kind}),
            ("/o/r/git-receive-pack", {"content_type": kind, "content_encoding": "gzip"}),
            ("/o/r/git-receive-pack", {"content_type": kind, "git_protocol": "version=2"}),
            ("/o/r/git-receive-pack", {"content_type": "application/json"}),
        ):  # fmt: skip
            self.web(self.refused, "unclear", "POST", target, **more)
        for target in (
            "/o//r/git-receive-pack", "/o/r/x/git-receive-pack", "/o/r%2Fgit-receive-pack", "/x/git-receive-pack",
            "/o/../r/git-receive-pack", "/%6f/r/git-receive-pack", "/o/r/%67it-receive-pack",
            "/o/r.git/git-receive-pack.json", "/o/%C3%BC/git-receive-pack",
        ):  # fmt: skip
            verdict = self.ask("POST", target, host="github.com", content_type=kind)
            self.assertEqual(verdict.kind, "refuse", target)
        self.web(self.refused, "operation", "POST", "/o/r/GIT-RECEIVE-PACK", content_type=kind)
        self.web(self.refused, "operation", "PUT", "/o/r/git-receive-pack", content_type=kind)

    def test_large_files(self):
        target, kind = "/o/r.git/info/lfs/objects/batch", "application/vnd.git-lfs+json"
        down, up = b'{"operation":"download"}', b'{"operation":"upload"}'
        self.web(self.passes, "read", "POST", target, down, content_type=kind)
        self.web(self.passes, "push", "POST", target, up, content_type=kind)
        self.web(self.passes, "read", "POST", "/o/r/info/lfs/locks/verify", b"{}", content_type=kind)
        self.web(self.passes, "push", "POST", "/o/r/info/lfs/locks/1/unlock", b"{}", content_type=kind)
        for method, end in (("PATCH", "locks"), ("DELETE", "locks/1"), ("PUT", "objects/batch"), ("POST", "x")):
            self.web(self.refused, "operation", method, f"/o/r/info/lfs/{end}", b"{}", operation="other-writes")
        by = guard(push="refuse")
        self.web(self.passes, "read", "POST", target, down, by=by, content_type=kind)
        self.web(self.refused, "operation", "POST", target, up, by=by, content_type=kind)
        self.web(self.refused, "operation", "POST", "/o/r/info/lfs/locks", b"{}", by=by, content_type=kind)
        by = guard(repositories=["me/*"])
        self.web(self.refused, "repository", "POST", target, up, by=by, content_type=kind)
        self.web(self.passes, "read", "POST", target, down, by=by, content_type=kind)
        for body in (b"", b"{}", b"[]", b'{"operation":"Upload"}', b'{"operation":"download","Operation":"upload"}'):
            self.web(self.refused, "unclear", "POST", target, body, content_type=kind)

    def test_pages(self):
        for operation, target in (
            ("pr-merge", "/o/r/pull/1/merge"), ("auto-merge", "/o/r/pull/1/auto_merge"),
            ("settings", "/o/r/settings"), ("contents-write", "/o/r/edit/main/a"), ("other-writes", "/session"),
            ("contents-write", "/o/r/create/main"), ("release", "/o/r/releases"), ("other-writes", "/"),
            ("other-writes", "/login/oauth/access_token"), ("ref-update", "/o/r/branches"),
        ):  # fmt: skip
            self.web(self.refused, "operation", "POST", target, b"a=b", operation=operation)
        by, form = guard(other_writes="allow"), "application/x-www-form-urlencoded"
        self.web(self.passes, "other-writes", "POST", "/login/x", b"a=b", by=by, content_type=form)
        self.web(self.refused, "unclear", "POST", "/login/x", b"a=b&_method=PUT", by=by, content_type=form)
        self.web(self.refused, "unclear", "POST", "/login/x", b"a", by=by, content_type="multipart/form-data")
        self.web(self.refused, "operation", "PUT", "/api/v3" + MERGE, by=by, operation="pr-merge")
        self.web(self.refused, "operation", "POST", "/o/r/pull/1/merge", b"", by=by, operation="pr-merge")


if __name__ == "__main__":
    unittest.main()
