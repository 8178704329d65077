"""The attack without a network: what the filter lets through is done, and looked at.

`run` asks a decider about every case; those that pass go to the oracle. Besides the delivered
filter there are deciders that are known to be bad, to show that the oracle can tell.
"""

import collections
import importlib.util
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import tempfile
import time

import cases
import documents
import effects
import friendly

SEED = int(os.environ.get("CTRKIT_TEST_SEED", 20261127))
HOSTS = ["github.com", "ghe.test", "acme.ghe.com"]
ADDRESSES = ["127.0.0.0/8"]
POLICIES = {
    "default": {},
    "narrow": {"repositories": ["me/*"], "nodes": ["R_good"]},
    "wide": {
        "branches": ["agent/*"],
        "operations": {"contents-write": "allow", "ref-update": "allow"},
    },
    "readonly": {"operations": {"pr-write": "refuse", "issue-write": "refuse", "push": "refuse"}},
    "trusting": {
        "operations": {
            name: "allow" for name in ("pr-merge", "auto-merge", "pr-approve", "release", "gist")
        }
    },
}


def as_toml(github):
    """Return the text of a policy with a `[github]` table."""
    table = {"hosts": HOSTS, "addresses": ADDRESSES, **github}
    operations = table.pop("operations", {})
    lines = ["[github]"] + [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    lines += ["[github.operations]"] + [
        f"{key} = {json.dumps(value)}" for key, value in operations.items()
    ]
    return "\n".join(lines) + "\n"


def render(text):
    """Return the filter for a policy as a module, as it would be delivered."""
    with tempfile.TemporaryDirectory() as directory:
        policy = pathlib.Path(directory) / "policy.toml"
        policy.write_text('schema = "policy/1"\n' + text)
        command = [os.environ["FILTERGEN"], "--policy", policy, "--print"]
        path = pathlib.Path(directory) / "filter.py"
        path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        spec = importlib.util.spec_from_file_location("filter", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


TARGET = re.compile(r"/[^\0-\x20\x7f]*\Z")


class Delivered:
    """The filter, asked as the proxy asks it."""

    def __init__(self):
        self.guards, self.raised = {}, collections.Counter()
        for name, github in POLICIES.items():
            module = render(as_toml(github))
            self.guards[name] = module.Guard(json.loads(module.POLICY)["policy"]["github"])

    def passes(self, case):
        if not TARGET.match(case.target):  # the proxy refuses it for all hosts alike
            return False
        try:
            return self.verdict(case).kind == "allow"
        except Exception as error:  # noqa: BLE001, the proxy refuses then
            self.raised[f"{type(error).__name__}: {error}"[:200]] += 1
            return False

    def verdict(self, case):
        guard = self.guards[case.policy]
        headers = [(b"host", case.host.encode())]
        headers += [(key.encode("latin-1"), value.encode("latin-1")) for key, value in case.headers]
        if case.body:
            headers.append((b"content-length", str(len(case.body)).encode()))
        assert guard.covers(case.host), case.host
        verdict = guard.begin(case.host, case.method, case.target, headers)
        if verdict.kind == "body":
            if len(case.body) > verdict.limit:
                verdict.kind = "refuse"
            else:
                verdict = guard.body(verdict, headers, case.body)
        if verdict.kind == "allow" and verdict.limit == 0 and case.body:
            verdict.kind = "refuse"  # the proxy holds it to that
        return verdict


class NamesAlone:
    """A policy of names, without rules about operations."""

    raised = collections.Counter()

    def passes(self, case):
        return bool(TARGET.match(case.target))


class TextMatch(NamesAlone):
    """What the predecessor did: two patterns in the text of a request."""

    def passes(self, case):
        if not super().passes(case):
            return False
        merges = case.method == "PUT" and re.search(r"/pulls/\d+/merge$", case.target)
        return not merges and b"mergePullRequest" not in case.body


# ---------------------------------------------------------------- the run


class Report:
    """What came of it."""

    def __init__(self):
        self.cases, self.passed = collections.Counter(), collections.Counter()
        self.flagged, self.refused, self.raised = [], [], collections.Counter()
        self.groups = collections.Counter()
        self.seconds = 0

    def add(self, other):
        self.cases += other.cases
        self.passed += other.passed
        self.flagged += other.flagged
        self.groups += other.groups
        self.refused += other.refused
        self.raised += other.raised

    def text(self):
        total, through = sum(self.cases.values()), sum(self.passed.values())
        return (
            f"{total} cases, {through} passed, {sum(self.groups.values())} of them refused operations, "
            f"{len(self.refused)} false refusals, {sum(self.raised.values())} exceptions, {self.seconds:.0f} s"
        )


RULES = {name: effects.Rules(github) for name, github in POLICIES.items()}
KEPT = 2000


def request_of(case):
    headers = [(key.lower(), value) for key, value in case.headers]
    return effects.Request(case.host, case.method, case.target, headers, case.body)


def objections(case):
    """Return what a case would do that its policy refuses."""
    found = []
    for effect in effects.effects(request_of(case)):
        objection = RULES[case.policy].objection(effect)
        if objection:
            found.append(f"{effect.how}: {objection}")
    return found


def attacks(seed, scale):
    """Yield every case of every generator."""
    yield from cases.requests(seed, scale)
    yield from documents.requests(seed, scale)


def ordinary():
    """Yield what programs ask all day."""
    return friendly.requests()


def innocent(seed, scale):
    yield from friendly.requests()
    yield from documents.innocent(seed, scale)


def part(decider, seed, scale, number, of):
    """Ask about every case whose turn it is: `number` of so many."""
    report = Report()
    step = lambda stream: itertools.islice(stream, number, None, of)
    for case in step(attacks(seed, scale)):
        report.cases[case.group] += 1
        if decider.passes(case):
            report.passed[case.group] += 1
            found = objections(case)
            if found:
                report.groups[case.group] += 1
                if len(report.flagged) < KEPT:
                    report.flagged.append((case, found))
    for case in step(innocent(seed, scale)):
        report.cases[case.group] += 1
        if decider.passes(case):
            report.passed[case.group] += 1
        else:
            report.refused.append(case)
    report.raised = decider.raised
    return report


DECIDER = []


def inherited(rest):
    """Work with what the fork has brought: modules are not sent to others."""
    return part(DECIDER[0], *rest)


def run(decider, seed=SEED, scale=1, jobs=2):
    """Ask `decider` about all cases, or about the part of them that `scale` says."""
    start, report = time.monotonic(), Report()
    DECIDER[:] = [decider]
    tasks = [(seed, scale, number, jobs) for number in range(jobs)]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for one in pool.map(inherited, tasks, chunksize=1):
            report.add(one)
    report.seconds = time.monotonic() - start
    return report
