# ---------------------------------------------------------------- secrets

SECRET_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,400}\Z", re.ASCII)
PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,16000}[\x21-\x7e])?\Z")
SECRETS_SIZE = 1 << 20


class Secret:
    """A credential that is added on the way out, and that the container lacks."""

    def __init__(self, entry):
        self.host, self.header = normalise(entry["host"]), entry["header"]
        self.user, self.form = entry.get("user", "x-access-token"), entry.get("form", "raw")
        self.id = f"{self.host}.{self.header}".lower()
        if not SECRET_ID.match(self.id) or self.form not in ("raw", "bearer", "token", "basic"):
            raise ValueError(f"not a secret: {self.id!r}")

    def value(self, directory):
        """Return what the header is now, or None. The file is read each time: a
        value that is replaced is in force with the next request."""
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(os.path.join(directory, self.id), flags), encoding="ascii") as file:
                value = file.read(SECRETS_SIZE)
        except (OSError, ValueError, TypeError):
            return None
        if not PRINTABLE.match(value):
            return None
        if self.form == "basic":
            value = base64.b64encode(f"{self.user}:{value}".encode()).decode()
        prefix = {"basic": "Basic ", "bearer": "Bearer ", "token": "token "}
        return prefix.get(self.form, "") + value

    def strip(self, headers):
        """Take away what the container has sent, in every spelling: a gateway
        behind may read `_` as `-`."""
        wanted = self.header.lower().encode().replace(b"_", b"-")
        kept = [each for each in headers.fields if each[0].lower().replace(b"_", b"-") != wanted]
        headers.fields = tuple(kept)


def keep_secrets(directory, source):
    """Make a directory be the secrets that `source` has as JSON: each file
    whole or not at all, and no others."""
    text = source.read(SECRETS_SIZE + 1)
    if len(text) > SECRETS_SIZE:
        raise Unfit("the secrets are too long")
    try:
        secrets = json.loads(text)
    except ValueError:
        raise Unfit("the secrets are not JSON") from None  # which would be quoted
    if not isinstance(secrets, dict):
        raise Unfit("the secrets are not an object")
    for number, (name, value) in enumerate(secrets.items()):
        if not SECRET_ID.match(name):
            raise Unfit(f"the name of secret {number + 1} is not HOST.HEADER in lower case")
        if not isinstance(value, str) or not PRINTABLE.match(value):
            raise Unfit(f"the secret {name!r} is not one line of printable ASCII")
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, 0o700)
    for name in os.listdir(directory):
        if name not in secrets:
            os.unlink(os.path.join(directory, name))
    for name, value in secrets.items():
        write_secret(os.path.join(directory, name), os.path.join(directory, f"{NEW}{name}"), value)


NEW = ".new-"  # which no name of a secret begins with


def write_secret(path, new, value):
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(new, flags, 0o600), "w", encoding="ascii") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
