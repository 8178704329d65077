# ---------------------------------------------------------------- operations
#
# What a request does on GitHub, in the words of the policy. Nothing in these
# parts knows the proxy: they take what came over the wire and give a verdict.
#
# A server may be more tolerant than we are, and read a path, a body or a query
# in another way. So nothing is guessed: what has a second reading is refused,
# or every reading must be allowed.

import fnmatch
import json
import re
import unicodedata
import urllib.parse
import zlib

READ_METHODS = ("GET", "HEAD", "OPTIONS")
WRITE_METHODS = ("POST", "PUT", "PATCH", "DELETE")
OPERATIONS = (
    "pr-write", "issue-write", "push", "pr-approve", "pr-merge", "auto-merge", "merge-queue",
    "branch-merge", "ref-update", "force-push", "delete-ref", "contents-write",
    "workflow-dispatch", "release", "gist", "settings", "other-writes",
)  # fmt: skip
# What is held of a body before it is decided on: the longest text of an issue
# fits many times, and a file only where files may be written.
HOLD, HOLD_CONTENTS = 1 << 20, 16 << 20


class Verdict:
    """What is to be done with a request.

    `kind` is "allow", "refuse", "body" (hold up to `limit` bytes of it, a
    longer one is refused, then ask `Guard.body`) or "push" (`Guard.push`). An
    allowed request whose `limit` is 0 must have no body, however it is framed.
    """

    __slots__ = ("kind", "operation", "reason", "detail", "limit", "asked")

    def __init__(self, kind, operation=None, reason=None, detail=None, limit=None, asked=()):
        self.kind, self.operation, self.reason = kind, operation, reason
        self.detail, self.limit, self.asked = detail, limit, asked

    def __repr__(self):
        parts = (self.kind, self.operation, self.reason, self.detail)
        return f"Verdict({', '.join(str(part) for part in parts if part)})"


class Refused(Exception):
    """A request is refused; it carries the verdict."""

    def __init__(self, reason, detail, operation=None):
        super().__init__(detail)
        self.verdict = Verdict("refuse", operation, reason, detail)


def each_of(things, decide):
    """Decide on each, and return the last that was said; of what is refused
    the reason that tells most."""
    faults, said = [], None
    for thing in things:
        try:
            said = decide(thing)
        except Refused as refused:
            faults.append(refused)
    for fault in sorted(faults, key=lambda fault: fault.verdict.operation == "other-writes"):
        raise fault
    return said


class Asked:
    """One reading of a request: the operation, and what it is done to.

    `check` names what of the body decides as well; `rest` is what a template's
    last `**` stands for.
    """

    __slots__ = ("operation", "check", "repository", "rest", "method", "query")

    def __init__(self, operation, check=None, repository=None, rest=()):
        self.operation, self.check = operation, check
        self.repository, self.rest = repository, rest
        self.method, self.query = None, b""


def printable(text, most=120):
    """Return text from inside as one that can be shown."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    text = ascii(text)[1:-1]
    return text if len(text) <= most else text[:most] + "..."


# ---------------------------------------------------------------- paths

PLAIN_PATH = re.compile(rb"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*\Z")
PLAIN_QUERY = re.compile(rb"[\x21\x22\x24-\x7e]*\Z")
SLASHES = "\u2044\u2215\u2216\u29f5\u29f8\u29f9"  # which some take for the one or other
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|%[uU][0-9A-Fa-f]|::\$")


def target_parts(target):
    """Return path and query of a request's target, or None for a path that is
    not one."""
    if isinstance(target, str):
        try:
            target = target.encode("ascii")
        except UnicodeError:
            return None
    path, _, query = target.partition(b"?")
    if not PLAIN_PATH.match(path) or not PLAIN_QUERY.match(query):
        return None
    return path, query


def is_plain_segment(text):
    """Say whether nobody takes a decoded segment for something else: another
    decoding, a step up, the end of the path, or a letter that is only alike."""
    if any(piece in ("", ".", "..") for piece in text.split("/")) or "\\" in text:
        return False
    if text[-1] == "." or text.strip() != text or ESCAPE.search(text):
        return False
    if "./" in text or " /" in text or "/ " in text:
        return False
    if text.isascii():
        return text.isprintable()
    for letter in text:
        if letter.isascii():
            continue
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"):
            return False
        plain = unicodedata.normalize("NFKC", letter)
        if plain in SLASHES or any(other.isascii() for other in plain):
            return False
    return text.replace(" ", "").isprintable()


def path_segments(path):
    """Return a path's segments, decoded once, or None. One may have a `/` in it
    that was encoded: names of branches do. A slash at the end is as none."""
    parts = path[1:].split(b"/")
    if parts[-1] == b"":
        parts.pop()
    segments = []
    for part in parts:
        try:
            text = urllib.parse.unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:  # overlong forms and surrogates too
            return None
        if not text or not is_plain_segment(text):
            return None
        segments.append(text)
    return segments


def clean_path(target):
    """Return the segments of a target's path in its only reading, or None if
    it has two."""
    parts = target_parts(target)
    segments = path_segments(parts[0]) if parts else None
    if segments is None or any(set(text) & set("/;?#") for text in segments):
        return None
    return segments


class Paths:
    """Templates of paths: `*` is a segment or a part of one, `**` at the end is
    any rest, also none. An encoded slash is one only where a template has it."""

    def __init__(self, templates):
        self.templates = [self.compile(template) for template in templates]

    @staticmethod
    def compile(template):
        if not isinstance(template, str) or not template.startswith("/"):
            raise ValueError(f"not a template of a path: {template!r}")
        parts = template[1:].split("/")
        if parts[-1] == "":
            parts.pop()
        rest = bool(parts) and parts[-1] == "**"
        parts = parts[:-1] if rest else parts
        if any("**" in part or not part for part in parts):
            raise ValueError(f"not a template of a path: {template!r}")
        return [urllib.parse.unquote(part).split("*") for part in parts], rest

    def match(self, target):
        """Say whether the path of a target is one of those."""
        parts = target_parts(target)
        segments = path_segments(parts[0]) if parts else None
        if segments is None or any(set(text) & set(";?#") for text in segments):
            return False
        return any(self.fits(segments, *template) for template in self.templates)

    @staticmethod
    def fits(segments, patterns, rest):
        if len(segments) < len(patterns) or (len(segments) > len(patterns) and not rest):
            return False
        if any("/" in text for text in segments[len(patterns) :]):
            return False
        return all(map(fits_pattern, patterns, segments))


def fits_pattern(parts, text):
    """Say whether text is parts of a pattern with anything between them, but a
    slash that is not in a part. Each is looked for once: nothing can be made
    that takes long."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0 or "/" in text[place:found]:
            return False
        place = found + len(part)
    return "/" not in text[place:end]


# ---------------------------------------------------------------- headers and query

# Servers have names of their own for each: any like them has a second reading.
OVERRIDE = re.compile(r"method|override|rewrite|original-?ur[il]|original-?host|(?:^|-)ur[il]$")
FORWARDED = re.compile(r"x-forwarded-(?:host|server|path|prefix|ur[il]|method|request)|forwarded$")
OVERRIDE_NAME = re.compile(
    r"[^a-z]*(?:(?:x|http|request|real|form|rest)[-_.]?)*method(?:[-_.]?override)?[^a-z]*\Z"
    r"|.*method[-_.]?override"
)


def header_values(headers, name):
    """Return the values of a header, which HTTP/2 and CGI spell in other ways."""
    return [value for key, value in headers if key.lower().replace(b"_", b"-") == name]


def check_headers(headers):
    """Refuse what makes another request of a request."""
    for key, _ in headers:
        name = key.decode("latin-1").lower().replace("_", "-")
        if name in ("upgrade", "http2-settings", "content-range"):
            raise Refused("unclear", f"the header {printable(name)} is not taken on a guarded host")
        if (name != "x-github-api-version" and OVERRIDE.search(name)) or FORWARDED.match(name):
            if not name.startswith("access-control-"):
                raise Refused(
                    "unclear", f"the header {printable(name)} may make it another request"
                )
    for name in (b"content-type", b"content-encoding", b"content-length", b"git-protocol"):
        if len(header_values(headers, name)) > 1:
            raise Refused("unclear", f"it has more than one {name.decode()}")


def query_pairs(query):
    """Return names and values of a query or form, as the most tolerant reading
    has them: every separator, and decoded."""
    pairs = []
    for part in re.split(rb"[&;?]", query):
        name, _, value = part.partition(b"=")
        pairs.append(tuple(decode_form(text) for text in (name, value)))
    return [pair for pair in pairs if pair != ("", "")]


def decode_form(text):
    return urllib.parse.unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


def fold(text):
    """Return text as the most tolerant comparison sees it."""
    if text.isascii() and text.isprintable():
        return text.lower().strip()
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = (letter for letter in text if unicodedata.category(letter) not in ("Mn", "Cf", "Cc"))
    return "".join(kept).strip()


def check_query(query):
    """Refuse a query that names another method, however it is encoded."""
    for _ in range(4):
        for name, _ in query_pairs(query):
            if OVERRIDE_NAME.match(fold(name).replace(" ", "")):
                raise Refused("unclear", "the query may make it another method")
        once = urllib.parse.unquote_to_bytes(query)
        if once == query:
            return
        query = once
    raise Refused("unclear", "the query is encoded again and again")


# ---------------------------------------------------------------- bodies


def content_type(headers):
    """Return the media type of a body, and refuse letters that are not UTF-8."""
    values = header_values(headers, b"content-type")
    kind, _, more = (values[0].decode("latin-1") if values else "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]*)", more, re.I)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Refused("unclear", "its body is not in UTF-8")
    return kind.strip().lower()


def content_coding(headers):
    values = header_values(headers, b"content-encoding")
    return values[0].decode("latin-1").strip().lower() if values else ""


def decode_body(headers, body, limit):
    """Return a body without the one coding that it may have. What is not
    declared is not undone: then it is no text, and refused as such."""
    coding = content_coding(headers)
    if coding in ("", "identity"):
        return body
    wbits = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(coding)
    if wbits is None:
        raise Refused("unclear", f"its body is encoded as {printable(coding, 20)}")
    inflate = zlib.decompressobj(wbits)
    try:
        plain = inflate.decompress(body, limit + 1)
    except zlib.error:
        raise Refused("unclear", f"its body is not {coding}, as it says") from None
    if len(plain) > limit:
        raise Refused("unclear", "its body is too long when it is decoded")
    if not inflate.eof or inflate.unused_data:
        raise Refused("unclear", f"its body is not one whole of {coding}")
    return plain


def read_json(body):
    """Return the value of a JSON text that every reader reads alike."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unambiguous, parse_constant=no_number)
    except Refused:
        raise
    except (ValueError, RecursionError):
        raise Refused("unclear", "its body is not JSON in UTF-8") from None
    if "\\u" in text:
        check_surrogates(value)
    return value


def no_number(text):
    raise Refused("unclear", f"its body has {text} in it, which is not JSON")


def unambiguous(pairs):
    """Make an object of pairs whose keys differ, also for a tolerant reader."""
    found = dict(pairs)
    if len({key.casefold() for key in found}) != len(pairs):
        raise Refused("unclear", "its body has a key twice")
    return found


def check_surrogates(value):
    """Refuse half a character, which each reader reads in its own way."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        raise Refused("unclear", "its body is not JSON in UTF-8") from None


def check_form(body, names=()):
    """Refuse a body that is another request when it is read as a form."""
    for name, _ in query_pairs(body):
        plain = fold(name).replace(" ", "")
        if OVERRIDE_NAME.match(plain) or plain.partition("[")[0] in names:
            raise Refused("unclear", "its body has a second reading as a form")


JSON_LIKE = re.compile(r"(?:application/(?:json|[\w.+-]+\+json|vnd\.github[\w.+-]*)|text/plain)?\Z")


def json_body(headers, body, limit, names=()):
    """Return what a body says, None if there is none. JSON that is sent as a
    form, as curl does, must have nothing in it if it is read as one."""
    body, kind = decode_body(headers, body, limit), content_type(headers)
    if not body:
        return None
    if kind == "application/x-www-form-urlencoded":
        check_form(body, names)
    elif not JSON_LIKE.match(kind):
        raise Refused("unclear", f"its body is {printable(kind, 60)}, and not JSON")
    value = read_json(body)
    if isinstance(value, dict) and any(OVERRIDE_NAME.match(fold(key)) for key in value):
        raise Refused("unclear", "its body may make it another method")
    return value


# ---------------------------------------------------------------- the guard

NAME_PART = re.compile(r"[A-Za-z0-9._-]{1,100}\Z", re.ASCII)
HEADS = "refs/heads/"


class Guard:
    """Decides on the requests to GitHub's hosts."""

    def __init__(self, github):
        try:
            self.roles = {}
            for name in strings(github, "hosts"):
                self.roles.update(roles_of(name))
            self.operations = dict(github["operations"])
            repositories = None
            if github.get("repositories") is not None:
                repositories = [as_pair(text) for text in strings(github, "repositories")]
            self.repositories = repositories
            self.nodes = frozenset(strings(github, "nodes"))
            self.branches = [full_ref(text) for text in strings(github, "branches")]
            self.protected = [full_ref(text) for text in strings(github, "protected")]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the policy's [github] is not whole: {error!r}") from None
        if set(self.operations) != set(OPERATIONS) or not self.roles:
            raise ValueError("the policy's [github] is not whole")
        if not set(self.operations.values()) <= {"allow", "refuse"}:
            raise ValueError("an operation is neither allowed nor refused")
        self.documents = Documents()

    def covers(self, host):
        """Say whether a host, by its normalised name, is one of GitHub's."""
        return host in self.roles

    def allows(self, operation):
        return operation == "read" or self.operations[operation] == "allow"

    def begin(self, host, method, target, headers):
        """Decide on a request by its head."""
        try:
            return self.head(host, method, target, headers)
        except Refused as refused:
            return refused.verdict

    def head(self, host, method, target, headers):
        check_headers(headers)
        if method not in READ_METHODS and method not in WRITE_METHODS:
            raise Refused("unclear", "its method is not one that GitHub has")
        parts = target_parts(target)
        segments = path_segments(parts[0]) if parts else None
        if segments is None:
            raise Refused("path", "its path can be read in more than one way")
        check_query(parts[1])
        if method in READ_METHODS:
            return reading(segments, parts[1], headers)
        if any(set(text) & set(";?#") for text in segments):
            raise Refused("path", "its path can be read in more than one way")
        role = self.roles[host]
        if b"%" in parts[0] and is_web(role, segments):  # no name there needs it
            raise Refused("path", "its path can be read in more than one way")
        asked = [classify(role, method, path) for path in path_readings(segments)]
        for one in asked:
            one.method, one.query = method, parts[1]
        return self.writing(asked, headers)

    def writing(self, asked, headers):
        """Decide on a write of which every reading is given."""
        first = asked[0]
        if any(one.check != first.check for one in asked):
            self.permit_all(asked)
            raise Refused("path", "its path can be read in more than one way")
        if first.check == "git-receive-pack":
            return self.begin_push(first, headers)
        if first.check == "git-upload-pack":
            check_git_head(first, headers, b"application/x-git-upload-pack-request")
            return Verdict("allow", "read")
        if first.check in ("graphql", "lfs"):
            if first.query:
                raise Refused("unclear", "its query may say what its body says")
        else:
            self.permit_all(asked)
        if first.check in ("raw", "text"):
            check_raw(first, headers)
            return Verdict("allow", first.operation)
        bodies = first.check == "graphql" or first.operation == "contents-write"
        limit = HOLD_CONTENTS if bodies and self.allows("contents-write") else HOLD
        lengths = header_values(headers, b"content-length")
        if lengths and not (lengths[0].isdigit() and int(lengths[0][:12]) <= limit):
            raise Refused("unclear", f"its body is longer than {limit} bytes", first.operation)
        return Verdict("body", first.operation, limit=limit, asked=asked)

    def permit_all(self, asked):
        """Refuse if any reading is refused, and say the plainest reason."""
        each_of(asked, lambda one: self.permit(one.operation, one.repository))

    def permit(self, operation, repository):
        """Refuse an operation that is not allowed, or not there."""
        if not self.allows(operation):
            raise Refused("operation", f"the operation {operation} is refused", operation)
        if operation in ("read", "gist") or self.repositories is None:
            return
        if repository is None:
            detail = "it does not say by its name which repository it is for"
            raise Refused("repository", detail, operation)
        if not self.has_repository(repository):
            detail = f"{printable('/'.join(repository))} is not a repository that may be written to"
            raise Refused("repository", detail, operation)

    def has_repository(self, repository):
        """Say whether writes may go to (OWNER, REPO)."""
        if self.repositories is None:
            return True
        owner, name = (part.casefold() for part in repository)
        name = name.removesuffix(".git")
        match = fnmatch.fnmatchcase
        return any(match(owner, one) and match(name, two) for one, two in self.repositories)

    def permit_ref(self, ref, operation):
        """Refuse a ref (None is one that is not known) that may not be written."""
        fault = "it does not say which branch it changes" if ref is None else self.ref_fault(ref)
        if fault:
            raise Refused("branch", fault, operation)

    def ref_fault(self, ref):
        """Return what speaks against a ref that would be changed."""
        shown = printable(ref)
        if not is_ref(ref):
            return f"{shown} is not the name of a ref"
        if fold(ref.rpartition("/")[2]) in ("head", "@") and ref.count("/") == 2:
            return f"{shown} may be taken for the default branch"
        if is_protected(ref, self.protected):
            return f"{shown} is protected by the policy of this container"
        if not any(fnmatch.fnmatchcase(ref, pattern) for pattern in self.branches):
            return f"{shown} is not a ref that may be written to"
        return None

    def begin_push(self, asked, headers):
        """Take a push as far as its commands: the answer to those is git's own,
        so that whoever pushes sees the reason."""
        check_git_head(asked, headers, b"application/x-git-receive-pack-request")
        if header_values(headers, b"git-protocol") not in ([], [b"version=0"], [b"version=1"]):
            raise Refused("unclear", "it is a push in a version of the protocol that git has not")
        return Verdict("push", asked.operation, asked=[asked])

    def push(self, verdict, headers):
        """Return what takes the body of a push."""
        asked = verdict.asked[0]
        return Push(self, asked.repository, asked.operation)

    def body(self, verdict, headers, body):
        """Decide on a request by its whole body."""
        try:
            if len(body) > verdict.limit:
                raise Refused("unclear", "its body is too long", verdict.operation)
            operation = verdict.operation
            if verdict.asked[0].check == "graphql":
                operation = check_graphql(self, headers, body, verdict.limit)
            elif verdict.asked[0].check == "lfs":
                value = json_body(headers, body, verdict.limit)
                operation = check_large_files(self, verdict.asked[0], value)
            elif verdict.asked[0].check == "web":
                check_web(headers, body, verdict.limit)
            else:
                value = json_body(headers, body, verdict.limit, REST_KEYS)
                for asked in verdict.asked:
                    operation = rest_check(self, asked, value)
            return Verdict("allow", operation)
        except Refused as refused:
            return refused.verdict


def strings(table, key):
    """Return a list of strings out of a policy."""
    found = table[key]
    if not isinstance(found, list) or not all(isinstance(text, str) and text for text in found):
        raise ValueError(f"the policy's [github] has no list of {key}")
    return found


def roles_of(name):
    """Return the hosts that a name stands for: is the API there, or is it web,
    or both?"""
    name = name.lower()
    if name == "github.com" or name.endswith(".ghe.com"):
        return {name: "web", f"api.{name}": "api", f"uploads.{name}": "api"}
    return {name: "server"}


def as_pair(text):
    """Return the patterns of OWNER/REPO."""
    owner, slash, name = text.casefold().partition("/")
    if not (owner and slash and name) or "/" in name:
        raise ValueError(f"not OWNER/REPO: {text!r}")
    return owner, name


def full_ref(text):
    return text if text.startswith("refs/") else HEADS + text


BAD_REF = re.compile(r"[\0-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|\.\Z|/\Z|\./")


def is_ref(ref):
    """Say whether git takes it for the full name of a ref."""
    if not ref.startswith("refs/") or ref.count("/") < 2 or BAD_REF.search(ref):
        return False
    return not any(unicodedata.category(letter).startswith("C") for letter in ref)


def is_protected(ref, patterns):
    """Say whether a ref is protected, also where case and letters that look
    alike do not count, and where `refs/heads/` is put before a name again."""
    names, plain = {ref}, fold(ref)
    names.add(plain)
    short = plain.removeprefix(HEADS)
    while short.startswith(("refs/", "heads/", "remotes/", "origin/")):
        short = short.partition("/")[2]
        names.add(HEADS + short)
    return any(
        fnmatch.fnmatchcase(name, one)
        for name in names
        for pattern in patterns
        for one in (pattern, fold(pattern))
    )


def reading(segments, query, headers):
    """Decide on a request that only reads. The GraphQL of GitHub answers a GET
    with its schema; a tolerant server would run what is in the query."""
    lengths = header_values(headers, b"content-length")
    if header_values(headers, b"transfer-encoding") or any(text.strip(b"0") for text in lengths):
        raise Refused("unclear", "it has a body, and its method has none")
    ends = re.compile(r"[;?#].*", re.S)
    split = [piece for text in segments for piece in text.split("/")]
    for path in (segments, split, ends.sub("", "/".join(segments)).split("/")):
        if is_graphql(path) and query:
            raise Refused("unclear", "GraphQL is asked with POST")
    return Verdict("allow", "read", limit=0)


def check_git_head(asked, headers, kind):
    """Refuse what git does not send."""
    values = header_values(headers, b"content-type")
    if asked.query or [value.strip().lower() for value in values] != [kind]:
        raise Refused("unclear", "it is not what git sends", asked.operation)
    coding, packed = content_coding(headers), ("gzip", "x-gzip") if b"upload" in kind else ()
    if coding not in ("", "identity", *packed):
        raise Refused("unclear", f"its body is encoded as {printable(coding, 20)}", asked.operation)


def check_raw(asked, headers):
    """Refuse a body that is passed on unread and could be a form."""
    kind = content_type(headers)
    plain = asked.check != "text" or kind in ("text/plain", "text/x-markdown")
    if "form" in kind or not plain or content_coding(headers) not in ("", "identity"):
        raise Refused("unclear", "its body may be a form", asked.operation)


def check_web(headers, body, limit):
    """Refuse a form of the web pages that is meant for another method."""
    plain, kind = decode_body(headers, body, limit), content_type(headers)
    if kind.startswith("multipart/"):
        raise Refused("unclear", "its body is in many parts")
    check_form(plain)
    if JSON_LIKE.match(kind) and plain:
        json_body(headers, body, limit)
