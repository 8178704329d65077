"""What a request to GitHub does: paths, the REST API, and the web host."""

import unittest

from guarded import GuardCase, guard, operations


class Rest(GuardCase):
    def test_reading_passes(self):
        for target in (
            "/", "/user", "/repos/o/r", "/repos/o/r/git/ref/heads%2Ffeature",
            "/repos/o/r/contents/dir%20a/file.txt?ref=main", "/repos/o/r/compare/a...b",
            "/repos/o/r/branches/feature%2Fx", "/repos/o/r/labels/good%20first%20issue",
            "/search/issues?q=is%3Apr+merge&per_page=10", "/repos/o/r/pulls/1/merge",
            "/repos/o/r/contents/%C3%BCbersicht.md", "/graphql", "/repositories/1/pulls",
            "/repos/o/r/branches/fix%2F%231", "/repos/octokit/graphql",
        ):  # fmt: skip
            self.passes("read", "GET", target)
            self.passes("read", "HEAD", target)

    def test_pull_requests_and_issues(self):
        self.passes("pr-write", "POST", "/repos/o/r/pulls", b'{"title":"merge","head":"x"}')
        self.passes("pr-write", "PATCH", "/repos/o/r/pulls/1", b'{"state":"closed"}')
        self.passes("pr-write", "POST", "/repos/o/r/pulls/1/reviews", b'{"event":"COMMENT"}')
        self.passes("issue-write", "POST", "/repos/o/r/issues", b'{"title":"a"}')
        self.passes("issue-write", "POST", "/repos/o/r/issues/1/labels", b'["bug"]')
        self.passes("issue-write", "DELETE", "/repos/o/r/issues/1/labels/good%20first%20issue")
        self.passes("read", "POST", "/markdown", b'{"text":"a"}')

    def test_merging_is_refused(self):
        for target in ("/repos/o/r/pulls/1/merge", "/repositories/12/pulls/1/merge"):
            self.refused("operation", "PUT", target, b"{}", operation="pr-merge")
            self.refused("operation", "PUT", target + "/", operation="pr-merge")
            self.refused("operation", "PUT", target + "?a=b", operation="pr-merge")
            self.refused("operation", "PUT", target.upper(), operation="pr-merge")
            self.refused("operation", "PUT", target.replace("merge", "%6derge"))
            self.refused("operation", "PUT", target + ".json", operation="pr-merge")
        self.refused("path", "PUT", "/repos/o/r//pulls/1/merge")
        self.refused("path", "PUT", "/repos/o/r/pulls/1/x/../merge")
        self.refused("path", "PUT", "/repos/o/r/pulls/1/%256derge")


if __name__ == "__main__":
    unittest.main()
