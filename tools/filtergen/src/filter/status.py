# ---------------------------------------------------------------- the status


class Status:
    """What whoever runs the proxy is told: the policy in force, and how much was
    refused. Each is a file that is replaced whole; nothing is decided by them."""

    def __init__(self, directory):
        self.directory = directory
        self.start, self.refused = now(), None
        if directory:
            os.makedirs(directory, mode=0o700, exist_ok=True)

    def tell(self, digest, policy, problem=None):
        """Tell that `policy` is in force, which was in the file with that digest;
        and with a problem, `(DIGEST, WORDS)`, which file it is not and why."""
        told = {"file": digest, "digest": policy.digest, "policy": policy.document}
        if problem:
            told["refused"] = {"file": problem[0], "problem": problem[1]}
        self.put("policy.json", told)

    def count(self, refused):
        """Tell how many records of refusals there are, where it has changed."""
        if refused != self.refused:
            self.refused = refused
            self.put("count.json", {"since": self.start, "refused": refused})

    def put(self, name, data):
        if not self.directory:
            return
        path = os.path.join(self.directory, name)
        try:
            with open(f"{path}.new", "wb") as file:
                file.write(line(data))
            os.replace(f"{path}.new", path)
        except OSError as error:
            print(f"filter: cannot write {path!r}: {error.strerror}", file=sys.stderr)


def digest_of(path):
    """Return the digest of a file as it is."""
    try:
        with open(path, "rb") as file:
            return f"sha256:{hashlib.sha256(file.read()).hexdigest()}"
    except OSError:
        return None


class Watched:
    """A file that may be replaced at any time."""

    def __init__(self, path):
        self.path = path
        self.seen = self.look()
        self.digest = digest_of(path)

    def look(self):
        try:
            found = os.stat(self.path)
            return found.st_ino, found.st_mtime_ns, found.st_size
        except OSError:
            return None

    def has_changed(self):
        """Say whether there is another file than before."""
        before, self.seen = self.seen, self.look()
        return self.seen is not None and self.seen != before
