"""The real gh and the real git, through the proxy: what they do all day passes; what is refused
is said where a person sees it, and changes nothing."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import attack
import wire

READS = """
pr list
pr list --state all --search merge
pr view 1
pr view 1 --comments
pr view 1 --json number,title,mergeable,mergeStateStatus,statusCheckRollup,reviews,files
pr diff 1
pr checks 1
pr status
issue list
issue list --label bug --state all
issue view 1
issue view 1 --comments
issue status
repo view
repo list
repo view me/demo --json name,mergeCommitAllowed
run list
run view 1
release list
release view v1
label list
workflow list
gist list
search prs merge
search issues --repo me/demo merge
api user
api repos/me/demo
api repos/{owner}/{repo}/pulls/1/merge
api repos/{owner}/{repo}/branches/main/protection
api -X GET search/issues -f q=repo:me/demo
api --paginate repos/me/demo/issues
api graphql -f query={viewer{login}}
api repos/me/demo/pulls/1 -H Accept:application/vnd.github.v3.diff
auth status
""".strip().splitlines()

# Each is a list, because what it says has spaces.
SAYS = "mutation { mergePullRequest } and PUT /pulls/1/merge"
# fmt: off
WRITES = [
    ["pr", "create", "--title", "A title", "--body", SAYS, "--head", "topic", "--base", "main"],
    ["pr", "create", "--title", "merge", "--body", "b", "--head", "topic", "--draft", "--label", "bug", "--assignee", "me"],
    ["pr", "comment", "1", "--body", SAYS],
    ["pr", "review", "1", "--comment", "--body", SAYS],
    ["pr", "review", "1", "--request-changes", "--body", "no"],
    ["pr", "edit", "1", "--title", "merge", "--body", SAYS, "--add-label", "bug"],
    ["pr", "edit", "1", "--add-reviewer", "me"],
    ["pr", "close", "1"],
    ["pr", "reopen", "1"],
    ["pr", "ready", "1"],
    ["issue", "create", "--title", "enablePullRequestAutoMerge", "--body", SAYS],
    ["issue", "create", "--title", "t", "--body", "b", "--label", "bug", "--assignee", "me"],
    ["issue", "comment", "1", "--body", SAYS],
    ["issue", "edit", "1", "--title", "t", "--add-label", "bug"],
    ["issue", "close", "1", "--comment", SAYS],
    ["issue", "reopen", "1"],
    ["api", "repos/me/demo/issues/1/comments", "-f", f"body={SAYS}"],
    ["api", "-X", "PATCH", "repos/me/demo/pulls/1", "-f", "title=merge"],
]
# fmt: on
# fmt: off
REFUSED = [
    ["pr", "merge", "1", "--merge"],
    ["pr", "merge", "1", "--squash", "--auto"],
    ["pr", "merge", "1", "--disable-auto"],
    ["pr", "review", "1", "--approve"],
    ["release", "create", "v9", "--notes", "n"],
    ["release", "delete", "v1", "--yes"],
    ["gist", "create", "/etc/hostname"],
    ["workflow", "run", "1"],
    ["run", "rerun", "1"],
    ["run", "cancel", "1"],
    ["repo", "edit", "--enable-wiki=false"],
    ["repo", "delete", "me/demo", "--yes"],
    ["repo", "create", "me/other", "--private"],
    ["repo", "fork", "eve/demo", "--clone=false"],
    ["repo", "sync", "me/demo"],
    ["secret", "set", "X", "--body", "x"],
    ["api", "-X", "PUT", "repos/me/demo/pulls/1/merge"],
    ["api", "-X", "PUT", "repos/me/demo/pulls/1/merge/"],
    ["api", "repos/me/demo/merges", "-f", "base=main", "-f", "head=topic"],
    ["api", "graphql", "-f", 'query=mutation{mergePullRequest(input:{pullRequestId:"PR_1"}){clientMutationId}}'],
    ["api", "-X", "PUT", "repos/me/demo/contents/a", "-f", "message=m", "-f", "content=eA=="],
    ["api", "-X", "PATCH", "repos/me/demo/git/refs/heads/main", "-f", "sha=1", "-F", "force=true"],
]
# fmt: on

LONG = bool(os.environ.get("OPERATIONS_LONG"))


def part(commands):
    """Return all of them where there is time, or else a few."""
    return commands if LONG else commands[:: max(1, len(commands) // 6)]


class Programs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for program in ("gh", "git"):
            assert shutil.which(program), f"{program} is missing on this machine"
        cls.world = wire.GitHubWorld()
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.proxy = cls.world.proxy("default")
        cls.addClassCleanup(cls.proxy.stop)
        cls.home = pathlib.Path(tempfile.mkdtemp(dir=cls.world.directory))
        cls.environment = wire.environment(cls.proxy, cls.home)
        cls.work = cls.home / "work"
        cls.bare = cls.world.github.repositories.make("me/demo")
        cls.run_one(
            "git", "clone", "-q", "https://github.com/me/demo.git", cls.work, directory=cls.home
        )

    @classmethod
    def run_one(cls, *command, directory=None, **more):
        return subprocess.run(
            list(map(str, command)),
            cwd=directory or cls.work,
            env={**cls.environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def refs(self):
        return self.world.github.repositories.refs(self.bare)

    def log(self, since=0):
        time.sleep(0.2)
        return wire.refused(self.proxy.records()[since:])

    # gh

    def passes(self, *command):
        """Nothing that a program asks for may be refused; what it makes of the stand-in's
        answers is its own."""
        mark = self.world.github.mark(), len(self.proxy.records())
        run = self.run_one(*command)
        asked = len(self.world.github.since(mark[0])[0])
        return {
            "command": command,
            "refused": self.log(mark[1]),
            "asked": asked,
            "status": run.returncode,
            "said": run.stderr[:400],
        }

    def test_gh_reads_and_writes_what_is_allowed(self):
        found = [self.passes("gh", *line.split()) for line in part(READS)]
        found += [self.passes("gh", *command) for command in part(WRITES)]
        self.assertEqual([one for one in found if one["refused"] or not one["asked"]], [])
        # The stand-in has answers for nearly all of it: these commands come to their end.
        failed = [one for one in found if one["status"]]
        print(
            f"measured: gh: {len(found)} commands, {sum(one['asked'] for one in found)} requests, 0 refused, {len(failed)} came to no end"
        )
        self.assertLess(len(failed), len(found) / 5, failed)

    def test_gh_is_refused_what_is_refused(self):
        told = 0
        for command in part(REFUSED):
            with self.subTest(command):
                mark, records = self.world.github.mark(), len(self.proxy.records())
                run = self.run_one("gh", *command)
                self.assertNotEqual(run.returncode, 0, run.stdout)
                wire.settle(self.world)
                self.assertEqual(self.world.github.objections(mark, attack.RULES["default"]), [])
                told += bool(self.log(records)) and "403" in run.stderr + run.stdout
        self.assertGreater(
            told, len(part(REFUSED)) * 0.7, "few give up before, at what the stand-in answers"
        )

    # git

    def commit(self, name):
        (self.work / name).write_text(name)
        self.run_one("git", "add", name)
        run = self.run_one("git", "commit", "-qm", name)
        self.assertEqual(run.returncode, 0, run.stderr)

    def start(self, branch, base="origin/main"):
        run = self.run_one("git", "switch", "-q", "-C", branch, base)
        self.assertEqual(run.returncode, 0, run.stderr)

    def pushes(self, *arguments, **more):
        before, mark = self.refs(), self.world.github.mark()
        run = self.run_one("git", "push", *arguments, **more)
        wire.settle(self.world)
        self.assertEqual(self.world.github.objections(mark, attack.RULES["default"]), [], arguments)
        return run, before, self.refs()

    def test_git_reads(self):
        for command in (
            ["ls-remote", "origin"],
            ["fetch", "-q", "--all", "--tags"],
            ["pull", "-q", "--ff-only", "origin", "main"],
            ["clone", "-q", "--depth=1", "https://github.com/me/demo", str(self.home / "shallow")],
            [
                "clone",
                "-q",
                "--filter=blob:none",
                "https://github.com/me/demo.git",
                str(self.home / "partial"),
            ],
            [
                "-c",
                "protocol.version=0",
                "clone",
                "-q",
                "https://github.com/me/demo.git",
                str(self.home / "old"),
            ],
            ["-c", "http.version=HTTP/1.1", "fetch", "-q", "origin"],
        ):
            self.start("reads")
            run = self.run_one("git", *command)
            self.assertEqual(run.returncode, 0, (command, run.stderr))

    def test_git_pushes_to_a_feature_branch(self):
        self.start("feature/one")
        self.commit("one")
        for arguments in (
            ["-q", "-u", "origin", "feature/one"],
            ["origin", "HEAD"],
            ["-o", "ci.skip", "origin", "HEAD:refs/heads/feature/two"],
        ):
            run, before, after = self.pushes(*arguments)
            self.assertEqual(run.returncode, 0, (arguments, run.stderr))
        self.assertIn("refs/heads/feature/two", after)
        self.commit("two")  # an existing branch, forward
        run, before, after = self.pushes("origin", "feature/one")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotEqual(before["refs/heads/feature/one"], after["refs/heads/feature/one"])
        (self.work / "large").write_bytes(os.urandom(3 << 20))  # which is sent in chunks
        self.run_one("git", "add", "large")
        self.run_one("git", "commit", "-qm", "large")
        for version in ("HTTP/1.1", "HTTP/2"):
            run, before, after = self.pushes(
                "origin",
                f"HEAD:refs/heads/large-{version[-1]}",
                GIT_CONFIG_COUNT="1",
                GIT_CONFIG_KEY_0="http.version",
                GIT_CONFIG_VALUE_0=version,
            )
            self.assertEqual(run.returncode, 0, run.stderr)
        run, _, after = self.pushes(
            "--atomic", "origin", "HEAD:refs/heads/a1", "HEAD:refs/heads/a2"
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("refs/heads/a2", after)

    def test_git_is_refused_with_the_reason(self):
        self.start("work")
        self.commit("work")
        self.run_one("git", "push", "-q", "origin", "work")
        self.start("other")
        self.commit("other")
        head = self.run_one("git", "rev-parse", "HEAD").stdout.strip()
        main = self.refs()["refs/heads/main"]
        for arguments in part(
            [
                ["origin", "HEAD:main"],
                ["origin", "HEAD:refs/heads/main"],
                ["--force", "origin", "HEAD:main"],
                ["origin", "+HEAD:work"],
                ["--force-with-lease", "origin", "HEAD:work"],
                ["origin", ":work"],
                ["--delete", "origin", "topic"],
                ["origin", "HEAD:release/1"],
                ["origin", "HEAD:refs/tags/v2"],
                ["origin", "HEAD:refs/tags/v1", "--force"],
                ["origin", "HEAD:refs/heads/ok1", "HEAD:main"],
                ["--mirror", "origin"],
                ["--prune", "origin", "refs/heads/*:refs/heads/*"],
                ["origin", "HEAD:refs/pull/1/head"],
                ["origin", "HEAD:refs/notes/commits"],
                ["--signed=if-asked", "origin", "HEAD:main"],
                ["-o", "merge_request.merge_when_pipeline_succeeds", "origin", "HEAD:main"],
                ["--atomic", "origin", "HEAD:refs/heads/ok2", ":topic"],
                ["origin", f"{main}^:main", "--force"],
                ["https://github.com/me/demo", f"{head}:refs/heads/main"],
                ["https://x:y@GitHub.com/Me/Demo.git/", "HEAD:main"],
                ["https://github.com/me/../me/demo", "HEAD:main"],
            ]
        ):
            for version in ("HTTP/1.1", "HTTP/2") if LONG else ("HTTP/2",):
                more = {
                    "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "http.version",
                    "GIT_CONFIG_VALUE_0": version,
                }
                with self.subTest(arguments, version=version):
                    run, before, after = self.pushes(*arguments, **more)
                    self.assertEqual(before, after, "the refs are as they were")
                    self.assertNotEqual(run.returncode, 0, run.stderr)
        run, _, _ = self.pushes("origin", "HEAD:main")
        self.assertRegex(
            run.stderr,
            r"(?i)main.*(polic|refus|protect)|(polic|refus|protect).*main",
            "git says why",
        )
        run, _, _ = self.pushes("origin", "+HEAD:work")
        self.assertRegex(run.stderr, r"(?i)forward", "git says why")
        run, _, _ = self.pushes("origin", ":work")
        self.assertRegex(run.stderr, r"(?i)delet", "git says why")

    def test_lfs_objects_are_fetched(self):
        """As git-lfs does, by the batch interface and then from where it says."""
        data = b"large\n"
        name = hashlib.sha256(data).hexdigest()
        self.world.github.objects[name] = data
        body = {
            "operation": "download",
            "transfers": ["lfs-standalone-file", "basic", "ssh"],
            "ref": {"name": "refs/heads/main"},
            "objects": [{"oid": name, "size": len(data)}],
            "hash_algo": "sha256",
        }
        kind = "application/vnd.git-lfs+json"
        command = [
            "curl",
            "-sS",
            "--cacert",
            self.environment["SSL_CERT_FILE"],
            "-H",
            f"Accept: {kind}",
        ]
        run = self.run_one(
            *command,
            "-H",
            f"Content-Type: {kind}",
            "-d",
            json.dumps(body),
            "https://github.com/me/demo.git/info/lfs/objects/batch",
        )
        link = re.search(r'"href": "([^"]+)"', run.stdout)
        self.assertTrue(link, run.stdout + run.stderr)
        self.assertEqual(self.run_one(*command, link[1]).stdout.encode(), data)


if __name__ == "__main__":
    unittest.main()
