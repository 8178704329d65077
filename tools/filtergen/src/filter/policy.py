# ---------------------------------------------------------------- the policy

MARK = "# ctrkit-filter/1 sha256:"
BEGIN, END = "\nPOLICY = r'''\n", "\n'''\n"
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z", re.ASCII)
NUMBER = re.compile(r"[0-9]*\Z|0x[0-9a-f]*\Z", re.ASCII)
METHOD = re.compile(r"[A-Za-z-]{1,32}\Z", re.ASCII)
REASONS = ["no-name", "unknown-name", "port", "scheme", "method", "websocket", "path"]
LIMITS = {"log_bytes": 16 << 20, "log_files": 4, "request_bytes": None}


def normalise(name):
    """Return a name as it came over the wire in its one spelling, or None."""
    if not isinstance(name, str) or not name.isascii():
        return None
    name = name[:-1] if name.endswith(".") else name
    name = name.lower()
    labels = name.split(".")
    if len(name) > 253 or not all(LABEL.match(label) for label in labels):
        return None
    return None if NUMBER.match(labels[-1]) else name


class Rule:
    """One entry of the policy."""

    def __init__(self, entry, passthrough):
        name = entry["name"]
        self.below = name.startswith("*.")
        self.name = normalise(name[2:] if self.below else name)
        if self.name is None:
            raise ValueError(f"not a name: {name!r}")
        self.ports = frozenset(entry["ports"])
        self.methods = frozenset(entry.get("methods", ()))
        self.paths = Paths(entry["paths"]) if entry.get("paths") else None
        self.websockets = entry.get("websockets", False) is True
        self.networks = [ipaddress.ip_network(text) for text in entry.get("addresses", ())]
        self.log = entry.get("log", True) is not False
        self.passthrough = passthrough
        self.text = f"{entry.get('from', '?')} {name}"

    def objection(self, scheme, port, method, websocket, target):
        """Return what speaks against a request that has the rule's name."""
        if port not in self.ports:
            return "port"
        if scheme == "https":
            other_scheme = port == 80
        else:
            other_scheme = scheme != "http" or port == 443 or self.passthrough
        if other_scheme:
            return "scheme"
        if self.passthrough:
            return None
        if self.methods:
            allowed = method in self.methods
        else:
            ordinary = METHOD.match(method) and method.upper() not in ("CONNECT", "TRACE")
            allowed = bool(ordinary)
        if not allowed:
            return "method"
        if websocket and not self.websockets:
            return "websocket"
        return "path" if self.paths and not self.paths.match(target) else None


# A request as far as its head tells, as it came over the wire.
Question = collections.namedtuple("Question", "scheme host port method websocket target headers")


class Decision:
    """What is done with a request, by which rule, and if refused, why.

    On a guarded host there is a verdict, and it may be that it is allowed only
    as far as its head tells.
    """

    def __init__(self, reason=None, rule=None, verdict=None):
        self.allowed = reason is None
        self.reason = reason
        self.rule = rule
        self.verdict = verdict

    @classmethod
    def of(cls, verdict, rule):
        """Return the decision that a guard's verdict is."""
        refused = (verdict.reason or "unclear") if verdict.kind == "refuse" else None
        return cls(refused, rule, verdict)


class Policy:
    """The policy, arranged so that its length does not matter."""

    def __init__(self, data):
        policy = data["policy"]
        if data["format"] != 1 or policy["schema"] != "policy/1":
            raise ValueError("the policy is of another version")
        self.container = str(data.get("container", ""))
        self.digest, self.document = data["digest"], policy
        self.mark = self.digest.rpartition(":")[2][:12]
        self.limits = {**LIMITS, **policy.get("limits", {})}
        self.github = policy.get("github")
        self.guard = self.guarded = None
        if self.github is not None:
            self.guard = Guard(self.github)
            name = self.github["hosts"][0]  # of all of them, it is one rule
            self.guarded = Rule({**self.github, "name": name, "ports": [443]}, False)
            self.guarded.text = f"{self.github.get('from', '?')} [github]"
        self.secrets = {}
        for each in policy.get("secret", ()):
            secret = Secret(each)
            self.secrets.setdefault(secret.host, []).append(secret)
        self.exact, self.under = {}, {}
        entries = [(entry, False) for entry in policy.get("allow", ())]
        entries += [(entry, True) for entry in policy.get("passthrough", ())]
        if not entries and self.guard is None:
            raise ValueError("the policy is empty")
        for entry, passthrough in entries:
            rule = Rule(entry, passthrough)
            index = self.under if rule.below else self.exact
            index.setdefault(rule.name, []).append(rule)

    def rules(self, name):
        """Return the rules that have `name`, the nearest first. A guarded host
        has one alone: no other opens it any further."""
        if self.guard is not None and self.guard.covers(name):
            return [self.guarded]
        found = list(self.exact.get(name, ()))
        suffix = name
        while suffix:
            found += self.under.get(suffix, ())
            suffix = suffix.partition(".")[2]
        return found

    def decide(self, scheme, name, port, method, websocket=False, target="/"):
        """Decide on a request; `filtergen --check` decides in the same way."""
        name = normalise(name)
        if name is None:
            return Decision("no-name")
        rules = self.rules(name)
        reason, nearest = "unknown-name", None
        for rule in sorted(rules, key=lambda rule: not rule.passthrough):
            objection = rule.objection(scheme, port, method, websocket, target)
            if objection is None:
                return Decision(None, rule)
            if REASONS.index(objection) > REASONS.index(reason):
                reason, nearest = objection, rule
        return Decision(reason, nearest)

    def judge(self, question):
        """Decide on a request as far as its head tells, operations included."""
        decision = self.decide(*question[:-1])
        if decision.allowed and decision.rule is self.guarded:
            host, headers = normalise(question.host), list(question.headers)
            verdict = self.guard.begin(host, question.method, question.target, headers)
            return Decision.of(verdict, decision.rule)
        return decision

    def judge_body(self, question, body):
        """Decide on a request by its head and its whole body."""
        decision = self.judge(question)
        if decision.allowed and decision.verdict and decision.verdict.kind != "allow":
            if decision.verdict.kind != "body":
                raise ValueError("a body is there already, and is not to be")
            verdict = self.guard.body(decision.verdict, list(question.headers), body)
            return Decision.of(verdict, decision.rule)
        return decision

    def guards_as(self, other):
        """Say whether another policy has the same rules about operations."""
        return operations_of(self.github) == operations_of(other.github)

    def tunnel(self, name, port):
        """Decide on a CONNECT: is there a rule for TLS to that name and port?"""
        name = normalise(name)
        if name is None:
            return Decision("no-name")
        rules = self.rules(name)
        for rule in sorted(rules, key=lambda rule: not rule.passthrough):
            if port in rule.ports and port != 80:
                return Decision(None, rule)
        if not rules:
            return Decision("unknown-name")
        return Decision("scheme" if any(port in r.ports for r in rules) else "port", rules[0])

    def networks(self, name):
        """Return the networks that are not public in which `name` may lie."""
        return [network for rule in self.rules(name) for network in rule.networks]


def operations_of(github):
    """Return what of [github] is more than a remark."""
    return github and {key: github[key] for key in github if key not in ("from", "why")}


def read_file(path):
    """Return the program's text and the policy of the filter at `path`.

    The digest in its first lines covers all that follows: a file that was
    edited or cut short is refused.
    """
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    head, mark, rest = text.partition(MARK)
    digest, _, body = rest.partition("\n")
    if not mark or hashlib.sha256(body.encode()).hexdigest() != digest:
        raise ValueError("it was edited, or is not whole: make it again with filtergen")
    before, _, rest = ("\n" + body).partition(BEGIN)
    data, _, program = rest.partition(END)
    return before + program, Policy(json.loads(data))
