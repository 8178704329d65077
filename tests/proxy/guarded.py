"""The parts of the filter that know GitHub, alone: no proxy takes part."""

import importlib.util
import pathlib
import sys
import tempfile
import unittest

PARTS = pathlib.Path(__file__).parents[2] / "tools/filtergen/src/filter"
DEFAULT_PROTECTED = ["main", "master", "trunk", "develop", "release/*", "releases/*"]
DEFAULT_PROTECTED += ["production", "gh-pages"]
ALLOWED = ("pr-write", "issue-write", "push")


def load():
    """Return the parts as one module, joined as they are in the filter."""
    names = sorted(PARTS.glob("operations*.py"))
    text = "\n".join(path.read_text() for path in names)
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "operations_joined.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("operations_joined", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


operations = load()


def policy(**changes):
    """Return a composed [github], the defaults with changes; operations are
    changed by their names with `_` for `-`."""
    table = {
        "hosts": ["github.com", "corp.ghe.com", "git.corp.example"],
        "addresses": [],
        "nodes": [],
        "branches": ["*"],
        "protected": DEFAULT_PROTECTED,
    }
    decided = {name: "refuse" for name in operations.OPERATIONS}
    decided.update({name: "allow" for name in ALLOWED})
    for key, value in changes.items():
        if key.replace("_", "-") in decided:
            decided[key.replace("_", "-")] = value
        else:
            table[key] = value
    return {**table, "operations": decided}


def guard(**changes):
    return operations.Guard(policy(**changes))


def as_headers(headers):
    return [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]


class GuardCase(unittest.TestCase):
    """Asks a guard as the proxy does."""

    guard = guard()

    def ask(self, method, target, body=b"", host="api.github.com", by=None, **headers):
        """Return the verdict on a whole request, but a push."""
        by = by or self.guard
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        if body and "content-type" not in headers:
            headers["content-type"] = "application/json"
        if body:
            headers.setdefault("content-length", str(len(body)))
        headers = {key: value for key, value in headers.items() if value is not None}
        verdict = by.begin(host, method, target, as_headers(headers))
        if verdict.kind == "body":
            verdict = by.body(verdict, as_headers(headers), body)
        return verdict

    def passes(self, operation, *request, **more):
        verdict = self.ask(*request, **more)
        self.assertEqual((verdict.kind, verdict.operation), ("allow", operation), (request, verdict))
        return verdict

    def refused(self, reason, *request, operation=None, **more):
        verdict = self.ask(*request, **more)
        self.assertEqual((verdict.kind, verdict.reason), ("refuse", reason), (request, verdict))
        if operation:
            self.assertEqual(verdict.operation, operation, (request, verdict))
        self.assertTrue(verdict.detail.isprintable() and verdict.detail.isascii(), verdict.detail)
        return verdict
