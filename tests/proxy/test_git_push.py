"""Pushes of a real git to a real git, through a policy with [github]."""

import subprocess
import time

import http2
from forge import GITHUB, Forge
from world import read_answer, status

VERSIONS = ("HTTP/1.1", "HTTP/2")
RESULT = b"application/x-git-receive-pack-result"


class Pushes(Forge):
    """What git is told."""

    def push(self, work, *arguments, version="HTTP/1.1", **more):
        """Push, and return the run; what git says of the certificate is no news."""
        return self.run_client(
            "git", "-c", f"http.version={version}", "push", *arguments, directory=work, **more
        )

    def refused(self, there, work, words, *arguments, **more):
        """A push fails, says why, and changes nothing."""
        before = self.refs(there)
        for version in VERSIONS:
            with self.subTest(version, push=arguments):
                run = self.push(work, "origin", *arguments, version=version)
                self.assertNotEqual(run.returncode, 0, run.stderr)
                self.assertIn("remote: ctrkit: refused by the policy of this container", run.stderr)
                self.assertIn(words, run.stderr)
                self.assertIn("! [remote rejected]", run.stderr)
                self.assertEqual(self.refs(there), before)
        return self.last(path=f"/me/{there.name}/git-receive-pack", decision="refused", **more)


class Push(Pushes):
    def test_feature_branches_are_pushed_and_others_are_not(self):
        there, work = self.new_repository("plain")
        self.git("switch", "-qc", "topic", directory=work)
        self.commit(work, "three")
        run = self.push(work, "origin", "topic")
        self.assertEqual(run.returncode, 0, run.stderr)
        head = self.git("rev-parse", "HEAD", directory=work).strip()
        self.assertEqual(self.refs(there)["refs/heads/topic"], head)
        record = self.last(path="/me/plain.git/git-receive-pack", decision="allowed", operation="push")
        self.assertTrue(record["rule"].endswith(" [github]"), record)
        # A second push of it is a fast-forward, which the pack shows.
        self.commit(work, "four")
        run = self.push(work, "origin", "topic", version="HTTP/2")
        self.assertEqual(run.returncode, 0, run.stderr)

        mark = self.world.mark()
        record = self.refused(there, work, "refs/heads/main is protected", "topic:main", reason="branch")
        self.assertEqual((record["operation"], record["status"]), ("push", 200))
        self.refused(there, work, "refs/tags/v1", "topic:refs/tags/v1", reason="branch")
        record = self.refused(there, work, "delete-ref", "--delete", "feature", reason="operation")
        self.assertEqual(record["operation"], "delete-ref")
        # One that is refused takes the others with it.
        self.refused(there, work, "refused with the others", "topic:other", "topic:main")
        posts = [r["line"] for one in self.world.since(mark) for r in one["requests"]]
        self.assertFalse([line for line in posts if line.startswith("POST")])

    def test_what_is_not_a_fast_forward_is_cut_off_on_the_way(self):
        there, work = self.new_repository("forced")
        self.git("switch", "-q", "--orphan", "else", directory=work)
        self.commit(work, "five", 3 << 20)
        mark = self.world.mark()
        words = "refs/heads/feature is only moved forward"
        record = self.refused(there, work, words, "--force", "else:feature", reason="operation")
        self.assertEqual(record["operation"], "force-push")
        # It was on its way: all but its end.
        posts = [r for one in self.world.since(mark) for r in one["requests"] if r["line"].startswith("POST")]
        long = [r for r in posts if r["body"] > 1 << 20]
        self.assertTrue(long, posts)
        self.assertFalse([r for r in long if r.get("whole")])
        # Under a new name it passes, and then moving that forward does.
        for more in ("six", "seven"):
            self.commit(work, more)
            run = self.push(work, "origin", "else:another")
            self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("refs/heads/another", self.refs(there))

    def test_a_rewind_is_refused(self):
        there, work = self.new_repository("rewound")
        self.git("push", "-q", "origin", "main:topic", directory=work)
        self.refused(there, work, "only moved forward", "--force", "main~1:topic", reason="operation")

    def test_repositories_of_sha256(self):
        there, work = self.new_repository("long", "--object-format=sha256")
        run = self.push(work, "origin", "main:topic")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.commit(work, "three")
        run = self.push(work, "origin", "main:topic")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.refused(there, work, "is protected", "main", reason="branch")

    def test_large_pushes_pass_in_every_framing(self):
        """What is larger than http.postBuffer is sent in chunks, after a probe."""
        there, work = self.new_repository("large")
        number = 0
        for version in VERSIONS:
            for options in (
                ["-c", "http.postBuffer=1048576"],
                ["-c", "http.postBuffer=1048576", "-c", "http.expectContinue=true"],
                ["-c", "http.postBuffer=104857600"],
            ):
                number += 1
                with self.subTest(version, options=options):
                    self.commit(work, f"large{number}", 5 << 20)
                    run = self.run_client(
                        "git", "-c", f"http.version={version}", *options,
                        "push", "origin", f"HEAD:topic{number}", directory=work,
                    )  # fmt: skip
                    self.assertEqual(run.returncode, 0, run.stderr)
                    head = self.git("rev-parse", "HEAD", directory=work).strip()
                    self.assertEqual(self.refs(there)[f"refs/heads/topic{number}"], head)
                    run = self.run_client(
                        "git", "-c", f"http.version={version}", *options,
                        "push", "origin", "HEAD:main", directory=work,
                    )  # fmt: skip
                    self.assertIn("refs/heads/main is protected", run.stderr)

    def test_reading_passes(self):
        there, work = self.new_repository("read")
        for protocol in ("0", "2"):
            place = self.home / f"clone{protocol}"
            self.git("-c", f"protocol.version={protocol}", "clone", "-q", "https://github.com/me/read.git", place)
            self.assertEqual((place / "two").read_text(), "two")
        self.assertEqual(self.last(path="/me/read.git/git-upload-pack", decision="allowed")["operation"], "read")

    # By hand.

    def command(self, there, branch, old=None):
        """Return the commands of a push and its pack, as git makes them."""
        head = self.refs(there)["refs/heads/main"]
        old = old or "0" * len(head)
        text = f"{old} {head} refs/heads/{branch}\0report-status".encode()
        pack = subprocess.run(
            ["git", "-C", there, "pack-objects", "--stdout", "--revs"], input=f"{head}\n".encode(),
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        return b"%04x%s0000" % (len(text) + 4, text), pack

    def head(self, repository, more, path="git-receive-pack"):
        return (
            f"POST /me/{repository}.git/{path} HTTP/1.1\r\nHost: github.com\r\n"
            f"Content-Type: application/x-{path}-request\r\n{more}\r\n"
        ).encode()

    def test_nothing_goes_up_before_the_commands_are_there(self):
        there, _ = self.new_repository("byhand")
        commands, pack = self.command(there, "topic")
        body = commands + pack
        connection = self.proxy.open_tls("github.com", 443)
        with self.nothing_arrives():
            connection.sendall(self.head("byhand", f"Content-Length: {len(body)}\r\n"))
            for place in range(len(commands) - 1):
                connection.sendall(body[place : place + 1])
        with self.arrives():
            connection.sendall(body[len(commands) - 1 :])
            self.assertEqual(read_answer(connection.makefile("rb"))[0], 200)
        self.assertIn("refs/heads/topic", self.refs(there))

    def test_the_end_of_a_pack_waits_for_all_of_it(self):
        there, _ = self.new_repository("ends")
        commands, pack = self.command(there, "topic")
        connection = self.proxy.open_tls("github.com", 443)
        mark = self.world.mark()
        connection.sendall(self.head("ends", f"Content-Length: {len(commands + pack)}\r\n"))
        connection.sendall(commands + pack[:-1])
        time.sleep(0.5)
        requests = [r for one in self.world.since(mark) for r in one["requests"]]
        self.assertEqual([r["body"] for r in requests], [len(commands + pack) - 1 - 32])
        connection.close()  # and the client goes
        self.assertIn("error", self.last(path="/me/ends.git/git-receive-pack", sent=requests[0]["body"]))
        time.sleep(0.3)
        self.assertFalse(requests[0].get("whole"))
        self.assertNotIn("refs/heads/topic", self.refs(there))

    def test_bytes_that_end_nothing_do_not_let_the_end_go(self):
        """Over HTTP/2 a part of a body may be empty."""
        there, _ = self.new_repository("empty")
        commands, pack = self.command(there, "topic")
        mark = self.world.mark()
        client = http2.Client(self.proxy.open_tls("github.com", 443, alpn=("h2",)))
        h2, stream = client.session.h2, client.session.h2.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "https"), (":authority", "github.com")]
        head += [(":path", "/me/empty.git/git-receive-pack")]
        h2.send_headers(stream, [*head, ("content-type", "application/x-git-receive-pack-request")])
        h2.send_data(stream, commands + pack)
        for _ in range(3):
            h2.send_data(stream, b"")
        client.session.flush()
        time.sleep(0.5)
        requests = [r for one in self.world.since(mark) for r in one["requests"]]
        self.assertEqual([r["body"] for r in requests], [len(commands + pack) - 32])
        h2.end_stream(stream)
        client.session.flush()
        answer = client.wait(stream)[0]
        self.assertEqual(answer.status, 200)
        self.assertIn(b"ok refs/heads/topic", answer.text)
        self.assertIn("refs/heads/topic", self.refs(there))

    def test_what_is_no_push_is_answered_as_one(self):
        there, _ = self.new_repository("odd")
        commands, pack = self.command(there, "topic")
        cut_short = pack[: len(pack) // 2]
        for name, body in {
            "no commands": b"",
            "half a command": commands[:20],
            "no pkt-line": b"hello, world",
            "a signed one": b"0013push-cert\0report0000",
            "a pack that is cut short": self.command(there, "feature", self.refs(there)["refs/heads/feature"])[0] + cut_short,
        }.items():
            with self.subTest(name):
                before = self.refs(there)
                head = self.head("odd", f"Content-Length: {len(body)}\r\nConnection: close\r\n")
                answer = self.proxy.https(head + body, "github.com", 443)
                self.assertEqual(status(answer), 200, answer)
                self.assertIn(RESULT, answer)
                self.assertIn(b"x-ctrkit-refused: unclear", answer)
                self.assertEqual(self.refs(there), before)

    def test_the_probe_that_git_sends_first_passes(self):
        self.new_repository("probe")
        with self.arrives():
            answer = self.proxy.https(
                self.head("probe", "Content-Length: 4\r\nConnection: close\r\n") + b"0000", "github.com", 443
            )
        self.assertEqual(status(answer), 200, answer)


class Over2(Pushes):
    """A server that speaks HTTP/2, to which a push is one stream of many."""

    policy = GITHUB + 'hosts = ["github.com", "h2.test"]\n'

    def push_by_hand(self, client, there, old):
        """Send a push, and return the answer and what the server saw of it."""
        commands, pack = Push.command(self, there, "topic", old)
        mark, kind = self.world.mark(), "application/x-git-receive-pack-request"
        answer = client.get(
            "h2.test", 443, "/me/two.git/git-receive-pack", "POST", [("content-type", kind)], commands + pack
        )
        requests = [r for one in self.world.since(mark) for r in one["requests"]]
        return answer, requests or self.world.upstream.seen[-1]["requests"][-1:], len(commands + pack)

    def test_a_stream_is_reset_and_the_others_go_on(self):
        there, _ = self.new_repository("two")
        client = http2.Client(self.proxy.open_tls("h2.test", 443, alpn=("h2",)))
        answer, seen, size = self.push_by_hand(client, there, None)
        self.assertEqual((answer.status, answer.text), (200, b"hello\n"))
        self.assertEqual((seen[0]["body"], seen[0].get("whole")), (size, True))
        answer, seen, size = self.push_by_hand(client, there, "1" * 40)
        self.assertEqual(answer.status, 200)
        self.assertIn(b"ng refs/heads/topic it cannot be shown", answer.text)
        time.sleep(0.2)
        self.assertLessEqual(seen[0]["body"], size - 32)
        self.assertEqual((seen[0].get("reset"), seen[0].get("whole")), (True, None))
        self.assertEqual(client.get("h2.test", 443, "/user").status, 200)


class Elsewhere(Pushes):
    """A repository that may not be written to, and branches that may."""

    policy = GITHUB + (
        'repositories = ["me/mine*"]\nbranches = ["bot/*", "refs/tags/nightly-*"]\n'
        '[github.operations]\ndelete-ref = "allow"\nforce-push = "allow"\n'
    )

    def test_only_what_is_named_is_written_to(self):
        there, work = self.new_repository("mine-too")
        self.refused(there, work, "refs/heads/topic", "main:topic", reason="branch")
        for pushed in (
            ["main:bot/x"], ["main:refs/tags/nightly-1"], ["--force", "main~1:bot/x"],
            ["--delete", "bot/x"],
        ):  # fmt: skip
            run = self.push(work, "origin", *pushed)
            self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(set(self.refs(there)), {"refs/heads/main", "refs/heads/feature", "refs/tags/nightly-1"})
        there, work = self.new_repository("theirs")
        record = self.refused(there, work, "me/theirs", "main:bot/x", reason="repository")
        self.assertEqual(record["operation"], "push")
