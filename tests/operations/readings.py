"""How tolerant servers read a request: every reading that any of them could have.

A server reads a request in one way, and which one is not known to who stands before it. So
here a path, a query, a body is read in all the ways that servers and frameworks are known to
have, and whatever one of them would do counts as done.
"""

import contextlib
import json
import re
import unicodedata
import urllib.parse
import zlib

import brotli
import zstandard

DEPTH = 4
MOST = 64
BOUND = 80 << 20

# ---------------------------------------------------------------- text


def utf8(data):
    """Decode UTF-8 as the forgiving do: overlong forms are what they stand for."""
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode()
    text, at = [], 0
    while at < len(data):
        lead = data[at]
        size = 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        rest = data[at + 1 : at + size]
        if size == 1 or len(rest) < size - 1 or any(byte & 0xC0 != 0x80 for byte in rest):
            text.append(chr(lead))
            at += 1
            continue
        value = lead & (0x7F >> size)
        for byte in rest:
            value = value << 6 | byte & 0x3F
        text.append(chr(value) if value < 0x110000 else "\ufffd")
        at += size
    return "".join(text)


def as_text(text):
    """Return text, given as Latin-1, as the UTF-8 that it stands for."""
    if text.isascii():
        return text
    try:
        return utf8(text.encode("latin-1"))
    except UnicodeEncodeError:
        return text


UNICODE = re.compile(r"%u([0-9a-fA-F]{4})")


def decode(text):
    """Take one layer of percent-encoding away, also the `%uXXXX` of old servers."""
    if "%" not in text:
        return text
    text = UNICODE.sub(lambda match: chr(int(match[1], 16)), text)
    return utf8(urllib.parse.unquote_to_bytes(text.encode("utf-8", "surrogatepass")))


# ---------------------------------------------------------------- paths

PARAMETERS = re.compile(r";[^/]*")
INVISIBLE = re.compile(r"[\0-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060\ufeff]+")
SUFFIX = re.compile(r"(\.(json|xml|html|js|txt))+\Z")


def without_dots(text):
    """Resolve `.` and `..`."""
    kept = []
    for segment in text.replace("\\", "/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def layers(text, steps):
    """Return what comes of `text` by the steps, in every order and any number."""
    found, new = {text}, [text]
    while new and len(found) < MOST:
        last = new.pop()
        for step in steps:
            if (other := step(last)) not in found:
                found.add(other)
                new.append(other)
    return found


def segments(text):
    """Return the segments of a path, in the spelling that templates have."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = INVISIBLE.sub("", text.replace("\\", "/")).lower()
    return tuple(part for part in without_dots(text).split("/") if part)


PLAIN_PATH = re.compile(r"[a-z0-9/_-]+\Z", re.ASCII)
STEPS = (
    decode,
    lambda text: PARAMETERS.sub("", text),
    without_dots,
    lambda text: re.split(r"[?#\0]", text, maxsplit=1)[0],
    lambda text: unicodedata.normalize("NFKC", text),
)


# What no server tells apart from the character itself: RFC 3986, 6.2.2.2.
ALIKE = re.compile(r"%(2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")


def paths(target):
    """Return the paths, as tuples of segments, that a target may stand for."""
    path = "/" + target.split("/", 3)[-1] if "://" in target[:9] else target
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    path = ALIKE.sub(lambda match: chr(int(match[1], 16)), path)
    if PLAIN_PATH.match(path):
        return {tuple(part for part in path.split("/") if part)}
    found = set()
    for text in layers(as_text(path), STEPS):
        whole = segments(text)
        found.add(whole)
        if whole and (match := SUFFIX.search(whole[-1])):
            found.add((*whole[:-1], whole[-1][: match.start()]))
        if whole:
            found.add((*whole[:-1], whole[-1].rstrip(".")))
    return found


# ---------------------------------------------------------------- forms


def pairs(text):
    """Return the fields of a form, by either separator."""
    found = []
    for separator in "&;":
        for part in text.split(separator):
            key, _, value = part.partition("=")
            found.append((plus(key), plus(value)))
    return found


def plus(text):
    return decode(as_text(text).replace("+", " "))


def queries(target):
    """Return the fields of every query that a target may have."""
    found, texts = [], {target}
    for _ in range(DEPTH):
        texts |= {decode(as_text(text)) for text in texts}
    for text in texts:
        for part in re.split(r"[?#]", text)[1:]:
            found += pairs(part)
    return found


# ---------------------------------------------------------------- bodies


def inflate(data, window):
    """Return what can be inflated, also of what is cut short or followed by more."""
    found = b""
    while data and len(found) < BOUND:
        engine = zlib.decompressobj(window)
        try:
            found += engine.decompress(data, BOUND)
        except zlib.error:
            break
        data = engine.unused_data if engine.eof else b""
    return found


def unbrotli(data):
    engine, found = brotli.Decompressor(), b""
    with contextlib.suppress(brotli.error):
        for byte in range(0, len(data), 64):
            found += engine.process(data[byte : byte + 64])
            if len(found) > BOUND:
                break
    return found


def unzstd(data):
    found = b""
    with contextlib.suppress(zstandard.ZstdError):
        reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
        with contextlib.closing(reader):
            while len(found) < BOUND and (more := reader.read(65536)):
                found += more
    return found


def looks_deflated(data):
    return data[:1] not in b' \t\r\n{["#' and any(byte > 126 for byte in data[:64])


def unpacked(data, depth=DEPTH):
    """Return the data, and what is packed in it, whatever says so or does not."""
    found = [data]
    if depth and len(data) > 2:
        inner = [inflate(data, 31)] if data[:2] == b"\x1f\x8b" else []
        if data[0] & 15 == 8:
            inner.append(inflate(data, 15))
        if looks_deflated(data):
            inner += [inflate(data, -15), unbrotli(data)]
        if data[:4] == b"\x28\xb5\x2f\xfd":
            inner.append(unzstd(data))
        for one in inner:
            if len(one) > 4:
                found += unpacked(one, depth - 1)
    return found


WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def texts(data, headers):
    """Return the texts that a body may be."""
    found = []
    for raw in unpacked(data):
        found.append(utf8(raw).removeprefix("\ufeff"))
        if b"\0" in raw[:8] or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            found += [raw.decode(name, "ignore").removeprefix("\ufeff") for name in WIDE]
        kind = headers.get("content-type", "").lower()
        named = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", kind)
        if named and named[1] not in ("utf-8", "utf8"):
            with contextlib.suppress(LookupError, UnicodeError, ValueError):
                found.append(raw.decode(named[1], "ignore"))
    return list(dict.fromkeys(found))


class Object(list):
    """A JSON object as the list of its members, so that no double one is lost."""

    def all(self, name):
        """Return every value under a name, as Go does whatever its case."""
        return [
            value for key, value in self if isinstance(key, str) and key.lower() == name.lower()
        ]


DECODER = json.JSONDecoder(object_pairs_hook=Object, strict=False)
COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*|#[^\n]*', re.S)
BETWEEN = re.compile(r"[\s,\0\x1e]*")
TRAILING = re.compile(r",(\s*[\]}])")


def documents(text):
    """Return the JSON values that a text has, one after the other, also where there are
    comments or a comma too many, and one that is cut short."""
    if not re.match(r"\s*(/[/*]|[\[{])", text):
        return []
    for candidate in (text, lenient(text)):
        found, at = [], 0
        with contextlib.suppress(ValueError, RecursionError):
            while at < len(candidate):
                at = BETWEEN.match(candidate, at).end()
                if at >= len(candidate):
                    break
                value, at = DECODER.raw_decode(candidate, at)
                found.append(value)
        if found:
            return found
    for end in ('"}', "}", "]", "}]", '"}]'):
        with contextlib.suppress(ValueError, RecursionError):
            return [DECODER.decode(text.rstrip() + end)]
    return []


def lenient(text):
    """Return JSON5, mostly, as JSON."""
    text = COMMENTS.sub(lambda match: match[1] or " ", text)
    text = re.sub(r"'((?:[^'\\]|\\.)*)'", lambda match: json.dumps(match[1]), text)
    text = re.sub(r"([{,]\s*)([A-Za-z_]\w*)\s*:", r'\1"\2":', text)
    return TRAILING.sub(r"\1", text)


def parts(text):
    """Return name and content of the parts of a multipart body."""
    boundary = re.match(r"\s*--([^\r\n]+)", text)
    if not boundary:
        return []
    found = []
    for part in text.split("--" + boundary[1].strip()):
        head, _, content = part.replace("\r\n", "\n").partition("\n\n")
        name = re.search(r"name=\"?([^\";\n]*)", head)
        if name:
            found.append((name[1], content.rstrip("\n-")))
    return found


def fields(data, headers):
    """Return what a body says as fields with names: JSON objects, forms, multipart."""
    objects, forms = [], []
    for text in texts(data, headers):
        objects += flat(documents(text))
        if "=" in text and not text.lstrip()[:1] in ("{", "["):
            forms += pairs(text)
        forms += parts(text)
    return objects, forms


def flat(values):
    """Return the objects in values, in lists of them too."""
    found = []
    for value in values:
        if isinstance(value, Object):
            found.append(value)
        elif isinstance(value, list):
            found += flat(value)
    return found


def plain(value):
    """Return a JSON value with ordinary objects: of double members the last."""
    if isinstance(value, Object):
        return {key: plain(inner) for key, inner in value}
    return [plain(inner) for inner in value] if isinstance(value, list) else value
