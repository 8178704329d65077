"""The filter and `filtergen --check` decide alike, on everything."""

import importlib.util
import json
import os
import random
import subprocess
import time

from world import FILTERGEN, Case, status
from test_wire import LOOPBACK

SEED = int(os.environ.get("CTRKIT_TEST_SEED", time.time_ns()))
LABELS = ["a", "b", "www", "xn--bcher-kva", "1", "a-b"]
ENDS = ["x.test", "y.test", "example.org", "org", "test"]
ODD = ["127.0.0.1", "127.1", "0x7f.1", "a..x.test", "-a.x.test", "a_b.x.test", "*.x.test", "", "."]
ODD += ["a" * 64 + ".x.test", "x.test..", "X.TEST.", "bücher.example", "a.0x1f", "a.123", "[::1]"]
ALLOWED_METHODS = ["GET", "HEAD", "POST", "PUT", "PROPFIND", "M-SEARCH"]
METHODS = ["GET", "HEAD", "POST", "PUT", "get", "CONNECT", "trace", "PROPFIND", "M-SEARCH", "X1"]


def a_name(choose):
    labels = [choose.choice(LABELS) for _ in range(choose.randint(0, 3))]
    return ".".join([*labels, choose.choice(ENDS)])


def a_policy(choose, ports):
    """Return the entries of a policy."""
    entries = {}
    for _ in range(choose.randint(1, 12)):
        name = a_name(choose)
        if choose.random() < 0.5 and "." in name:
            name = f"*.{name}"
        through = choose.random() < 0.15
        entry = {"kind": "passthrough" if through else "allow", "name": name}
        if choose.random() < 0.7:
            some = choose.sample(ports, choose.randint(1, len(ports)))
            entry["ports"] = [port for port in some if not (through and port == 80)] or [443]
        if not through and choose.random() < 0.5:
            entry["methods"] = choose.sample(ALLOWED_METHODS, choose.randint(1, 4))
        if not through and choose.random() < 0.3:
            entry["websockets"] = True
        entries.setdefault(name, entry)
    return list(entries.values())


def a_narrower(choose, entries):
    """Return entries that lie within some of `entries`."""
    found = {}
    for entry in choose.sample(entries, choose.randint(1, len(entries))):
        through, name = entry["kind"] == "passthrough", entry["name"]
        if name.startswith("*.") and choose.random() < 0.5:
            name = choose.choice(["", "a.", "*.b."]) + name[2:]
        ports = entry.get("ports", [443] if through else [443, 80])
        less = {**entry, "name": name, "ports": choose.sample(ports, choose.randint(1, len(ports)))}
        if not through and choose.random() < 0.6:
            methods = entry.get("methods", ALLOWED_METHODS)
            less["methods"] = choose.sample(methods, choose.randint(1, len(methods)))
        if choose.random() < 0.5:
            less.pop("websockets", None)
        found.setdefault(name, less)
    return list(found.values())


def as_toml(entries):
    """Return the text of a policy, in which JSON's values are TOML's too."""
    lines = ['schema = "policy/1"']
    for entry in entries:
        lines += [f"[[{entry['kind']}]]", LOOPBACK.strip()]
        lines += [f"{key} = {json.dumps(entry[key])}" for key in entry if key != "kind"]
    return "\n".join(lines) + "\n"


def names_of(*policies):
    return sorted({entry["name"] for policy in policies for entry in policy})


def a_question(choose, ports, names):
    """Return method, scheme, name, port; the name is often one of `names`."""
    name = choose.choice(ODD) if choose.random() < 0.1 else a_name(choose)
    if choose.random() < 0.8:
        name = choose.choice(names).removeprefix("*.")
        name = choose.choice(["", "", "a.", "b.www."]) + name
    if choose.random() < 0.1 and not name.startswith("["):
        name = name.upper() + "."
    scheme = choose.choice(["https", "https", "http", "wss", "ws", "ftp"])
    return choose.choice([*METHODS, *ALLOWED_METHODS]), scheme, name, choose.choice(ports)


def ask_filtergen(arguments, questions):
    lines = [f"{method} {scheme}://{name}:{port}/p" for method, scheme, name, port in questions]
    run = subprocess.run(
        [FILTERGEN, *arguments, "--check", "-"],
        input="\n".join(lines) + "\n", capture_output=True, text=True,
    )
    answers = run.stdout.splitlines()
    assert len(answers) == len(questions), run.stderr
    return answers


def explain(decision):
    """Say what filtergen would say of a decision."""
    verdict = "allowed" if decision.allowed else "refused"
    why = decision.reason or ("passthrough" if decision.rule.passthrough else "allow")
    return verdict, why, f" by {decision.rule.text}" if decision.rule else ""


class Decide(Case):
    policy = '[[allow]]\nname = "example.org"\n'

    def load(self, path):
        spec = importlib.util.spec_from_file_location("filter", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def random_policy(self, choose, ports, narrow):
        """Return the arguments for a policy, narrowed if asked for, and all
        names in it, also those that are not allowed any more."""
        path, less = (self.proxy.directory / f"{name}.toml" for name in ("random", "narrow"))
        entries = a_policy(choose, ports)
        path.write_text(as_toml(entries))
        if not narrow:
            return ["--policy", path], names_of(entries)
        within = a_narrower(choose, entries)
        less.write_text(as_toml(within))
        return ["--policy", path, "--narrow", less], names_of(entries, within)

    def test_in_plain_python(self):
        choose, filter, ports = random.Random(SEED), self.load(self.proxy.filter), [443, 80, 8443]
        asked = allowed = 0
        for number in range(60):
            arguments, names = self.random_policy(choose, ports, narrow=number % 2)
            command = [FILTERGEN, *arguments, "--print"]
            text = subprocess.run(command, capture_output=True)
            self.assertEqual(text.returncode, 0, f"seed {SEED}: {text.stderr}")
            generated = self.proxy.directory / "random.py"
            generated.write_bytes(text.stdout)
            policy = filter.read_file(generated)[1]
            questions = [a_question(choose, ports, names) for _ in range(150)]
            for question, answer in zip(questions, ask_filtergen(arguments, questions)):
                method, scheme, name, port = question
                websocket = scheme in ("ws", "wss")
                scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
                name = name.strip("[]")
                decision = policy.decide(scheme, name, port, method, websocket)
                verdict, why, rule = explain(decision)
                start, _, end = answer.partition(f"{question[1]}://{question[2]}:{port}/p ")
                self.assertEqual(start, f"{verdict} {method} ", f"seed {SEED}: {answer}")
                end = end.split(" (it is sent as")[0]
                self.assertEqual(end, why + rule, f"seed {SEED}: {answer}")
                asked, allowed = asked + 1, allowed + decision.allowed
                # What a tunnel is opened for is a part of what is allowed in it.
                if decision.allowed and scheme == "https":
                    self.assertTrue(policy.tunnel(name, port).allowed)
        self.assertGreater(asked, 8000)
        self.assertGreater(allowed, asked // 25, "the questions must hit")

    def test_on_the_real_proxy(self):
        choose, ports = random.Random(SEED), [self.world.port, 443]
        asked = allowed = 0
        for number in range(6):
            path = self.proxy.directory / "policy.toml"
            digest = self.proxy.errors.read_text().count("the policy is now")
            entries = a_policy(choose, ports)
            names = names_of(entries)
            self.proxy.set_policy(as_toml(entries).partition("\n")[2])
            for _ in range(100):
                if self.proxy.errors.read_text().count("the policy is now") > digest:
                    break
                time.sleep(0.05)
            questions = []
            while len(questions) < 60:
                question = a_question(choose, ports, names)
                if question[2].rstrip(".").lower().endswith(".test") and question[1] in ("http", "https"):
                    questions.append((question[0], question[1], question[2], self.world.port))
            for question, answer in zip(questions, ask_filtergen(["--policy", path], questions)):
                method, scheme, name, port = question
                mark = self.world.mark()
                passthrough = " passthrough by " in answer
                if scheme == "https":
                    self.ask_https(name, port, method, passthrough)
                else:
                    head = f"{method} http://{name}:{port}/p HTTP/1.1\r\nHost: {name}:{port}\r\n"
                    self.proxy.plain(head.encode() + b"Connection: close\r\n\r\n")
                time.sleep(0.01)
                seen = any(each["requests"] for each in self.world.since(mark))
                self.assertEqual(seen, answer.startswith("allowed"), f"seed {SEED}: {answer}")
                asked, allowed = asked + 1, allowed + seen
        self.assertGreaterEqual(asked, 300)
        self.assertGreater(allowed, 10, "the questions must hit")

    def ask_https(self, name, port, method, passthrough):
        head = f"{method} /p HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n"
        authority = self.world.ca if passthrough else None
        sni = name.rstrip(".").lower()
        return status(self.proxy.https(head.encode(), name, port, sni=sni, authority=authority))
