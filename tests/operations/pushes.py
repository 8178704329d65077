"""What `git push` sends, made by hand: every command, in every spelling, with and without pack.

Whatever the filter lets through is given to git's own server, and the refs before and after it
say what was done.
"""

import gzip
import hashlib
import random
import struct
import zlib

ZERO = "0" * 40
CAPABILITIES = "report-status side-band-64k agent=git/2.47.3 object-format=sha1"
TYPE = ("content-type", "application/x-git-receive-pack-request")


def line(text):
    """Return a pkt-line."""
    data = text if isinstance(text, bytes) else text.encode("latin-1", "replace")
    return b"%04x" % (len(data) + 4) + data


def a_commit(parents, tree, text):
    """Return an object's name and content."""
    head = f"tree {tree}\n" + "".join(f"parent {one}\n" for one in parents)
    data = f"{head}author x <x@x.test> 1 +0000\ncommitter x <x@x.test> 1 +0000\n\n{text}\n".encode()
    return hashlib.sha1(b"commit %d\0" % len(data) + data).hexdigest(), data


def entry(kind, data):
    size, first = len(data), kind << 4 | len(data) & 15
    out, size = bytearray(), size >> 4
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out) + zlib.compress(data)


def pack(commits, count=None, version=2):
    """Return a pack of commits."""
    data = b"PACK" + struct.pack(">II", version, len(commits) if count is None else count)
    data += b"".join(entry(1, commit) for commit in commits)
    return data + hashlib.sha1(data).digest()


class Repository:
    """What is known of a repository that a push is made for: its refs and its tree."""

    def __init__(self, refs, tree):
        self.refs, self.tree = refs, tree
        self.number = 0

    def child(self, old, depth=1):
        """Return a descendant of `old`, and the commits on the way."""
        commits, tip = [], old
        for _ in range(depth):
            self.number += 1
            tip, data = a_commit([tip] if tip else [], self.tree, f"commit {self.number}")
            commits.append(data)
        return tip, commits


# fmt: off
ODD = [
    "refs/heads/main ", " refs/heads/main", "refs/heads//main", "refs/heads/./main", "refs/heads/x/../main", "HEAD", "main",
    "refs/heads/main.lock", "refs/heads/main\0x", "refs/Heads/main", "REFS/HEADS/MAIN", "refs/heads/Main", "refs/heads/main/",
    "refs/heads/main\t", "refs/heads/\u00a0main", "refs/heads/ma\u00adin", "refs/remotes/origin/main", "refs/tags/v2",
    "refs/notes/commits", "refs/pull/1/head", "refs/pull/1/merge", "refs/replace/" + "1" * 40, "refs/heads/main^{}",
    "refs/heads/main~1", "refs/heads/@{-1}", "refs/heads/-main", "refs/for/main", "refs/changes/01/1/1", "refs/meta/config",
    "refs/heads/refs/heads/main", "refs/heads/main\\", "refs/../refs/heads/main", "refs/heads/%6dain", "refs/heads/gh-pages",
    "refs/heads/release/1", "refs/stash", "refs/bisect/bad", "refs/heads", "refs/", "refs/heads/main\r", "refs/heads/*",
]
# fmt: on


class Writer:
    """Draws pushes by chance, in a repository."""

    def __init__(self, choose, repository):
        self.choose, self.repository = choose, repository
        self.rate = 0  # of what is strange, in the push that is being made

    def command(self):
        """Return old, new, ref and the commits that go with it."""
        choose, refs = self.choose, self.repository.refs
        way = choose.choice(
            ["bad", "bad", "good", "good", "good", "delete", "force", "odd", "tag", "liar", "liar"]
        )
        if way == "bad":
            ref = choose.choice(
                [
                    "refs/heads/main",
                    "refs/heads/main",
                    "refs/heads/master",
                    "refs/heads/release/2",
                    "refs/heads/gh-pages",
                ]
            )
        elif way == "odd":
            ref = choose.choice(ODD)
        elif way == "tag":
            ref = choose.choice(["refs/tags/v1", "refs/tags/v3"])
        else:
            ref = choose.choice(
                ["refs/heads/topic", "refs/heads/agent/one", f"refs/heads/new{choose.randrange(9)}"]
            )
        old = refs.get(ref, ZERO)
        if way == "delete":
            return (
                choose.choice([old, refs["refs/heads/main"], ZERO]),
                ZERO,
                choose.choice([ref, "refs/heads/main", "refs/tags/v1"]),
                [],
            )
        if way == "force":
            old = refs["refs/heads/topic"]
            new, commits = self.repository.child(choose.choice([None, refs["refs/heads/main"]]))
            return old, new, "refs/heads/topic", commits
        if way == "liar":  # the old id is not what is there, so nothing may follow from it
            false, chain = self.repository.child(None)
            new, commits = self.repository.child(choose.choice([false, None]))
            return (
                choose.choice([ZERO, false, refs["refs/heads/main"]]),
                new,
                "refs/heads/topic",
                chain + commits,
            )
        new, commits = self.repository.child(
            (
                None
                if old == ZERO and choose.random() < 0.3
                else old if old != ZERO else refs["refs/heads/main"]
            ),
            choose.choice([1, 1, 3]),
        )
        return old, new, ref, commits

    def spelled(self, old, new, ref, first):
        """Return one command, perhaps as nobody writes it."""
        choose = self.choose
        text = f"{old} {new} {ref}"
        if choose.random() < self.rate:
            text = choose.choice(
                [
                    text.upper(),
                    text.replace(" ", "  ", 1),
                    text.replace(" ", "\t", 1),
                    f" {text}",
                    f"{old}{new} {ref}",
                    f"{text} x",
                ]
            )
        if first or choose.random() < self.rate:
            text += (
                "\0"
                + choose.choice(["", " "])
                + choose.choice(
                    [
                        CAPABILITIES,
                        CAPABILITIES,
                        "report-status-v2 side-band-64k atomic ofs-delta",
                        "",
                        "report-status",
                        "push-options " + CAPABILITIES,
                        "atomic",
                        "object-format=sha256 report-status",
                        f"push-cert=x {CAPABILITIES}",
                        "quiet delete-refs report-status",
                    ]
                )
            )
        if choose.random() < 0.5:
            text += "\n"
        data = line(text)
        if choose.random() < self.rate:
            size = int(data[:4], 16)
            data = choose.choice(
                [
                    data[:4].upper() + data[4:],
                    b"%04x" % (size + 1) + data[4:],
                    b"%04x" % (size - 1) + data[4:],
                    b"0004" + data,
                    b"0003" + data,
                    b"0001" + data,
                    b"0002" + data,
                    b" %3x" % size + data[4:],
                    b"+%03x" % size + data[4:],
                    b"0x%02x" % (size & 255) + data[4:],
                ]
            )
        return data

    def push(self):
        """Return the body of a push."""
        choose = self.choose
        self.rate = choose.choice([0, 0, 0.03, 0.2])
        commands = [self.command() for _ in range(choose.choice([1, 1, 1, 2, 3, 20]))]
        if choose.random() < self.rate:
            commands.append(choose.choice(commands))
        if choose.random() < 0.2:  # what is harmless goes first
            topic = self.repository.refs["refs/heads/topic"]
            new, commits = self.repository.child(topic)
            commands.insert(0, (topic, new, "refs/heads/topic", commits))
        body = b"".join(line(f"shallow {'1' * 40}") for _ in range(choose.random() < self.rate))
        spelled = [self.spelled(*command[:3], first=not at) for at, command in enumerate(commands)]
        if choose.random() < self.rate / 2:
            nonce = [
                f"push-cert\0{CAPABILITIES}\n",
                "certificate version 0.1\n",
                "pusher x\n",
                "nonce x\n",
                "\n",
            ]
            lines = [f"{old} {new} {ref}\n" for old, new, ref, _ in commands] + [
                "-----BEGIN PGP SIGNATURE-----\n",
                "push-cert-end\n",
            ]
            spelled = [line(text) for text in nonce + lines]
        body += b"".join(spelled) + (
            choose.choice([b"", b"00000000", b"0001", b"0004"])
            if choose.random() < self.rate
            else b"0000"
        )
        if b"push-options" in body and choose.random() < 0.8:
            body += line("ci.skip") + b"0000"
        commits = [data for command in commands for data in command[3]]
        choose.shuffle(commits)
        if any(command[1] != ZERO for command in commands) or choose.random() < 0.1:
            count = choose.choice([0, 1, 999]) if choose.random() < self.rate else None
            body += pack(commits, count)
        if choose.random() < self.rate:
            body = body[: choose.randrange(len(body))]
        if choose.random() < self.rate:
            body += choose.choice(
                [b"0000", b"\0", b"PACK", line(f"{ZERO} {ZERO} refs/heads/main"), b"x" * 70]
            )
        return body

    def request(self):
        """Return headers and body of a push."""
        choose, body, headers = self.choose, self.push(), [TYPE]
        way = choose.random() / max(5 * self.rate, 0.1)
        if way < 0.06:
            body, headers = gzip.compress(body, mtime=0), [
                TYPE,
                ("content-encoding", choose.choice(["gzip", "x-gzip", "GZIP"])),
            ]
        elif way < 0.09:
            body = gzip.compress(body, mtime=0)
        elif way < 0.12:
            headers = [
                TYPE,
                (
                    "content-encoding",
                    choose.choice(["identity", "gzip", "br", "deflate", "gzip, gzip"]),
                ),
            ]
        elif way < 0.15:
            headers = [
                (
                    "content-type",
                    choose.choice(["text/plain", "application/x-git-upload-pack-request", ""]),
                )
            ]
        return headers, body


def pieces(choose, body):
    """Return a body in the pieces in which it may come."""
    if choose.random() < 0.4 or len(body) < 8:
        return [body]
    if choose.random() < 0.2:
        return [body[at : at + 1] for at in range(len(body))]
    cuts = sorted(choose.sample(range(1, len(body)), min(choose.choice([1, 2, 7]), len(body) - 1)))
    return [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)])]


def writer(seed, repository):
    return Writer(random.Random(f"pushes {seed}"), repository)
