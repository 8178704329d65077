"""Pushes: the commands, the proof that nothing is thrown away, and the answer.

Real git pushes over HTTP to a real git, and what takes the push in between does
what the proxy does: no command goes on before it was decided on, and the last
bytes wait for the proof. The refs on the other side say what happened.
"""

import hashlib
import http.server
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import zlib

from guarded import GuardCase, as_headers, guard

ENVIRONMENT = {
    "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "LC_ALL": "C",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip
ZERO = "0" * 40
PUSH = as_headers({"content-type": "application/x-git-receive-pack-request"})


def git(*arguments, cwd=None, check=True, data=None, binary=False, **more):
    """Run git, and return what it says."""
    environment = {**ENVIRONMENT, "HOME": str(cwd or "/nonexistent"), **more}
    run = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, input=data, capture_output=True
    )
    if check and run.returncode:
        raise AssertionError(run.stderr.decode())
    if not check:
        return run.returncode, run.stderr.decode()
    return run.stdout if binary else run.stdout.decode().strip()


def packet(text):
    text = text.encode() if isinstance(text, str) else text
    return b"%04x" % (len(text) + 4) + text


class Handler(http.server.BaseHTTPRequestHandler):
    """Stands where the proxy does, before a real git."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def begin(self):
        fields = [(key.encode(), value.encode()) for key, value in self.headers.items()]
        return self.server.guard.begin("github.com", self.command, self.path, fields), fields

    def do_GET(self):
        verdict, _ = self.begin()
        if verdict.kind != "allow":
            return self.send_error(403)
        service = self.path.partition("service=")[2]
        run = self.git(service, "--advertise-refs")
        body = packet(f"# service={service}\n") + b"0000" + run.communicate()[0]
        return self.reply(f"application/x-{service}-advertisement", body)

    def git(self, service, *arguments):
        command = ["git", service[4:], "--stateless-rpc", *arguments, self.server.repository]
        environment = {**ENVIRONMENT, "HOME": "/nonexistent"}
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def chunks(self):
        """Yield the body as it comes."""
        if self.headers.get("transfer-encoding") != "chunked":
            left = int(self.headers["content-length"])
            while left:
                data = self.rfile.read(min(left, self.server.piece))
                left -= len(data)
                yield data
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self):
        verdict, fields = self.begin()
        if verdict.kind == "allow":
            data = b"".join(self.chunks())
            if self.headers.get("content-encoding") == "gzip":
                data = zlib.decompress(data, 31)
            out = self.git("git-upload-pack").communicate(data)[0]
            return self.reply("application/x-git-upload-pack-result", out)
        if verdict.kind != "push":
            return self.send_error(403)
        push = self.server.guard.push(verdict, fields)
        return self.push(push)

    def push(self, push):
        upstream, waiting, verdict = None, b"", None
        for chunk in self.chunks():
            if verdict is not None and verdict.kind == "refuse":
                continue
            verdict = push.feed(chunk)
            waiting += chunk
            if verdict is None or verdict.kind != "allow":
                continue
            upstream = upstream or self.git("git-receive-pack")
            ready = len(waiting) - push.held
            if ready > 0:
                upstream.stdin.write(waiting[:ready])
                self.server.sent += ready
                waiting = waiting[ready:]
        verdict = push.finish()
        self.server.verdicts.append(verdict)
        if verdict.kind == "allow":
            upstream = upstream or self.git("git-receive-pack")
            body = upstream.communicate(waiting)[0]
        else:
            if upstream:  # it is cut: what waits is never sent
                upstream.communicate()
            body = push.answer(verdict)
        self.reply("application/x-git-receive-pack-result", body)

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class World(unittest.TestCase):
    """A repository with a history on the other side, and a clone of it."""

    format = "sha1"

    @classmethod
    def setUpClass(cls):
        """Make it once: each test has a copy."""
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.template = pathlib.Path(directory.name) / "template"
        bare, seed = cls.template / "bare.git", cls.template / "seed"
        kind = f"--object-format={cls.format}"
        git("init", "-q", "--bare", "-b", "main", kind, str(bare))
        git("config", "receive.advertisePushOptions", "true", cwd=bare)
        git("init", "-q", "-b", "main", kind, str(seed))
        for number in range(3):
            cls.commit(f"first {number}", where=seed)
        git("push", "-q", str(bare), "main", "main:feature", "main:other", cwd=seed)
        git("clone", "-q", str(bare), str(cls.template / "work"))

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name) / "world"
        shutil.copytree(self.template, self.directory, symlinks=True)
        self.bare, self.work = self.directory / "bare.git", self.directory / "work"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.repository, self.server.guard = str(self.bare), guard()
        self.server.verdicts, self.server.sent, self.server.piece = [], 0, 1000
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        url = f"http://127.0.0.1:{self.server.server_port}/o/r.git"
        git("remote", "set-url", "origin", url, cwd=self.work)

    def mine(self, message="mine", branch=None):
        """Commit in the clone, on a branch of it."""
        if branch:
            git("checkout", "-q", branch, cwd=self.work)
        return self.commit(message, self.work)

    @staticmethod
    def commit(message, where):
        (pathlib.Path(where) / "file").write_text(f"{message}\n" * 50)
        git("add", "file", cwd=where)
        git("commit", "-q", "-m", message, cwd=where)
        return git("rev-parse", "HEAD", cwd=where)

    def refs(self):
        return git("for-each-ref", cwd=self.bare)

    def ref(self, name):
        return git("rev-parse", name, cwd=self.bare)

    def pushes(self, *arguments):
        before = self.refs()
        code, said = git("push", "--progress", *arguments, cwd=self.work, check=False)
        self.assertEqual(code, 0, said)
        self.assertNotEqual(before, self.refs())
        self.assertEqual({verdict.kind for verdict in self.server.verdicts}, {"allow"})

    def fails(self, *arguments, says):
        before = self.refs()
        code, said = git("push", *arguments, cwd=self.work, check=False)
        self.assertNotEqual(code, 0, said)
        self.assertEqual(before, self.refs())
        self.assertIn(says, said)
        self.assertIn("ctrkit: refused by the policy of this container", said)
        return said

    def try_both(self):
        """Push a branch on, then try to throw away what is on it."""
        new = self.mine("mine", branch="feature")
        self.pushes("origin", "feature")
        self.assertEqual(self.ref("feature"), new)
        git("reset", "-q", "--hard", "HEAD~2", cwd=self.work)
        self.fails("--force", "origin", "feature", says="only moved forward")
        self.mine("another")
        self.fails("--force", "origin", "feature", says="only moved forward")


class RealGit(World):
    def test_feature_branch(self):
        new = self.mine("mine", branch="feature")
        self.pushes("origin", "feature")
        self.assertEqual(self.ref("feature"), new)
        self.pushes("origin", "HEAD:refs/heads/made/new")
        self.assertEqual(self.ref("made/new"), new)
        self.assertTrue(git("ls-remote", "origin", cwd=self.work))

    def test_base_branch(self):
        self.mine("mine")
        said = self.fails("origin", "main", says="refs/heads/main is protected")
        self.assertIn("[remote rejected] main -> main", said)
        self.fails("origin", "HEAD:release/1", says="refs/heads/release/1 is protected")
        self.fails("origin", "HEAD:refs/tags/v1", says="refs/tags/v1 is not a ref that may")
        self.assertEqual(self.server.sent, 0)

    def test_one_refused_refuses_all(self):
        self.mine("mine")
        said = self.fails("origin", "HEAD:fine", "main", says="is protected")
        self.assertIn("refused with the others", said)

    def test_throwing_away(self):
        self.try_both()
        self.fails("origin", "+HEAD:feature", says="only moved forward")
        self.fails("--force-with-lease", "origin", "feature", says="only moved forward")
        self.server.guard = guard(force_push="allow")
        self.server.verdicts.clear()
        self.pushes("--force", "origin", "feature")

    def test_nothing_goes_before_the_proof(self):
        """The server has got all but the trailer, and so has changed nothing."""
        self.mine("mine", branch="feature")
        self.pushes("origin", "feature")
        git("commit", "-q", "--amend", "-m", "changed", cwd=self.work)
        self.server.sent = 0
        self.fails("--force", "origin", "feature", says="only moved forward")
        self.assertGreater(self.server.sent, 100)

    def test_deletion(self):
        self.fails("--delete", "origin", "other", says="the operation delete-ref is refused")
        self.server.guard = guard(delete_ref="allow")
        self.server.verdicts.clear()
        self.pushes("--delete", "origin", "other")
        self.fails("--delete", "origin", "main", says="protected")

    def test_merge(self):
        self.mine("theirs", branch="other")
        self.mine("mine", branch="feature")
        git("merge", "-q", "-s", "ours", "-m", "both", "other", cwd=self.work)
        self.pushes("origin", "feature")

    def test_a_base_that_is_merged_from_the_other_side(self):
        """The other parent is not in the pack, and does not matter."""
        seed = self.directory / "seed"
        self.commit("newer", seed)
        git("push", "-q", str(self.bare), "main", cwd=seed)
        self.mine("mine", branch="feature")
        git("fetch", "-q", cwd=self.work)
        git("merge", "-q", "-s", "ours", "-m", "both", "origin/main", cwd=self.work)
        self.pushes("origin", "feature")

    def test_moved_to_what_is_there(self):
        """Nothing in the (empty) pack shows it, though it is one."""
        new = self.mine("mine", branch="feature")
        self.pushes("origin", "feature:made")
        self.fails("origin", "feature", says="push it under a new name")
        self.assertNotEqual(self.ref("feature"), new)

    def test_many_commits_large_messages(self):
        """Git stores such commits as differences to one another."""
        choose = random.Random(5)
        words = " ".join(f"{choose.getrandbits(64):x}" for _ in range(400))
        for number in range(30):
            self.mine(f"{number} {words}", branch="feature")
        git("-c", "pack.depth=20", "repack", "-a", "-d", "-f", "-q", cwd=self.work)
        self.pushes("origin", "feature")

    def test_larger_than_what_git_holds(self):
        """Then git asks with an empty request first, and sends in chunks."""
        choose = random.Random(6)
        git("checkout", "-q", "feature", cwd=self.work)
        (self.work / "large").write_bytes(choose.randbytes(3 << 20))
        git("add", "large", cwd=self.work)
        self.mine("large")
        self.pushes("origin", "feature")
        self.assertEqual(len(self.server.verdicts), 2)

    def test_options_and_atomic(self):
        self.mine("mine", branch="feature")
        self.pushes("-o", "ci.skip", "--atomic", "origin", "feature", "feature:made")

    def test_shallow(self):
        shallow = self.directory / "shallow"
        git("clone", "-q", "--depth=1", "-b", "feature", self.url(), str(shallow))
        self.work = shallow
        self.mine("mine")
        self.pushes("origin", "feature")

    def url(self):
        return git("remote", "get-url", "origin", cwd=self.work)

    def test_many_refs(self):
        self.mine("mine", branch="feature")
        self.pushes("origin", *(f"HEAD:many/{number}" for number in range(200)))
        self.fails(
            "--delete", "origin", *(f"many/{number}" for number in range(200)), says="delete-ref"
        )

    def test_gate_reads_in_any_pieces(self):
        self.server.piece = 7
        self.mine("mine", branch="feature")
        self.pushes("origin", "feature")


class RealGitSha256(World):
    """The other objects of git."""

    format = "sha256"

    def test_both(self):
        self.try_both()


class Pushing(GuardCase):
    """Makes a push by hand."""

    new, old = "2" * 40, "1" * 40

    def push(self, body, by=None, pieces=None):
        by = by or self.guard
        verdict = by.begin("github.com", "POST", "/o/r.git/git-receive-pack", PUSH)
        self.assertEqual(verdict.kind, "push", verdict)
        push = by.push(verdict, PUSH)
        for place in range(0, len(body), pieces or len(body) or 1):
            push.feed(body[place : place + (pieces or len(body))])
        return push.finish(), push

    def create(self, ref, capabilities=" report-status", old=ZERO, new=None):
        return packet(f"{old} {new or self.new} {ref}\0{capabilities}".encode())


class Commands(Pushing):
    """What git does not send."""

    def test_names_of_refs(self):
        for ref in (
            "refs/heads/main", "refs/heads/MAIN", "refs/heads/Main", "main", "HEAD",
            "refs/heads/../heads/main", "refs/heads//main", "refs/heads/main/", "refs/heads/./x",
            "refs/heads/main.lock", "refs/heads/x.lock/y", "refs/heads/refs/heads/main",
            "refs/heads/heads/main", "refs/heads/ma\u200bin", "refs/heads/ｍain",
"refs/heads/x y", "refs/heads/x~1", "refs/heads/@{x",
            "refs/heads/x\n", "refs/heads/main\n", "refs/heads/x\r", "refs/heads/x\x1b[2J",
            "refs/pull/1/head", "refs/pull/1/merge", "refs/for/main", "refs/tags/v1",
            "refs/notes/x", "refs/meta/config", "refs/remotes/origin/main", "refs/heads",
            "refs/heads/", " refs/heads/x", "refs/heads/release/1", "refs/heads/Release/1",
            "refs/heads/gh-pages", "heads/x", "/refs/heads/x", "REFS/HEADS/x", "refs/Heads/x",
            "refs/heads/x\\y", "refs/heads/x*", "refs/heads/x?", "refs/heads/[x", "refs/heads/x.",
            "refs/heads/HEAD", "refs/heads/head", "refs/heads/@",
            "refs/heads/.x", "refs/heads/a..b", "refs/heads/a^", "refs/heads/a:b",
        ):  # fmt: skip
            verdict, push = self.push(self.create(ref) + b"0000")
            self.assertEqual((verdict.kind, verdict.reason), ("refuse", "branch"), (ref, verdict))
            self.assertFalse(set(push.answer(verdict)[4:]) & set(b"\r\x1b"), ref)
            verdict, _ = self.push(self.create("refs/heads/fine") + packet(
                f"{ZERO} {self.new} {ref}" + ("\n" if ref.endswith("\n") else "")
            ) + b"0000")
            self.assertEqual(verdict.kind, "refuse", ref)

    def test_ordinary_names(self):
        for ref in ("x", "feature/x", "me/Main-thing", "übersicht", "日本", "mainly", "x/main", "1"):
            verdict, _ = self.push(self.create(f"refs/heads/{ref}") + b"0000")
            self.assertEqual(verdict.kind, "allow", (ref, verdict))

    def test_patterns(self):
        by = guard(branches=["agent/*", "refs/tags/agent-*"], protected=["agent/keep*"])
        for ref, kind in (
            ("refs/heads/agent/x", "allow"), ("refs/heads/agent/x/y", "allow"),
            ("refs/heads/x", "refuse"), ("refs/heads/agent/keep-me", "refuse"),
            ("refs/heads/Agent/x", "refuse"), ("refs/tags/agent-1", "allow"),
            ("refs/tags/x", "refuse"), ("refs/heads/xagent/x", "refuse"),
            ("refs/heads/agent/KEEP", "refuse"),
        ):  # fmt: skip
            verdict, _ = self.push(self.create(ref) + b"0000", by)
            self.assertEqual(verdict.kind, kind, (ref, verdict))

    def test_not_as_git_sends(self):
        fine = self.create("refs/heads/x")
        more = packet(f"{ZERO} {self.new} refs/heads/y\n")
        for body in (
            b"", fine, fine[:-1], fine + more, b"zzzz", b"0001", b"0002", b"0003", b"0004",
            fine + b"0001", fine + b"0004" + b"0000", b" 10a" + fine[4:] + b"0000",
            b"+01" + fine + b"0000", fine + self.create("refs/heads/y") + b"0000",
            fine + packet(f"{ZERO} {self.new} refs/heads/x\n") + b"0000",
            packet(f"{ZERO} {self.new} refs/heads/x") + b"0000",
            packet(f"{ZERO} {ZERO} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO}  {self.new} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO}\t{self.new} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO} {self.new[:39]} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO} {'2' * 64} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO} {self.new} refs/heads/x\0a\0b") + b"0000",
            packet(f"{'0' * 64} {'2' * 64} refs/heads/x\0a") + b"0000",
            packet(f"{ZERO} {self.new} refs/heads/x\0object-format=md5") + b"0000",
            packet(f"{ZERO} {self.new} refs/heads/x\0object-format=sha256") + b"0000",
            packet("push-cert\0 report-status\n") + b"0000", packet("push-cert\n") + b"0000",
            packet("shallow x\n") + fine + b"0000", fine + packet(f"shallow {ZERO}\n") + b"0000",
            b"0000" + fine, b"0000" + fine + b"0000", b"\x1f\x8b\x08\0" + fine,
            b"ffff" + fine, packet(b"\xff" * 100) + b"0000",
            packet(f"{ZERO} {self.new} refs/heads/".encode() + b"\xff\xfe\0a") + b"0000",
        ):  # fmt: skip
            for pieces in (None, 1, 3):
                verdict, push = self.push(body, pieces=pieces)
                self.assertEqual(verdict.kind, "refuse", (body, verdict))
                self.assertIn(verdict.reason, ("unclear", "branch"), body)

    def test_the_probe_passes(self):
        for pieces in (None, 1):
            self.assertEqual(self.push(b"0000", pieces=pieces)[0].kind, "allow")

    def test_nothing_goes_before_the_commands(self):
        by = self.guard
        body = self.create("refs/heads/x") + packet(f"{ZERO} {self.new} refs/heads/y\n") + b"0000"
        push = by.push(by.begin("github.com", "POST", "/o/r/git-receive-pack", PUSH), PUSH)
        for place in range(len(body) - 1):
            self.assertIsNone(push.feed(body[place : place + 1]))
        self.assertEqual(push.feed(body[-1:]).kind, "allow")

    def test_many_commands_are_bounded(self):
        lines = [packet(f"{ZERO} {self.new} refs/heads/b{number}\n") for number in range(10000)]
        start = time.process_time()
        verdict, push = self.push(self.create("refs/heads/x") + b"".join(lines) + b"0000")
        self.assertEqual(verdict.kind, "allow", verdict)
        bad = packet(f"{ZERO} {self.new} refs/heads/main\n")
        body = self.create("refs/heads/x") + b"".join(lines) + bad + b"0000"
        verdict, push = self.push(body)
        self.assertEqual(verdict.reason, "branch")
        self.assertIn(b"ng refs/heads/main refs/heads/main is protected", push.answer(verdict))
        verdict, push = self.push(self.create("refs/heads/x") + b"".join(lines) * 3)
        self.assertEqual(verdict.reason, "unclear")
        self.assertLess(len(push.buffer), 1 << 20)
        self.assertLess(time.process_time() - start, 5)

    def test_who_may_be_pushed_to(self):
        by = guard(repositories=["me/*", "*/shared"])
        for path, kind in (
            ("/me/x.git", "allow"), ("/ME/X", "allow"), ("/o/shared.git", "allow"),
            ("/o/x.git", "refuse"), ("/o/shared.wiki.git", "refuse"),
        ):  # fmt: skip
            verdict = by.begin("github.com", "POST", path + "/git-receive-pack", PUSH)
            push = by.push(verdict, PUSH)
            verdict = push.feed(self.create("refs/heads/x") + b"0000")
            self.assertEqual(verdict.kind, kind, (path, verdict))
            if kind == "refuse":
                self.assertEqual(verdict.reason, "repository")
        verdict = guard(push="refuse").begin("github.com", "POST", "/o/r/git-receive-pack", PUSH)
        verdict, _ = self.push(self.create("refs/heads/x") + b"0000", guard(push="refuse"))
        self.assertEqual((verdict.reason, verdict.operation), ("operation", "push"))


def commit_of(*parents, tree="3" * 40, text=b"x", size=20):
    """Return a commit's name and content."""
    lines = b"tree %s\n" % tree.encode() + b"".join(b"parent %s\n" % one.encode() for one in parents)
    content = lines + b"author a <a> 0 +0000\ncommitter a <a> 0 +0000\n\n" + text + b"\n"
    make = hashlib.sha1 if size == 20 else hashlib.sha256
    return make(b"commit %d\0" % len(content) + content).hexdigest(), content


def head_of(kind, size):
    data, size = [kind << 4 | size & 15], size >> 4
    while size:
        data[-1] |= 128
        data.append(size & 127)
        size >>= 7
    return bytes(data)


def object_of(kind, content, base=b"", declared=None):
    return head_of(kind, len(content) if declared is None else declared) + base + zlib.compress(content)


def pack_of(*objects, count=None, trailer=None):
    count = len(objects) if count is None else count
    body = b"PACK\0\0\0\2" + count.to_bytes(4, "big") + b"".join(objects)
    return body + (hashlib.sha1(body).digest() if trailer is None else trailer)


class Packs(Pushing):
    """Packs that are made to deceive."""

    def update(self, new, pack, by=None, **more):
        command = self.create("refs/heads/x", old=self.old, new=new)
        verdicts = [self.push(command + b"0000" + pack, by, pieces)[0] for pieces in (None, 1, 13)]
        self.assertEqual(len({(one.kind, one.reason) for one in verdicts}), 1)
        return verdicts[0]

    def test_forward(self):
        name, content = commit_of(self.old)
        self.assertEqual(self.update(name, pack_of(object_of(1, content))).kind, "allow")
        last, after = commit_of("5" * 40, name)
        pack = pack_of(object_of(1, after), object_of(3, b"text" * 1000), object_of(1, content))
        self.assertEqual(self.update(last, pack).kind, "allow")

    def test_not_forward(self):
        name, content = commit_of("5" * 40)
        fake = content.replace(b"\n\n", b"\nparent %s\n\n" % self.old.encode())
        fake_name = hashlib.sha1(b"commit %d\0" % len(fake) + fake).hexdigest()
        late, middle = commit_of("5" * 40, text=b"parent %s" % self.old.encode())
        short = commit_of(self.old)[1].partition(b"author")[0]
        short_name = hashlib.sha1(b"commit %d\0" % len(short) + short).hexdigest()
        for new, objects in (
            (name, [(1, content)]), (fake_name, [(1, fake)]), (late, [(1, middle)]),
            (commit_of(self.old)[0], [(1, content)]), ("7" * 40, []),
            (short_name, [(1, short)]), (commit_of(self.old)[0], [(3, commit_of(self.old)[1])]),
            (commit_of(self.old)[0], [(4, commit_of(self.old)[1])]),
        ):  # fmt: skip
            verdict = self.update(new, pack_of(*(object_of(*one) for one in objects)))
            self.assertEqual((verdict.reason, verdict.operation), ("operation", "force-push"), new)

    def test_broken(self):
        name, content = commit_of(self.old)
        good, whole = object_of(1, content), pack_of(object_of(1, content))
        for pack in (
            b"", whole[:-1], whole[:11], whole[:40], whole + b"x", whole + whole,
            pack_of(good, trailer=b"x" * 20), pack_of(good, count=2), pack_of(good, count=0),
            pack_of(good, good, count=1), b"PACK\0\0\0\4" + whole[8:], b"PACX" + whole[4:],
            pack_of(object_of(0, content)), pack_of(object_of(5, content)),
            pack_of(object_of(1, content, declared=len(content) - 1)),
            pack_of(object_of(1, content, declared=len(content) + 1)),
            pack_of(head_of(1, len(content)) + content), pack_of(head_of(3, 1 << 40) + b"x"),
            pack_of(b"\xff" * 20), pack_of(object_of(6, content, b"\xff\xff\x7f")),
            pack_of(object_of(6, content, b"\0")), pack_of(good, b"x"), whole[:-20] + b"\0" * 40,
        ):  # fmt: skip
            verdict = self.update(name, pack)
            self.assertEqual((verdict.kind, verdict.reason), ("refuse", "unclear"), pack)

    def test_what_follows_is_never_sent(self):
        """The trailer is held back: it must not be followed by anything."""
        name, content = commit_of("5" * 40)
        pack = pack_of(object_of(1, content))
        verdict = self.guard.begin("github.com", "POST", "/o/r/git-receive-pack", PUSH)
        push = self.guard.push(verdict, PUSH)
        body = self.create("refs/heads/x", old=self.old, new=name) + b"0000" + pack
        self.assertEqual(push.feed(body).kind, "allow")
        self.assertEqual(push.held, 20)
        self.assertEqual(push.feed(b"x").kind, "refuse")
        self.assertEqual(push.finish().kind, "refuse")

    def test_differences(self):
        """Commits that are stored as differences, to one before and by name."""
        name, content = commit_of(self.old)
        after = content.replace(b"\n\nx", b"\n\nyy")
        want = hashlib.sha1(b"commit %d\0" % len(after) + after).hexdigest()
        cut = len(content) - 2
        delta = bytes([len(content) & 127 | 128, len(content) >> 7, len(after) & 127 | 128])
        delta += bytes([len(after) >> 7, 0x90, cut, 3]) + b"yy\n"
        first = object_of(1, content)
        by_place = object_of(6, delta, offset_of(len(first)))
        by_name = object_of(7, delta, bytes.fromhex(name))
        for second in (by_place, by_name):
            self.assertEqual(self.update(want, pack_of(first, second)).kind, "allow")
        for bad in (
            delta[:-1], delta + b"\0", delta[:4] + b"\x90\xff" + delta[6:], b"", b"\xff" * 30,
            b"\0" + delta[1:], delta[:2] + b"\xff\xff\xff\x7f" + delta[4:],
        ):  # fmt: skip
            verdict = self.update(want, pack_of(first, object_of(6, bad, offset_of(len(first)))))
            self.assertEqual(verdict.operation, "force-push", bad)
        unknown = object_of(7, delta, b"\5" * 20)
        self.assertEqual(self.update(want, pack_of(first, unknown)).operation, "force-push")

    def test_bounded(self):
        """What inflates is not kept, and large commits are not either."""
        import tracemalloc

        name, content = commit_of(self.old)
        bomb = object_of(3, b"\0" * (64 << 20))
        large, text = commit_of(self.old, text=b"\0" * (32 << 20))
        objects = [bomb, object_of(1, text), object_of(1, content)]
        body = self.create("refs/heads/x", old=self.old, new=name) + b"0000" + pack_of(*objects)
        del text
        tracemalloc.start()
        verdict, push = self.push(body, pieces=1 << 14)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertEqual(verdict.kind, "allow", verdict)
        self.assertLess(peak, 8 << 20)
        self.assertEqual(len(push.pack.parents), 1)

    def test_many_commits_are_bounded(self):
        before, objects = self.old, []
        for _ in range(3000):
            before, content = commit_of(before, text=b"z" * 100)
            objects.append(object_of(1, content))
        start = time.process_time()
        verdict, push = self.push(
            self.create("refs/heads/x", old=self.old, new=before) + b"0000" + pack_of(*objects)
        )
        self.assertEqual(verdict.kind, "allow", verdict)
        self.assertLess(time.process_time() - start, 3)


def offset_of(distance):
    data = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        data.insert(0, distance & 127 | 128)
    return bytes(data)


class Answers(GuardCase):
    def answer(self, capabilities):
        by = self.guard
        push = by.push(by.begin("github.com", "POST", "/o/r/git-receive-pack", PUSH), PUSH)
        verdict = push.feed(packet(f"{ZERO} {'2' * 40} refs/heads/main\0{capabilities}") + b"0000")
        return push.answer(verdict)

    def test_what_the_client_can_read(self):
        both = self.answer("report-status side-band-64k")
        self.assertIn(b"\x02ctrkit: refused", both)
        self.assertTrue(both.endswith(b"0000"))
        plain = self.answer("report-status")
        self.assertTrue(plain.startswith(b"000eunpack ok\n"), plain)
        self.assertIn(b"ng refs/heads/main ", plain)
        self.assertEqual(self.answer(""), b"0000")
        self.assertNotIn(b"unpack", self.answer("side-band-64k"))
        self.assertIn(b"ng refs/heads/main", self.answer("report-status-v2 side-band"))


if __name__ == "__main__":
    unittest.main()
