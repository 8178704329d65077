# ---------------------------------------------------------------- the log

SECRET_KEY = re.compile(
    r"token|secret|passw|passwd|pwd|api[-_]?key|auth|credential|session|signature|\bsig\b|\bcode\b"
    r"|\bkey\b|\bjwt\b|assertion|cookie",
    re.I,
)
SECRET_VALUE = re.compile(
    r"(?:gh[a-z]_|github_pat_|glpat-|sk-|xox[a-z]-|npm_|pypi-|AKIA|ASIA|AIza|ya29\.|eyJ)"
    r"[\w.~+/=-]{8,}",
    re.ASCII,
)
LONG_VALUE = re.compile(r"[\w.~+/=-]{20,}\Z", re.ASCII)
LONG_NAME = re.compile(r"[\w-]{20,}", re.ASCII)
HIDDEN = "..."
PATH_LENGTH = 1024
PENDING = 1000


def redact(path):
    """Return a request's path without what looks like a credential."""
    path, question, query = path.partition("?")
    parts = [hide(part, is_no_name) for part in re.split("([/;])", path)]
    parts += [question, *(hide(part, LONG_VALUE.match) for part in re.split("([&;])", query))]
    text = "".join(parts)
    plain = urllib.parse.unquote(text)
    if SECRET_VALUE.search(plain):
        text = SECRET_VALUE.sub(HIDDEN, plain)
    return text[:PATH_LENGTH]


def hide(part, is_secret):
    """Return a part of a path or a query, with what `is_secret` hidden."""
    key, equals, value = part.partition("=")
    name, plain = urllib.parse.unquote_plus(key), urllib.parse.unquote_plus(value)
    if is_secret(name) and not value.strip("="):
        return HIDDEN
    hidden = equals and (SECRET_KEY.search(name) or is_secret(plain))
    return f"{key}={HIDDEN}" if hidden else part


def is_no_name(segment):
    """Say whether there is what no name looks like: a long word with capitals or
    digits, or several with small letters, capitals and digits."""
    for found in LONG_NAME.findall(segment):
        words = [word for word in found.split("-") if len(word) >= 20]
        if any(re.search("[0-9A-Z]", word) for word in words):
            return True
        if all(re.search(kind, found) for kind in ("[0-9]", "[A-Z]", "[a-z]")):
            return True
    return False


class Log:
    """The record of what was asked for: one line of JSON each.

    What cannot be written is kept and tried again, and as long as there is
    any such line nothing more is let through: `ready` says whether there is.
    """

    def __init__(self, path):
        self.path = path
        self.pending, self.lost = [], 0
        self.refused = 0
        self.limits = LIMITS
        self.file = None

    def ready(self):
        """Write what is left over, and say whether all of it is written."""
        try:
            while self.pending:
                self.append(self.pending[0])
                self.pending.pop(0)
            if self.lost:
                self.append(line({"time": now(), "kind": "lost", "count": self.lost}))
                self.lost = 0
            if self.path and (self.file is None or not self.is_current()):
                self.append(b"")
        except OSError:
            return False
        return True

    def write(self, record):
        """Write one record, or keep it for later. What was allowed is never
        lost: it was allowed when nothing was pending."""
        self.refused += record["decision"] != "allowed"
        if self.path is None:
            return
        if len(self.pending) < PENDING or record["decision"] == "allowed":
            self.pending.append(line(record))
        else:
            self.lost += 1
        self.ready()

    def append(self, text):
        """Append one line as a whole, in a file that is not too long."""
        if self.file is not None and not self.is_current():
            os.close(self.file)
            self.file = None
        if self.file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self.file = os.open(self.path, flags, 0o640)
        size = os.fstat(self.file).st_size
        if size and size + len(text) > self.limits["log_bytes"]:
            self.rotate()
            return self.append(text)
        if os.write(self.file, text) != len(text):
            os.ftruncate(self.file, size)
            raise OSError("the disk is full")
        return None

    def is_current(self):
        """Say whether the open file is still the one at the path."""
        try:
            here, there = os.fstat(self.file), os.stat(self.path)
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def rotate(self):
        """Make FILE FILE.1, FILE.1 FILE.2, and drop what is too old."""
        for number in range(self.limits["log_files"] - 1, 0, -1):
            if os.path.exists(f"{self.path}.{number}"):
                os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.replace(self.path, f"{self.path}.1")
        os.close(self.file)
        self.file = None


def line(record):
    """Return a record as a line, in which no control character is."""
    return (json.dumps(record, separators=(",", ":")) + "\n").encode()


def now():
    """Return the present moment, RFC 3339 in UTC."""
    seconds = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{stamp}.{int(seconds % 1 * 1000):03}Z"


class Record:
    """What becomes of one request or connection, written down once."""

    def __init__(self, gate, kind, host, port, **more):
        self.gate, self.done, self.start = gate, False, time.monotonic()
        self.sent = self.received = self.held = 0
        self.rule = self.question = self.upload = self.flow = self.detail = None
        self.pending = False  # it depends on the body, of which nothing is sent yet
        self.open = {self}  # those of the connection that are not finished
        self.fields = {"time": now(), "container": gate.policy.container, "kind": kind}
        self.fields.update({key: value for key, value in more.items() if value is not None})
        self.fields.update({"host": str(host)[:300], "port": port})

    def decide(self, decision):
        self.rule, self.pending = decision.rule, False
        self.fields["decision"] = "allowed" if decision.allowed else "refused"
        if decision.reason:
            self.fields["reason"] = decision.reason
        if decision.rule:
            self.fields["rule"] = decision.rule.text
        if decision.verdict and decision.verdict.operation:
            self.fields["operation"] = decision.verdict.operation
        self.detail = decision.verdict and decision.verdict.detail
        self.fields["policy"] = self.gate.policy.mark

    def hold(self, size):
        """Count what is held of the body."""
        self.held += size
        self.gate.held += size

    def finish(self, **more):
        """Write the record, the first time that it is called."""
        if self.done:
            return
        self.done = True
        self.open.discard(self)
        self.hold(-self.held)
        if self.pending:  # so nothing has gone out
            self.decide(Decision("unclear", self.rule))
        self.flow = self.upload = None
        refused = self.fields.get("decision") != "allowed"
        self.fields.update({key: value for key, value in more.items() if value is not None})
        if self.fields["kind"] != "connect":
            self.fields.update({"sent": self.sent, "received": self.received})
        self.fields["duration_ms"] = int((time.monotonic() - self.start) * 1000)
        if refused or self.rule is None or self.rule.log:
            self.gate.log.write(self.fields)
