"""What filtergen explains of paths and of GitHub is what the filter does."""

import importlib.util
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

from world import FILTERGEN

SEED = int(os.environ.get("CTRKIT_TEST_SEED", time.time_ns()))
HOSTS = ["github.com", "api.github.com", "uploads.github.com", "git.corp.example"]
METHODS = ["GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "PURGE"]
PARTS = ["repos", "me", "you", "x", "x.git", "pulls", "1", "merge", "merge.json", "MERGE", "git"]
PARTS += ["refs", "heads", "main", "graphql", "api", "v3", "info", "lfs", "objects", "batch", "gist"]
PARTS += ["git-receive-pack", "git-upload-pack", "a+b", "x%2Fy", "%2e", "..", "", "a%3Fb", "7", "user"]
# What only a body decides.
BODIES = ["/graphql", "/repos/me/x/pulls/1/reviews", "/repos/me/x/git/refs"]
WEB_BODIES = ["/me/x.git/git-receive-pack", "/me/x.git/info/lfs/objects/batch"]
POLICY = """schema = "policy/1"
[github]
hosts = ["github.com", "git.corp.example"]
"""
SOME = 'repositories = ["me/*"]\n'
WRITES = """[github.operations]
contents-write = "allow"
delete-ref = "allow"
gist = "allow"
issue-write = "refuse"
ref-update = "allow"
release = "allow"
"""


def head_of(target):
    """Return the headers that git sends, or those of the interface."""
    service = target.partition("?")[0].rpartition("/")[2]
    kind = f"x-{service}-request" if service.startswith("git-") else "json"
    return [(b"content-type", f"application/{kind}".encode())]


class Explain(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def filter(self, text):
        """Return the filter of a policy as a module, and the policy in it."""
        path, policy = self.directory / "filter.py", self.directory / "policy.toml"
        policy.write_text(text)
        run = subprocess.run([FILTERGEN, "-p", policy, "--print"], capture_output=True, check=True)
        path.write_bytes(run.stdout)
        spec = importlib.util.spec_from_file_location("filter", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module, module.read_file(path)[1]

    def test_paths_are_read_alike(self):
        filter, _ = self.filter(POLICY)
        vectors = json.loads(pathlib.Path(__file__).with_name("paths.json").read_text())
        self.assertGreater(len(vectors), 100)
        for template, target, expected in vectors:
            found = filter.Paths([template]).match(target)
            if not found and filter.clean_path(target) is None:
                found = "two readings"
            self.assertEqual(found, expected, (template, target))

    def a_request(self, choose, rows):
        """Return a request, often one for which there is a row in the tables."""
        if choose.random() < 0.1:
            return "POST", "api.github.com", choose.choice(BODIES)
        if choose.random() < 0.1:
            return "POST", "github.com", choose.choice(WEB_BODIES)
        if choose.random() < 0.6:
            _, _, _, parts, rest = choose.choice(rows)
            parts = [choose.choice(["me", "you", "x", "1"]) if p == "*" else p for p in parts]
            parts += choose.choices(PARTS, k=choose.randint(0, 2)) if rest else []
            parts = ["api", "v3", *parts] if choose.random() < 0.2 else parts
        else:
            parts = choose.choices(PARTS, k=choose.randint(0, 6))
        target = "/" + "/".join(parts) + choose.choice(["", "", "", "?a=b"])
        return choose.choice(METHODS), choose.choice(HOSTS), target

    def explain(self, requests):
        lines = [f"{method} https://{host}{target}\n" for method, host, target in requests]
        arguments = [FILTERGEN, "-p", self.directory / "policy.toml", "--check", "-"]
        run = subprocess.run(arguments, input="".join(lines), capture_output=True, text=True)
        answers = run.stdout.splitlines()
        self.assertEqual(len(answers), len(requests), run.stderr)
        return answers

    def agree(self, verdict, answer, reason):
        """Say whether an answer fits a verdict on the head. The filter refuses a
        push, and what names no branch, only when it has the body, and looks at
        headers, of which filtergen knows nothing."""
        if verdict.kind == "refuse":
            by_headers = verdict.reason == "unclear" and verdict.operation in ("read", "push", "gist")
            return by_headers or (answer == "refused" and reason == verdict.reason)
        if verdict.kind == "push":
            return answer == "depends" or reason in ("operation", "repository")
        if verdict.kind == "body":
            return answer in ("allowed", "depends") or reason == "branch"
        return answer == "allowed"

    def test_what_is_done_on_github_is_told_alike(self):
        choose, counts = random.Random(SEED), {}
        for text in (POLICY, POLICY + WRITES, POLICY + SOME + WRITES):
            filter, policy = self.filter(text)
            rows = filter.REST_ROWS + filter.WEB_ROWS
            requests = [self.a_request(choose, rows) for _ in range(2000)]
            for request, line in zip(requests, self.explain(requests)):
                method, host, target = request
                verdict = policy.guard.begin(host, method, target, head_of(target))
                answer, _, rest = line.partition(f" {method} https://{host}{target} ")
                agrees = self.agree(verdict, answer, rest.split()[0])
                self.assertTrue(agrees, f"seed {SEED}: {line}\n{verdict}")
                counts[answer] = counts.get(answer, 0) + 1
        self.assertTrue(all(counts[a] > 50 for a in ("allowed", "refused", "depends")), counts)
