"""Thousands of spellings, from a seed, beside a reading that is not the filter's.

What the filter lets through is read again as the most tolerant server would;
each refused operation that is then found is a hole. The plain spelling of each
is there too, and of what is allowed, so that neither side can be blind.
"""

import itertools
import json
import os
import random
import re
import time
import unicodedata
import unittest
import urllib.parse

from guarded import GuardCase, as_headers, guard
from test_operations_push import PUSH, ZERO, commit_of, object_of, pack_of, packet

SEED = int(os.environ.get("CTRKIT_TEST_SEED", time.time_ns()))
R = r"(?:api/(?:v\d|uploads)/|api/)?repos(?:/[^/]+/[^/]+|itories/\d+)/"
DOORS = [
    (R + r"pulls/\d+/merge\b", "POST PUT PATCH"), (R + r"merges\b", "POST"), (R + r"git/refs\b", "POST PATCH DELETE"),
    (R + r"pulls/\d+/update-branch\b", "PUT"), (R + r"merge-upstream\b", "POST"), (R + r"contents/", "PUT DELETE"),
    (R + r"hooks\b", "POST"), (R + r"collaborators/", "PUT"), (R + r"releases\b", "POST"),
    (R + r"dispatches\b", "POST"), (R + r"actions/workflows/[^/]+/dispatches", "POST"),
    (R + r"branches/.+/protection", "PUT DELETE"), (R.rstrip("/") + r"\Z", "PATCH DELETE"), (r"gists\b", "POST"),
]  # fmt: skip
DOORS = [(re.compile(template), methods.split()) for template, methods in DOORS]


def readings_of(path):
    """Yield a path as it is after each of some decodings, and cleaned."""
    for _ in range(4):
        for text in (path, re.sub(r"[;?#\0].*?(?=/|\Z)", "", path), re.split(r"[?#\0]", path)[0], path.replace("+", " ")):
            text = unicodedata.normalize("NFKC", text).casefold().replace("\\", "/").replace("\u2215", "/")
            text = "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cf"))
            clean = []
            for part in text.split("/"):
                part = part.strip()
                if part == "..":
                    del clean[-1:]
                elif part.rstrip(". "):
                    clean.append(part.rstrip(". "))
            yield "/".join(clean)
        decoded = urllib.parse.unquote_to_bytes(path.encode("utf-8", "surrogatepass"))
        lenient = decoded.replace(b"\xc0\xaf", b"/").replace(b"\xc0\xae", b".")
        path = lenient.decode("utf-8", "replace")


def methods_of(method, headers, query, body):
    found = {method.upper()}
    for name, value in headers.items():
        if "method" in name.lower():
            found.add(value.upper())
    for text in (query, body):
        for _ in range(3):
            found |= {one.upper() for one in re.findall(r"method\W*=(\w+)", text, re.I)}
            text = urllib.parse.unquote(text)
    return found


def door(method, target, headers, body):
    """Return the door that a tolerant server would open, None if none."""
    path, _, query = target.partition("?")
    methods = methods_of(method, headers, query, body)
    for text, (template, through) in itertools.product(readings_of(path), DOORS):
        if template.match(text) and methods & set(through):
            return template.pattern
    return None


PLAIN = [
    ("PUT", "/repos/o/r/pulls/12/merge"), ("POST", "/repos/o/r/merges"), ("POST", "/repositories/7/git/refs"),
    ("PATCH", "/repos/o/r/git/refs/heads/x"), ("DELETE", "/repos/o/r/git/refs/heads/x"), ("DELETE", "/repos/o/r"),
    ("PUT", "/repos/o/r/pulls/1/update-branch"), ("PUT", "/repos/o/r/contents/a"), ("POST", "/repos/o/r/hooks"),
    ("POST", "/repos/o/r/actions/workflows/a/dispatches"), ("PUT", "/repos/o/r/branches/main/protection"),
    ("PUT", "/repositories/7/pulls/12/merge"), ("POST", "/repos/o/r/merge-upstream"), ("POST", "/gists"),
]  # fmt: skip
FINE = [
    ("POST", "/repos/o/r/issues"), ("PATCH", "/repos/o/r/issues/1"), ("POST", "/repos/o/r/pulls"),
    ("POST", "/repos/o/r/issues/1/comments"), ("PATCH", "/repos/o/r/pulls/1"), ("POST", "/repos/o/r/labels"),
    ("GET", "/repos/o/r/pulls/12/merge"), ("GET", "/repos/o/r/contents/a"), ("GET", "/repos/o/r"),
]  # fmt: skip
WIDE = dict(zip("mergpulsitofabch./", "ｍｅｒｇｐｕｌｓｉｔｏｆａｂｃｈ．／"))


def escape(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def spelt(choose, target):
    """Return a target in another spelling, of one or more kinds."""
    for _ in range(choose.choice([1, 1, 2, 3])):
        place = choose.randrange(len(target))
        here, slash = target[place], target.rfind("/", 0, choose.randrange(1, len(target)) + 1)
        put = lambda text, at=slash: target[:at] + text + target[at:]
        swap = lambda text: target[:place] + text + target[place + 1 :]
        target = choose.choice([
            lambda: swap(escape(here)), lambda: swap(escape(here).lower()), lambda: swap(here.swapcase()),
            lambda: swap("%25" + escape(here)[1:]), lambda: swap("%" + escape(escape(here))[1:]),
            lambda: swap(escape(WIDE.get(here, here))), lambda: put("/"), lambda: put("/."), lambda: put("/x/.."),
            lambda: put("/%2e%2e/x", 0), lambda: put("%2f"), lambda: put("\\"), lambda: put("%5c"), lambda: put(";a=b"),
            lambda: put("%3bx"), lambda: target + "/", lambda: target + choose.choice([".", "%20", "%00", ";", "%3f", ".json"]),
            lambda: target + "?a=b", lambda: target + "#x", lambda: put("%c0%af"), lambda: put("/%c0%ae%c0%ae"),
            lambda: swap("%E2%80%8B" + here), lambda: put("/api/v3", 0), lambda: put("%09"), lambda: target + "+",
            lambda: target.replace("/", "%2F", choose.randint(1, 3)), lambda: target.upper(), lambda: put("//", 0),
        ])()  # fmt: skip
    return target


class Seeded(GuardCase):
    def setUp(self):
        self.choose = random.Random(SEED)
        self.trusting = guard(other_writes="allow")

    def request(self, choose):
        method, target = choose.choice(PLAIN + FINE)
        headers, body = {}, "{}"
        if choose.random() < 0.8:
            target = spelt(choose, target)
        if choose.random() < 0.15:
            name = choose.choice(["X-HTTP-Method-Override", "x_http_method", "X-Method-Override"])
            method, headers = choose.choice(["GET", "POST"]), {name: method}
        elif choose.random() < 0.15:
            name = choose.choice(["_method", "%5fmethod", "_METHOD", "%255Fmethod"])
            query, method = f"{name}={method}", choose.choice(["GET", "POST"])
            target = f"{target}{choose.choice('?&') if '?' in target else '?'}{query}"
        return method, target, headers, body

    def test_paths(self):
        self.assertTrue(all(door(method, target, {}, "") for method, target in PLAIN))
        self.assertFalse(any(door(method, target, {}, "") for method, target in FINE))
        passed = 0
        for _ in range(4000):
            method, target, headers, body = self.request(self.choose)
            host = self.choose.choice(["api.github.com", "git.corp.example"])
            if host != "api.github.com" and not target.startswith("/api"):
                target = "/api/v3" + target
            opened = door(method, target, headers, body)
            for by in (self.guard, self.trusting):
                pairs = as_headers({**headers, "content-type": "application/json"})
                verdict = by.begin(host, method, target, pairs)
                if verdict.kind == "body":
                    verdict = by.body(verdict, pairs, body.encode())
                if verdict.kind == "allow":
                    passed += 1
                    self.assertIsNone(opened, f"seed {SEED}: {method} {target} {headers} on {host}")
        self.assertGreater(passed, 400)

    def test_ordinary_spellings(self):
        for _ in range(300):
            method, target = self.choose.choice(FINE)
            for _ in range(self.choose.randint(0, 4)):
                place = self.choose.choice([at for at, one in enumerate(target) if one.isalpha()] or [0])
                if target[max(0, place - 2) : place].count("%") == 0:
                    target = target[:place] + escape(target[place]) + target[place + 1 :]
            verdict = self.ask(method, target, b"" if method == "GET" else b"{}")
            self.assertEqual(verdict.kind, "allow", f"seed {SEED}: {method} {target} {verdict}")


BAD = ["mergePullRequest", "enablePullRequestAutoMerge", "mergeBranch", "createRef", "deleteRef", "aNewThing"]
GOOD = ["addComment", "createIssue", "updatePullRequest", "closePullRequest"]
NOISE = ["# mergePullRequest\n", "\n", "\t", ", ", '#"\n', "# } mutation {mergePullRequest}\n", " "]


class Grammar:
    """Makes documents of which it is known what they do."""

    def __init__(self, choose):
        self.choose, self.fragments, self.writes = choose, [], set()

    def space(self):
        return self.choose.choice(NOISE) if self.choose.random() < 0.5 else " "

    def field(self, name):
        alias = self.choose.choice(["", "a:", "mergePullRequest :", "b #x\n:"])
        text = self.choose.choice(['"mergePullRequest"', '"}#\\""', "{c:[1,$v]}", "APPROVED", '"\\u006d"'])
        directive = self.choose.choice(["", "@skip(if:true)", "@include(if:false)"])
        return f"{alias}{self.space()}{name}{self.space()}(input:{{body:{text}}}){directive}{{clientMutationId}}"

    def selection(self, kind, depth=0):
        parts = []
        for _ in range(self.choose.randint(1, 3)):
            if depth < 3 and self.choose.random() < 0.4:
                inner = self.selection(kind, depth + 1)
                if self.choose.random() < 0.5:
                    name = f"f{len(self.fragments)}"
                    self.fragments.append(f"fragment {name} on {self.choose.choice(['Mutation', 'X'])}{{{inner}}}")
                    parts.append(f"...{name}")
                else:
                    parts.append(self.choose.choice(["...", "... on Mutation", "...@include(if:false)"]) + f"{{{inner}}}")
            elif kind == "query":
                parts.append(self.field(self.choose.choice(["viewer", "node", "search"])))
            else:
                name = self.choose.choice(GOOD * 3 + BAD)
                self.writes.add(name)
                parts.append(self.field(name))
        return self.space().join(parts)

    def document(self):
        kinds = [self.choose.choice(["query", "mutation", "mutation"]) for _ in range(self.choose.randint(1, 3))]
        operations = [f"{kind} O{n}($v:Int){self.space()}{{{self.selection(kind)}}}" for n, kind in enumerate(kinds)]
        parts = operations + self.fragments
        self.choose.shuffle(parts)
        return self.space().join(parts)


class SeededDocuments(GuardCase):
    def test_documents(self):
        choose, passed, refused = random.Random(SEED), 0, 0
        for _ in range(1000):
            grammar = Grammar(choose)
            text = grammar.document()
            value = {"query": text, "operationName": choose.choice(["O0", None]), "variables": {"v": 1}}
            body = json.dumps(value)
            if choose.random() < 0.3:
                body = re.sub("[mM]erge", lambda found: f"\\u{ord(found[0][0]):04x}" + found[0][1:], body)
            verdict = self.ask("POST", "/graphql", body.encode())
            bad = grammar.writes & set(BAD)
            self.assertEqual(verdict.kind, "refuse" if bad else "allow", f"seed {SEED}: {text} {verdict}")
            passed, refused = passed + (not bad), refused + bool(bad)
        self.assertGreater(min(passed, refused), 100)


class SeededPushes(GuardCase):
    """Pushes of which it is known whether they may pass."""

    def commands(self, choose, commits):
        """Return commands, and whether all of them may pass."""
        lines, good, names = [], True, choose.sample(range(50), choose.randint(1, 4))
        for number in names:
            protected = choose.random() < 0.1
            ref = choose.choice(["refs/heads/main", "refs/tags/v%d", "refs/heads/Release/%d"]) if protected else "refs/heads/b%d"
            ref = ref.replace("%d", str(number))
            kind = choose.choice(["create", "forward", "forward", "back", "delete"]) if choose.random() < 0.5 else "forward"
            at = sorted(choose.sample(range(len(commits)), 2))
            old, new = commits[at[0]], commits[at[1]]
            old, new = {"create": (ZERO, new), "back": (new, old), "delete": (old, ZERO)}.get(kind, (old, new))
            good = good and not protected and kind in ("create", "forward")
            lines.append(f"{old} {new} {ref}")
        return lines, good

    def test_pushes(self):
        choose, passed, refused = random.Random(SEED), 0, 0
        history, objects = ["1" * 40], []
        for number in range(12):
            name, content = commit_of(*["8" * 40] * (number % 2), history[-1])
            history.append(name)
            objects += [object_of(1, content), object_of(3, choose.randbytes(choose.randint(0, 200)))]
        pack = pack_of(*objects)
        for _ in range(400):
            lines, good = self.commands(choose, history)
            body = packet(lines[0] + "\0 report-status") + b"".join(packet(text + "\n") for text in lines[1:])
            body += b"0000" + (b"" if all(f" {ZERO} " in text for text in lines) else pack)
            push = self.guard.push(self.guard.begin("github.com", "POST", "/o/r/git-receive-pack", PUSH), PUSH)
            place = 0
            while place < len(body):
                size = choose.choice([1, 5, 100, 5000])
                push.feed(body[place : place + size])
                place += size
            verdict = push.finish()
            self.assertEqual(verdict.kind, "allow" if good else "refuse", f"seed {SEED}: {lines} {verdict}")
            passed, refused = passed + good, refused + (not good)
        self.assertGreater(min(passed, refused), 50)


if __name__ == "__main__":
    unittest.main()
