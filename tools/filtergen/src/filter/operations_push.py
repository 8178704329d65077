# ---------------------------------------------------------------- pushes

import hashlib
import re
import zlib

COMMANDS_BYTES, COMMANDS_MOST = 8 << 20, 20000
COMMAND = re.compile(
    rb"(?P<old>[0-9a-fA-F]{40}|[0-9a-fA-F]{64}) (?P<new>[0-9a-fA-F]{40}|[0-9a-fA-F]{64}) (?P<ref>.+)\Z",
    re.S,
)
LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
NO_PROOF = "it cannot be shown that {} is only moved forward; push it under a new name"


class Command:
    """One update of a ref."""

    def __init__(self, old, new, ref, raw):
        self.old, self.new, self.ref, self.raw, self.fault = old, new, ref, raw, None
        self.creates, self.deletes = not any(old), not any(new)


class Push:
    """The body of a git-receive-pack request, as it comes.

    `held` is how many of the last bytes must not go upstream before `finish`
    has allowed it: without its trailer a pack changes nothing.
    """

    def __init__(self, guard, repository, write="push"):
        self.guard, self.repository, self.write = guard, repository, write
        self.buffer, self.length, self.state = bytearray(), 0, "commands"
        self.commands, self.shallow, self.capabilities = [], set(), set()
        self.verdict, self.pack, self.held, self.size = None, None, 0, 0

    def feed(self, chunk):
        """Take a part of the body. None: not all commands are there."""
        if self.verdict is not None and self.verdict.kind == "refuse":
            return self.verdict
        try:
            if self.state in ("commands", "options"):
                self.length += len(chunk)
                self.buffer += chunk
                self.read_packets()
            elif chunk:
                self.read_pack(chunk)
        except Refused as refused:
            self.verdict, self.buffer = refused.verdict, bytearray()
        return self.verdict

    def finish(self):
        """Decide at the end of the body."""
        if self.verdict is not None and self.verdict.kind == "refuse":
            return self.verdict
        try:
            if self.state in ("commands", "options"):
                raise Refused("unclear", "the push ends before its commands do", "push")
            if self.pack is not None:
                self.prove()
        except Refused as refused:
            self.verdict = refused.verdict
        return self.verdict

    # The commands.

    def read_packets(self):
        """Read pkt-lines as far as there are whole ones."""
        place = 0
        while self.state in ("commands", "options"):
            head = bytes(self.buffer[place : place + 4])
            if len(head) < 4:
                break
            size = int(head, 16) if LENGTH.match(head) else 1
            if size == 0:
                place += 4
                self.flush()
                continue
            if size < 5 or size > 65520:
                raise Refused("unclear", "it is not a push as git sends it", "push")
            if len(self.buffer) < place + size:
                break
            self.packet(bytes(self.buffer[place + 4 : place + size]))
            place += size
        del self.buffer[:place]
        if self.state in ("commands", "options"):
            if self.length > COMMANDS_BYTES:
                raise Refused(
                    "unclear", "it has too many commands; push fewer refs at once", "push"
                )
        elif self.buffer:
            rest, self.buffer = bytes(self.buffer), bytearray()
            self.read_pack(rest)

    def packet(self, text):
        """Read one pkt-line."""
        if self.state == "options":
            if b"\0" in text:
                raise Refused("unclear", "it is not a push as git sends it", "push")
            return
        text, nul, capabilities = text.partition(b"\0")
        if nul:
            if self.commands or self.capabilities or b"\0" in capabilities:
                raise Refused("unclear", "it is not a push as git sends it", "push")
            self.capabilities = set(capabilities.removesuffix(b"\n").split(b" "))
            self.take_format()
        elif text.startswith(b"shallow ") and not self.commands:
            return self.take_shallow(text[8:].removesuffix(b"\n"))
        if text.startswith(b"push-cert"):
            raise Refused("unclear", "it is a signed push, which is not looked into", "push")
        self.take_command(text if nul else text.removesuffix(b"\n"), bool(nul))

    def take_format(self):
        formats = [one for one in self.capabilities if one.startswith(b"object-format=")]
        sizes = {b"object-format=sha1": 20, b"object-format=sha256": 32}
        if len(formats) > 1 or not all(one in sizes for one in formats):
            raise Refused("unclear", "its objects are of an unknown format", "push")
        self.size = sizes[formats[0]] if formats else 20

    def take_shallow(self, text):
        if not re.fullmatch(rb"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", text):
            raise Refused("unclear", "it is not a push as git sends it", "push")
        if len(self.shallow) >= COMMANDS_MOST:
            raise Refused("unclear", "it has too many commands; push fewer refs at once", "push")
        self.shallow.add(bytes.fromhex(text.decode()))

    def take_command(self, text, first):
        found = COMMAND.match(text)
        if not found or first == bool(self.commands):
            raise Refused("unclear", "it is not a push as git sends it", "push")
        old, new = (bytes.fromhex(found[name].decode()) for name in ("old", "new"))
        if len(old) != self.size or len(new) != self.size or not (any(old) or any(new)):
            raise Refused("unclear", "it is not a push as git sends it", "push")
        if len(self.commands) >= COMMANDS_MOST:
            raise Refused("unclear", "it has too many commands; push fewer refs at once", "push")
        try:
            ref = found["ref"].decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("branch", "the name of a ref is not in UTF-8", "push") from None
        self.commands.append(Command(old, new, ref, found["ref"]))

    def flush(self):
        """End the commands, or the options that follow them."""
        if self.state == "commands" and b"push-options" in self.capabilities and self.commands:
            self.state = "options"
            return
        self.decide()
        self.state = "pack"

    def decide(self):
        """Decide on the commands."""
        commands = self.commands
        if len({command.ref for command in commands}) != len(commands):
            raise Refused("unclear", "it has a ref twice", "push")
        faults = []
        for command in commands:
            try:
                self.permit(command)
            except Refused as refused:
                command.fault = refused.verdict.detail
                faults.append(refused.verdict)
        if faults:
            self.verdict = faults[0]
            return
        deletes = bool(commands) and all(command.deletes for command in commands)
        self.verdict = Verdict("allow", "delete-ref" if deletes else self.write)
        if self.to_prove():
            self.pack, self.held = Pack(self.size), self.size

    def permit(self, command):
        operation = "delete-ref" if command.deletes else self.write
        self.guard.permit(operation, self.repository)
        if self.write == "gist":  # whose only branch it is
            self.guard.permit("gist", self.repository)
        else:
            self.guard.permit_ref(command.ref, operation)

    def to_prove(self):
        """Return the commands of which it must be shown that they only add."""
        if self.guard.allows("force-push"):
            return []
        return [one for one in self.commands if not (one.creates or one.deletes)]

    # The pack.

    def read_pack(self, chunk):
        """Take what follows the commands."""
        if all(command.deletes for command in self.commands):
            self.verdict = Verdict("refuse", "push", "unclear", "more follows than git sends")
        elif self.pack is not None:
            self.pack.feed(chunk)

    def prove(self):
        """Refuse what the commits in the pack do not show to be a fast-forward."""
        steps = [200000]
        moved = [one for one in self.to_prove() if one.old != one.new]
        if self.pack.state != "end" and (moved or self.pack.total):
            raise Refused("unclear", "its pack is not whole", "push")
        for command in moved:
            if not self.pack.is_ancestor(command.old, command.new, self.shallow, steps):
                command.fault = NO_PROOF.format(printable(command.ref))
                raise Refused("operation", command.fault, "force-push")

    # The answer.

    def answer(self, verdict):
        """Return git's own report of a refusal."""
        detail = printable(verdict.detail or "refused by policy", 300)
        report = b""
        if self.capabilities & {b"report-status", b"report-status-v2"}:
            report = packet_of(b"unpack ok\n")
            for command in self.commands:
                why = command.fault or "refused with the others"
                if not any(one.fault for one in self.commands):
                    why = detail
                name = command.raw if command.ref.isprintable() else printable(command.ref).encode()
                report += packet_of(b"ng %s %s\n" % (name, printable(why, 300).encode()))
            report += b"0000"
        if b"side-band-64k" in self.capabilities:
            return self.in_bands(report, detail, 65515)
        if b"side-band" in self.capabilities:
            return self.in_bands(report, detail, 995)
        return report or b"0000"

    def in_bands(self, report, detail, most):
        """Put a report and a message for people into one stream."""
        text = f"ctrkit: refused by the policy of this container: {detail}\n".encode()
        answer = packet_of(b"\x02" + text[:most])
        for place in range(0, len(report), most):
            answer += packet_of(b"\x01" + report[place : place + most])
        return answer + b"0000"


def packet_of(data):
    return b"%04x" % (len(data) + 4) + data


# The commits of a pack, which say what a push does to a ref.

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
OBJECT_MOST = 4 << 30
COMMIT_MOST, COMMITS_BYTES, COMMITS_MOST = 1 << 20, 16 << 20, 100000
PIECE = 1 << 16
PARENTS = {20: re.compile(rb"parent ([0-9a-f]{40})\n"), 32: re.compile(rb"parent ([0-9a-f]{64})\n")}
FIRST_LINE = {20: re.compile(rb"tree [0-9a-f]{40}\n"), 32: re.compile(rb"tree [0-9a-f]{64}\n")}


class Pack:
    """Reads a pack as it comes, and keeps the parents of its commits.

    Memory is bounded: of other objects nothing is kept, and of commits so much
    that those which are stored as a difference to them can be put together.
    """

    def __init__(self, size):
        self.size, self.hash = size, hashlib.sha1() if size == 20 else hashlib.sha256()
        self.make = hashlib.sha1 if size == 20 else hashlib.sha256
        self.state, self.buffer, self.place = "header", b"", 0
        self.left = self.total = 0
        self.parents, self.contents, self.starts, self.kept = {}, {}, {}, 0
        self.inflate = None

    def feed(self, chunk):
        """Take a part of the pack; Refused if it is not one."""
        self.total += len(chunk)
        for place in range(0, len(chunk), PIECE):
            self.buffer += chunk[place : place + PIECE]
            before = None
            while before != (self.state, len(self.buffer)):
                before = self.state, len(self.buffer)
                getattr(self, "read_" + self.state)()

    def take(self, size):
        """Take bytes from the front, which the trailer is a digest of."""
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        self.hash.update(data)
        self.place += size
        return data

    def wrong(self):
        return Refused("unclear", "its pack is not one that git makes", "push")

    def read_header(self):
        if len(self.buffer) < 12:
            return
        head = self.take(12)
        if head[:4] != b"PACK" or head[4:8] not in (b"\0\0\0\2", b"\0\0\0\3"):
            raise self.wrong()
        self.left = int.from_bytes(head[8:], "big")
        self.state = "object" if self.left else "trailer"

    def read_object(self):
        """Read the head of an object: its type and size, and of a difference to
        what."""
        start, head = self.place, self.parse_head()
        if head is None:
            return
        self.type, self.declared, base, used = head
        if self.type not in (COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA):
            raise self.wrong()
        if self.declared > OBJECT_MOST:
            raise self.wrong()
        self.take(used)
        self.start, self.base = start, None
        if self.type == OFS_DELTA:
            self.base = self.starts.get(start - base)
        elif self.type == REF_DELTA and base in self.contents:
            self.base = base
        wanted = self.type == COMMIT or self.base is not None
        self.parts = [] if wanted and self.declared <= COMMIT_MOST else None
        self.inflate, self.inflated, self.state = zlib.decompressobj(), 0, "data"

    def parse_head(self):
        """Return type, size, base and length of the next head, None if it is
        not all there."""
        data, place, shift = self.buffer, 0, 4
        if not data:
            return None
        byte = data[0]
        kind, size = byte >> 4 & 7, byte & 15
        while byte & 128:
            place += 1
            if place >= len(data):
                return None
            byte = data[place]
            size |= (byte & 127) << shift
            shift += 7
            if shift > 60:
                raise self.wrong()
        place += 1
        if kind == REF_DELTA:
            used = place + self.size
            return (kind, size, data[place:used], used) if len(data) >= used else None
        if kind == OFS_DELTA:
            found = parse_offset(data, place)
            if found is None:
                return None
            if found[0] > self.place or not found[0]:
                raise self.wrong()
            return kind, size, *found
        return kind, size, None, place

    def read_data(self):
        """Inflate what is there, a piece at a time."""
        data = self.buffer
        try:
            while data or self.inflate.unconsumed_tail:
                out = self.inflate.decompress(self.inflate.unconsumed_tail or data, PIECE)
                data = b""
                self.inflated += len(out)
                if self.inflated > self.declared:
                    raise self.wrong()
                if self.parts is not None:
                    self.parts.append(out)
                if self.inflate.eof:
                    break
        except zlib.error:
            raise self.wrong() from None
        self.take(len(self.buffer) - len(self.inflate.unused_data))
        if self.inflate.eof:
            self.end_object()

    def end_object(self):
        if self.inflated != self.declared:
            raise self.wrong()
        if self.parts is not None:
            content = b"".join(self.parts)
            if self.type != COMMIT:
                content = apply_delta(self.contents.get(self.base), content)
            if content is not None:
                self.keep(content)
        self.inflate = self.parts = None
        self.left -= 1
        self.state = "object" if self.left else "trailer"

    def keep(self, content):
        """Keep a commit: its parents, and as long as there is room itself."""
        lines = FIRST_LINE[self.size].match(content)
        if not lines or len(self.parents) >= COMMITS_MOST:
            return
        parents, place = [], lines.end()
        while True:
            line = PARENTS[self.size].match(content, place)
            if not line:
                break
            parents.append(bytes.fromhex(line[1].decode()))
            place = line.end()
        if not content.startswith(b"author ", place):  # git reads parents no further than that
            return
        name = self.make(b"commit %d\0" % len(content) + content).digest()
        self.parents[name], self.starts[self.start] = tuple(parents), name
        if name not in self.contents:
            self.contents[name] = content
            self.kept += len(content)
        while self.kept > COMMITS_BYTES:
            self.kept -= len(self.contents.pop(next(iter(self.contents))))

    def read_trailer(self):
        if len(self.buffer) < self.size:
            return
        if len(self.buffer) > self.size or self.buffer != self.hash.digest():
            raise self.wrong()
        self.buffer, self.state = b"", "end"

    def read_end(self):
        if self.buffer:
            raise self.wrong()

    def is_ancestor(self, old, new, shallow, steps):
        """Say whether the commits here lead from `new` back to `old`."""
        left, seen = [new], {new}
        while left and steps[0]:
            steps[0] -= 1
            name = left.pop()
            if name == old:
                return True
            if name in shallow:
                continue
            for parent in self.parents.get(name, ()):
                if parent not in seen:
                    seen.add(parent)
                    left.append(parent)
        return False


def parse_offset(data, place):
    """Return the distance to the base of a difference, and where it ends."""
    if place >= len(data):
        return None
    byte = data[place]
    offset = byte & 127
    while byte & 128:
        place += 1
        if place >= len(data):
            return None
        byte = data[place]
        offset = offset + 1 << 7 | byte & 127
        if offset >> 60:
            return 0, place + 1
    return offset, place + 1


def apply_delta(base, delta):
    """Return what a difference makes of its base, None if it makes nothing."""
    if base is None:
        return None
    sizes, place = [], 0
    for _ in range(2):
        size = shift = 0
        while True:
            if place >= len(delta) or shift > 56:
                return None
            byte = delta[place]
            size |= (byte & 127) << shift
            shift, place = shift + 7, place + 1
            if not byte & 128:
                break
        sizes.append(size)
    if sizes[0] != len(base) or sizes[1] > COMMIT_MOST:
        return None
    result = bytearray()
    while place < len(delta) and len(result) <= sizes[1]:
        code, place = delta[place], place + 1
        if code & 128:
            offset, size, place = copy_range(delta, place, code)
            if offset + size > len(base):
                return None
            result += base[offset : offset + size]
        elif code:
            result += delta[place : place + code]
            place += code
        else:
            return None
    whole = place == len(delta) and len(result) == sizes[1]
    return bytes(result) if whole else None


def copy_range(delta, place, code):
    """Return offset and size of a copy, and where its instruction ends."""
    numbers = []
    for bits in (range(4), range(4, 7)):
        number = 0
        for shift, bit in enumerate(bits):
            if code >> bit & 1:
                number |= (delta[place] if place < len(delta) else 0) << 8 * shift
                place += 1
        numbers.append(number)
    return numbers[0], numbers[1] or 0x10000, place
