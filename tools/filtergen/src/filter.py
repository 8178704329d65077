#!/usr/bin/env python3
# ctrkit-filter/1 sha256:@DIGEST@
"""The egress proxy of one container: mitmproxy, and a policy that decides.

Run it: `python3 -I filter.py --listen 0.0.0.0:8080 --confdir DIR --log FILE`.

It is a program and not a script for mitmdump: a script that fails to load, or
that is deleted, is unloaded, and then everything passes. Here there is nothing
to unload. A file that is cut short ends in no proxy at all, and a policy that
is replaced while the proxy runs is read as data and never run as code.

Everything is refused that the policy does not name, and everything that is not
understood. A hook that fails refuses too, because mitmproxy itself goes on.
"""

import argparse
import asyncio
import contextlib
import functools
import hashlib
import ipaddress
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.parse
import weakref

try:
    if "--probe" in sys.argv:  # it only asks, and often: half a second of imports is saved
        raise ModuleNotFoundError
    from mitmproxy import http, version
    from mitmproxy.addons import block, core, errorcheck, next_layer, proxyserver, tlsconfig
    from mitmproxy.master import Master
    from mitmproxy.options import Options
    from mitmproxy.proxy import commands, events, layer, layers, server
    from mitmproxy.proxy.layers import modes
    from mitmproxy.proxy.layers.http import (
        Http1Client,
        Http1Server,
        Http2Server,
        HTTPMode,
        HttpStream,
        RequestData,
        RequestHeaders,
        ResponseData,
        ResponseEndOfMessage,
        ResponseHeaders,
        ResponseProtocolError,
        SendHttp,
        _http1,
        _http2,
    )

    Layer = layer.Layer
except ModuleNotFoundError:  # the decision can be asked where there is no proxy
    version, Layer = None, object

# Data, which is never run; filtergen(1) writes it and gives it back.
POLICY = r'''
@POLICY@
'''

# ---------------------------------------------------------------- the policy

MARK = "# ctrkit-filter/1 sha256:"
BEGIN, END = "\nPOLICY = r'''\n", "\n'''\n"
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z", re.ASCII)
NUMBER = re.compile(r"[0-9]*\Z|0x[0-9a-f]*\Z", re.ASCII)
METHOD = re.compile(r"[A-Za-z-]{1,32}\Z", re.ASCII)
REASONS = ["no-name", "unknown-name", "port", "scheme", "method", "websocket"]
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
        self.websockets = entry.get("websockets", False) is True
        self.networks = [ipaddress.ip_network(text) for text in entry.get("addresses", ())]
        self.log = entry.get("log", True) is not False
        self.passthrough = passthrough
        self.text = f"{entry.get('from', '?')} {name}"

    def objection(self, scheme, port, method, websocket):
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
        return "websocket" if websocket and not self.websockets else None


class Decision:
    """What is done with a request, by which rule, and if refused, why."""

    def __init__(self, reason=None, rule=None):
        self.allowed = reason is None
        self.reason = reason
        self.rule = rule


class Policy:
    """The policy, arranged so that its length does not matter."""

    def __init__(self, data):
        policy = data["policy"]
        if data["format"] != 1 or policy["schema"] != "policy/1":
            raise ValueError("the policy is of another version")
        self.container = str(data.get("container", ""))
        self.digest = data["digest"]
        self.limits = {**LIMITS, **policy.get("limits", {})}
        self.exact, self.under = {}, {}
        entries = [(entry, False) for entry in policy.get("allow", ())]
        entries += [(entry, True) for entry in policy.get("passthrough", ())]
        if not entries:
            raise ValueError("the policy is empty")
        for entry, passthrough in entries:
            rule = Rule(entry, passthrough)
            index = self.under if rule.below else self.exact
            index.setdefault(rule.name, []).append(rule)

    def rules(self, name):
        """Return the rules that have `name`, the nearest first."""
        found = list(self.exact.get(name, ()))
        suffix = name
        while suffix:
            found += self.under.get(suffix, ())
            suffix = suffix.partition(".")[2]
        return found

    def decide(self, scheme, name, port, method, websocket=False):
        """Decide on a request; `filtergen --check` decides in the same way."""
        name = normalise(name)
        if name is None:
            return Decision("no-name")
        rules = self.rules(name)
        reason, nearest = "unknown-name", None
        for rule in sorted(rules, key=lambda rule: not rule.passthrough):
            objection = rule.objection(scheme, port, method, websocket)
            if objection is None:
                return Decision(None, rule)
            if REASONS.index(objection) > REASONS.index(reason):
                reason, nearest = objection, rule
        return Decision(reason, nearest)

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


# ---------------------------------------------------------------- addresses

# Where clouds answer their machines: within public space, unlike 169.254.0.0/16.
METADATA = [ipaddress.ip_network("168.63.129.16/32")]
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address):
    """Say whether an address is one of the internet's hosts."""
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.ip_address(int(address) & 0xFFFFFFFF)
        if address.teredo:
            return False
        if inner is not None:
            return is_public(inner)
    if address.is_multicast or is_in(address, METADATA):
        return False
    return address.is_global


def is_in(address, networks):
    """Say whether an address is in one of the networks."""
    return any(address in one for one in networks if one.version == address.version)


def may_connect(policy, name, text):
    """Say whether `name` may be reached at the address `text`."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return is_public(address) or is_in(address, policy.networks(name))


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
HIDDEN = "..."
PATH_LENGTH = 1024
PENDING = 1000


def redact(path):
    """Return a request's path without what looks like a credential."""
    path, question, query = path.partition("?")
    parts = []
    for part in query.split("&") if question else ():
        key, equals, value = part.partition("=")
        plain = urllib.parse.unquote_plus(value)
        hidden = SECRET_KEY.search(urllib.parse.unquote_plus(key)) or LONG_VALUE.match(plain)
        if not equals and LONG_VALUE.match(urllib.parse.unquote_plus(key)):
            key = HIDDEN
        parts.append(f"{key}={HIDDEN}" if equals and hidden else key + equals + value)
    text = path + question + "&".join(parts)
    plain = urllib.parse.unquote(text)
    if SECRET_VALUE.search(plain):
        text = SECRET_VALUE.sub(HIDDEN, plain)
    return text[:PATH_LENGTH]


class Log:
    """The record of what was asked for: one line of JSON each.

    What cannot be written is kept and tried again, and as long as there is
    any such line nothing more is let through: `ready` says whether there is.
    """

    def __init__(self, path):
        self.path = path
        self.pending, self.lost = [], 0
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
        self.sent = self.received = 0
        self.rule = self.question = None
        self.open = {self}  # those of the connection that are not finished
        self.fields = {"time": now(), "container": gate.policy.container, "kind": kind}
        self.fields.update({key: value for key, value in more.items() if value is not None})
        self.fields.update({"host": str(host)[:300], "port": port})

    def decide(self, decision):
        self.rule = decision.rule
        self.fields["decision"] = "allowed" if decision.allowed else "refused"
        if decision.reason:
            self.fields["reason"] = decision.reason
        if decision.rule:
            self.fields["rule"] = decision.rule.text

    def finish(self, **more):
        """Write the record, the first time that it is called."""
        if self.done:
            return
        self.done = True
        self.open.discard(self)
        refused = self.fields.get("decision") != "allowed"
        self.fields.update({key: value for key, value in more.items() if value is not None})
        if self.fields["kind"] != "connect":
            self.fields.update({"sent": self.sent, "received": self.received})
        self.fields["duration_ms"] = int((time.monotonic() - self.start) * 1000)
        if refused or self.rule is None or self.rule.log:
            self.gate.log.write(self.fields)


# ---------------------------------------------------------------- refusals

SENTENCES = {
    "no-name": "is not a host name; use the name of a host that the policy allows",
    "unknown-name": "is not a host that the policy of this container allows",
    "port": "is allowed by the policy of this container, but not on this port",
    "scheme": "is allowed by the policy of this container, but not for this scheme on this port",
    "method": "is allowed by the policy of this container, but not with this method",
    "websocket": "is allowed by the policy of this container, but not for WebSockets",
    "host": "was named in one place of the request and another host in another",
    "sni": "was named by CONNECT, and TLS did not name the same host",
    "not-tls": "was named by CONNECT, which is for TLS alone",
    "target": "was asked for with a target that is not a plain path",
    "protocol": "was asked for in a way that the proxy does not understand",
    "size": "takes bodies of a limited size, whose Content-Length must be given",
    "address": "resolves to an address that is not public, which the policy does not allow",
    "log": "cannot be asked now, because the proxy cannot write its log",
    "upstream": "is allowed by the policy of this container, and could not be reached",
    "upstream-certificate": "has no valid certificate, so nothing was sent to it",
    "internal": "cannot be asked, because the proxy failed to decide",
}
ADVICE = "do not retry; if it is needed, ask the person who runs this container for it."
# Nothing that the policy, or the person who wrote it, could do anything about.
UPSTREAM = ("upstream", "upstream-certificate")
CANARY = "canary.ctrkit.invalid"


def refusal(record, reason=None, cause=ADVICE):
    """Return the answer to a refused request, or to one that came to nothing:
    fixed keys, and one sentence."""
    fields = record.fields
    host, reason = fields["host"], reason or fields.get("reason", "internal")
    status, error = (502, "not-reached") if reason in UPSTREAM else (403, "refused-by-policy")
    body = {"schema": "refusal/1", "error": error, "reason": reason}
    body.update({key: fields[key] for key in ("host", "port", "method", "rule") if key in fields})
    body["message"] = f"{host} {SENTENCES[reason]}: {cause}"
    text = json.dumps(body) + "\n"
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    answer = http.Response.make(status, text, {**headers, "x-ctrkit-refused": reason})
    if fields.get("method") == "HEAD":
        answer.data.content = b""  # and the length stays
    return answer


class Closed(Layer):
    """What carries nothing: the connection is closed."""

    def _handle_event(self, event):
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)


# ---------------------------------------------------------------- the gate


class Tunnel:
    """What a CONNECT has opened."""

    def __init__(self, name, port, rule, record):
        self.name, self.port, self.rule, self.record = name, port, rule, record
        self.inspect = False
        self.used = False
        self.server = None

    def is_passed(self):
        """Say whether it is passed through without being looked into."""
        return self.record.fields["kind"] == "tunnel"

    def finish(self):
        """Record it, and if it was passed on to nobody, why."""
        error = self.server.error if self.server and self.is_passed() else None
        reason = reason_of(error) if error else "upstream"
        if reason != "upstream":
            self.record.decide(Decision(reason, self.rule))
        self.record.finish(error=error and error[:200])


def closed_on_failure(hook):
    """Make a hook that fails refuse: mitmproxy would go on without it."""

    @functools.wraps(hook)
    def wrapper(self, data):
        try:
            return hook(self, data)
        except Exception as error:  # noqa: BLE001, whatever it is
            print(f"filter: {hook.__name__} failed: {ascii(error)}", file=sys.stderr)
            return self.fail(data)

    return wrapper


class Gate:
    """The addon that decides."""

    def __init__(self, policy, log):
        self.policy, self.log = policy, log
        self.log.limits = policy.limits
        self.tunnels, self.records = {}, {}
        self.server = None

    def adopt(self, policy):
        """Take over a policy, and cut off what it does not allow any more."""
        self.policy, self.log.limits = policy, policy.limits
        cut = {key for key, tunnel in self.tunnels.items() if not self.may_go_on(tunnel)}
        for key, records in self.records.items():
            asked = [record.question for record in records]
            if not all(policy.decide(*question).allowed for question in asked if question):
                cut.add(key)
        for handler in list(connections(self.server)):
            if handler.client.id in cut and handler.client in handler.transports:
                handler.transports[handler.client].handler.cancel("refused by policy")

    def may_go_on(self, tunnel):
        """Say whether a tunnel may stay. In one that is looked into, each
        request is decided on."""
        decision = self.policy.tunnel(tunnel.name, tunnel.port)
        return decision.allowed and (not tunnel.is_passed() or decision.rule.passthrough)

    def fail(self, data):
        """Refuse whatever a hook was called with, by every means there is."""
        if isinstance(data, http.HTTPFlow):
            data.request.stream = False
            if data.killable:
                data.kill()
            record = data.metadata.get("ctrkit")
            if isinstance(record, Record) and not record.done:
                record.decide(Decision("internal", record.rule))
                record.finish()
        elif hasattr(data, "data_client"):
            data.layer = Closed(data.context)
        elif hasattr(data, "ignore_connection"):
            data.ignore_connection = False
            self.tunnels.pop(data.context.client.id, None)
        elif hasattr(data, "ssl_conn"):
            data.ssl_conn = None
        elif hasattr(data, "server"):
            data.server.error = "refused: internal"
        elif getattr(data, "killable", False):
            data.kill()

    # A connection, and what is opened on it.

    @closed_on_failure
    def http_connect(self, flow):
        host, port = as_sent(flow.request.host), flow.request.port
        record = Record(self, "connect", host, port, method="CONNECT", scheme="https")
        decision = self.policy.tunnel(host, port)
        if decision.allowed and not same_host(flow.request, normalise(host), port, port):
            decision = Decision("host", decision.rule)
        if decision.allowed and not self.log.ready():
            decision = Decision("log", decision.rule)
        record.decide(decision)
        if not decision.allowed:
            flow.response = refusal(record)
            flow.response.headers["connection"] = "close"
            if host == CANARY:
                record.done = True
            self.note(flow.client_conn, record)
            record.finish(status=403)
            return
        flow.request.host = normalise(host)
        self.tunnels[flow.client_conn.id] = Tunnel(normalise(host), port, decision.rule, record)

    @closed_on_failure
    def next_layer(self, data):
        """Let nothing follow but TLS in a tunnel, and HTTP in that."""
        chosen, context = data.layer, data.context
        tunnel = self.tunnels.get(context.client.id)
        if tunnel is None:
            plain = isinstance(chosen, layers.HttpLayer) and chosen.mode is HTTPMode.regular
            top = isinstance(chosen, modes.HttpProxy) and context.layers[0] is chosen
            understood = plain or top
        elif tunnel.inspect and context.client.tls_established:
            understood = isinstance(chosen, layers.HttpLayer)
        elif tunnel.inspect:
            understood = False
        else:
            begin = data.data_client()
            if begin in (b"\x16", b"\x16\x03", b""):
                data.layer = None
                return
            understood = isinstance(chosen, layers.ServerTLSLayer)
            if not understood:
                self.refuse_tunnel(tunnel, "not-tls")
        if chosen is not None and not understood:
            data.layer = Closed(context)

    @closed_on_failure
    def tls_clienthello(self, data):
        data.ignore_connection = False
        tunnel = self.tunnels.get(data.context.client.id)
        if tunnel is None:
            return
        # The policy may be another since the CONNECT.
        decision = self.policy.tunnel(tunnel.name, tunnel.port)
        named = normalise(as_sent(data.client_hello.sni)) == tunnel.name
        at = data.context.server.address
        there = at is not None and (normalise(at[0]), at[1]) == (tunnel.name, tunnel.port)
        if not (decision.allowed and named and there):
            self.refuse_tunnel(tunnel, "sni" if decision.allowed else decision.reason)
        elif decision.rule.passthrough:
            tunnel.record.fields["kind"], tunnel.used = "tunnel", True
            tunnel.rule = tunnel.record.rule = decision.rule
            data.ignore_connection = True
        else:
            # Upstream the name is spelt as it was decided on.
            data.context.server.sni = tunnel.name
            tunnel.inspect = True

    @closed_on_failure
    def tls_start_client(self, data):
        """Without a connection object mitmproxy closes: only what was looked
        at and found right keeps the one that TlsConfig has made."""
        tunnel = self.tunnels.get(data.context.client.id)
        if tunnel is None or not tunnel.inspect:
            data.ssl_conn = None

    def refuse_tunnel(self, tunnel, reason):
        tunnel.inspect = False
        tunnel.record.decide(Decision(reason, tunnel.rule))
        tunnel.record.finish()

    # A request.

    @closed_on_failure
    def requestheaders(self, flow):
        request, tunnel = flow.request, self.tunnels.get(flow.client_conn.id)
        scheme, host, port = request.scheme, as_sent(request.host), request.port
        # As it was sent: mitmproxy's own property makes it upper case.
        method, upgrade = request.data.method.decode("latin-1"), websocket_asked(request)
        about = {"method": method[:32], "scheme": scheme, "path": redact(request.path)}
        record = Record(self, "request", host, port, **about)
        flow.metadata["ctrkit"] = record
        self.note(flow.client_conn, record)
        record.question = scheme, host, port, method, upgrade
        decision = self.policy.decide(*record.question)
        objection = self.objection(flow, tunnel)
        if objection and (decision.allowed or objection in ("host", "target", "protocol")):
            decision = Decision(objection, decision.rule)
        if decision.allowed and not self.log.ready():
            decision = Decision("log", decision.rule)
        record.decide(decision)
        if not decision.allowed:
            return self.refuse(flow, record)
        strip_hops(request, upgrade)
        if tunnel is None:
            request.data.host = normalise(host)
        spell(request, normalise(host), port)
        flow.metadata["ctrkit.websocket"] = upgrade
        request.stream = functools.partial(count, record, "sent")
        return None

    def objection(self, flow, tunnel):
        """Return what speaks against a request apart from the policy."""
        request, client = flow.request, flow.client_conn
        scheme, host, port = request.scheme, normalise(as_sent(request.host)), request.port
        if flow.error is not None:
            return "protocol"
        if tunnel is not None:
            tunnel.used = True
            if not client.tls_established or not tunnel.inspect or scheme != "https":
                return "not-tls"
            if (host, port) != (tunnel.name, tunnel.port) or normalise(as_sent(client.sni)) != host:
                return "host"
        elif scheme != "http":
            return "scheme"
        http2 = request.http_version.startswith("HTTP/2")
        if not http2 and request.http_version not in ("HTTP/1.0", "HTTP/1.1"):
            return "protocol"
        if not is_plain(request):
            return "protocol"
        authority = request.data.authority.decode("latin-1")
        if http2 and parse_host(authority, 443) != (host, port):
            return "host"
        if not http2 and authority:
            return "target"
        standard = 443 if scheme == "https" else 80
        if not same_host(request, host, port, standard, required=not http2):
            return "host"
        if not request.path.startswith("/") and (request.method, request.path) != ("OPTIONS", "*"):
            return "target"
        return self.oversize(request)

    def oversize(self, request):
        most = self.policy.limits["request_bytes"]
        if most is None:
            return None
        length = request.headers.get("content-length")
        if length is None:
            bodiless = request.method in ("GET", "HEAD", "OPTIONS")
            return None if bodiless and "transfer-encoding" not in request.headers else "size"
        return None if length.isdigit() and int(length) <= most else "size"

    def refuse(self, flow, record):
        record.finish(status=403)
        flow.request.stream = False
        if flow.error is None:
            flow.response = refusal(record)

    @closed_on_failure
    def responseheaders(self, flow):
        record = flow.metadata.get("ctrkit")
        if record is None or record.fields.get("decision") != "allowed":
            if record is None:
                flow.kill()
            return
        if flow.response.status_code == 101:
            asked = flow.metadata.get("ctrkit.websocket")
            if not asked or flow.response.headers.get("upgrade", "").lower() != "websocket":
                record.decide(Decision("protocol", record.rule))
                flow.kill()
            return
        flow.response.stream = functools.partial(count, record, "received")

    @closed_on_failure
    def request(self, flow):
        """Leave out trailers that HTTP/1 would have to carry: mitmproxy cannot."""
        if flow.server_conn.alpn != b"h2":
            flow.request.trailers = None

    @closed_on_failure
    def response(self, flow):
        record = flow.metadata.get("ctrkit")
        if flow.client_conn.alpn != b"h2":
            flow.response.trailers = None
        if record is not None and flow.websocket is None:
            record.finish(status=flow.response.status_code)

    @closed_on_failure
    def error(self, flow):
        record = flow.metadata.get("ctrkit")
        if record is not None:
            status = flow.response.status_code if flow.response else None
            record.finish(status=status, error=flow.error.msg[:200] if flow.error else None)

    @closed_on_failure
    def websocket_message(self, flow):
        record, messages = flow.metadata["ctrkit"], flow.websocket.messages
        count(record, "sent" if messages[-1].from_client else "received", messages[-1].content)
        # mitmproxy keeps them all; what is forwarded, it has in hand.
        del messages[:]

    @closed_on_failure
    def websocket_end(self, flow):
        flow.metadata["ctrkit"].finish(status=101)

    @closed_on_failure
    def tcp_start(self, flow):
        """What is passed through has no flow: this is something else."""
        flow.kill()

    udp_start = dns_request = tcp_start

    # The way out.

    def unreached(self, flow, message):
        """Return the answer to a request that came to nothing upstream."""
        record = flow.metadata.get("ctrkit")
        if record is None or record.done or record.fields["decision"] != "allowed":
            return None
        reason = reason_of(message)
        if reason != "upstream":
            record.decide(Decision(reason, record.rule))
        answer = refusal(record, reason, message[:200] if reason in UPSTREAM else ADVICE)
        record.fields["status"] = answer.status_code
        return answer

    @closed_on_failure
    def server_connect(self, data):
        name, port = (data.server.address or (None, None))[:2]
        name = as_sent(name)
        tunnel = self.tunnels.get(data.client.id)
        rules = self.policy.rules(normalise(name)) if normalise(name) else []
        known = any(port in rule.ports for rule in rules)
        if tunnel is not None and (tunnel.name, tunnel.port) != (normalise(name), port):
            known = False
        if not known or getattr(data.server, "via", None) is not None:
            data.server.error = "refused: unknown-name"
        if tunnel is not None:
            tunnel.server = data.server

    # What becomes of a connection.

    def note(self, client, record):
        """Remember that something of this connection is recorded, or will be."""
        record.open = self.records.setdefault(client.id, set())
        record.open.add(record)

    def malformed(self, client):
        """Record what is no request; mitmproxy has closed the connection."""
        tunnel = self.tunnels.get(client.id)
        kind, name, port = "connect", "", 0
        if tunnel is not None:
            kind, name, port = "request", tunnel.name, tunnel.port
        record = Record(self, kind, name, port)
        self.note(client, record)
        record.decide(Decision("protocol", tunnel and tunnel.rule))
        record.finish(status=400)

    @closed_on_failure
    def tls_failed_client(self, data):
        tunnel = self.tunnels.get(data.context.client.id)
        if tunnel is not None and not tunnel.inspect and not tunnel.record.done:
            self.refuse_tunnel(tunnel, "not-tls")
        elif tunnel is not None:
            alert = re.search(r"alert ([a-z ]+)", data.conn.error or "")
            said = f": {alert[1]}" if alert else ""
            tunnel.record.fields["error"] = f"the client ended TLS{said}"

    @closed_on_failure
    def client_disconnected(self, client):
        tunnel = self.tunnels.pop(client.id, None)
        recorded = self.records.pop(client.id, None)
        for record in list(recorded or ()):
            record.finish(error="the connection ended before the answer")
        if tunnel is not None and (tunnel.is_passed() or recorded is None):
            tunnel.finish()

    def done(self):
        """Record what is under way when the proxy ends."""
        for key, tunnel in self.tunnels.items():
            if tunnel.is_passed() or key not in self.records:
                tunnel.finish()
        for record in [record for records in self.records.values() for record in records]:
            record.finish(error="the proxy ended before the answer")


REFUSED = re.compile(r"(?:Connection killed: )?refused: ([a-z-]+)\Z")


def reason_of(message):
    """Return why nothing was reached: what the gate has said, or mitmproxy."""
    said = REFUSED.match(message or "")
    if said and said[1] in SENTENCES:
        return said[1]
    # At the beginning alone: further on a message may have what the server said.
    failed = (message or "").startswith("Certificate verify failed")
    return "upstream-certificate" if failed else "upstream"


def connections(server):
    """Return the connections that mitmproxy has, which 8 keeps to itself."""
    if server is None:
        return []
    return getattr(server, "connections", getattr(server, "_connections", {})).values()


def count(record, direction, data):
    """Count bytes on their way through."""
    setattr(record, direction, getattr(record, direction) + len(data))
    return data


def as_sent(name):
    """Return a name in A-labels again, which mitmproxy has decoded."""
    try:
        return name if name is None or name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def spell(request, name, port):
    """Name the host in a request's fields as it was decided on."""
    standard = 443 if request.scheme == "https" else 80
    host = name if port == standard else f"{name}:{port}"
    if request.data.authority:
        request.data.authority = host.encode()
    if "host" in request.headers:
        request.headers["host"] = host


def same_host(request, name, port, standard, required=False):
    """Say whether there is at most one Host, and it is the same host."""
    fields = [value for key, value in request.headers.fields if key.lower() == b"host"]
    if not fields:
        return not required
    host = fields[0].decode("ascii", "replace")
    return len(fields) == 1 and parse_host(host, standard) == (name, port)


def parse_host(text, standard):
    """Return name and port of `NAME[:PORT]`, either None if it is wrong."""
    name, colon, port = (text or "").partition(":")
    if not colon:
        return normalise(name), standard
    right = port.isascii() and port.isdigit() and len(port) <= 5
    return normalise(name), int(port) if right else None


TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
TARGET = re.compile(r"[^\0-\x20\x7f]+\Z")


def is_plain(request):
    """Say whether a request can be read in one way alone, also when it is sent
    on in the other version of HTTP."""
    fields = [(name.lower(), value) for name, value in request.headers.fields]
    if not all(TOKEN.match(name) and not set(value) & set(b"\r\n\0") for name, value in fields):
        return False
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if lengths and (codings or len(lengths) > 1 or not lengths[0].isdigit()):
        return False
    if codings and (request.http_version != "HTTP/1.1" or codings != [b"chunked"]):
        return False
    return bool(TARGET.match(request.path))


def websocket_asked(request):
    """Say whether a request asks to become a WebSocket."""
    values = request.headers.get_all("upgrade")
    tokens = [token.strip().lower() for value in values for token in value.split(",")]
    return any(token.startswith("websocket") for token in tokens)


def strip_hops(request, upgrade):
    """Take away what is for the next hop: credentials, another protocol, and
    names of fields for it to leave out, of which Host could be one."""
    for header in ("proxy-authorization", "proxy-connection", "http2-settings"):
        request.headers.pop(header, None)
    if not upgrade:
        request.headers.pop("upgrade", None)
    known = ("close", "keep-alive", "te", *(("upgrade",) if upgrade else ()))
    values = request.headers.get_all("connection")
    tokens = [token.strip() for value in values for token in value.split(",")]
    kept = [token for token in tokens if token.lower() in known]
    if kept != tokens:
        request.headers.pop("connection", None)
        if kept:
            request.headers["connection"] = ", ".join(kept)


# ---------------------------------------------------------------- the proxy

# What must hold of mitmproxy. Each is looked at again after it is set.
NEEDED = {
    "rawtcp": False,
    "connection_strategy": "lazy",
    "upstream_cert": False,
    "block_global": True,
    "ssl_insecure": False,
    "validate_inbound_headers": True,
    "websocket": True,
    "http2": True,
    "ignore_hosts": [],
    "allow_hosts": [],
    "tcp_hosts": [],
    "stream_large_bodies": None,
    "body_size_limit": None,
}
# The same, of options that not every version has.
IF_KNOWN = {"http3": False, "show_ignored_hosts": False, "dns_server": False, "udp_hosts": []}
REFUSED_BODY = 1 << 20
HELD_BODY = 4 << 20


class Unfit(Exception):
    """The proxy must not run."""


def bound_refused_bodies():
    """Bound the body of a refused request, which mitmproxy reads before it
    answers. Those of others are streamed, and so are in nobody's memory."""
    original = HttpStream.check_body_size

    def check_body_size(self, request):
        if request and len(self.request_body_buf) > REFUSED_BODY:
            self.request_body_buf = type(self.request_body_buf)()
            error = ResponseProtocolError(self.stream_id, "refused by policy", 403)
            yield SendHttp(error, self.context.client)
            self.client_state = self.server_state = self.state_errored
            self.flow.live = False
            return True
        return (yield from original(self, request))

    HttpStream.check_body_size = check_body_size


def frame_bodies():
    """Frame the body of a request that came over HTTP/2 without a length.
    mitmproxy would send it bare over HTTP/1.1, where the server reads it as
    requests that nobody has decided on. An empty part would end it early."""
    original = Http1Client.send

    def send(self, event):
        if isinstance(event, RequestHeaders) and not event.end_stream:
            headers = event.request.headers
            if event.request.is_http2 and "content-length" not in headers:
                headers["transfer-encoding"] = "chunked"
        if not isinstance(event, RequestData) or event.data:
            yield from original(self, event)

    Http1Client.send = send


def bound_http2():
    """Read no more from one side while much waits for the other: HTTP/2 has
    windows of its own, and what a peer does not take yet, mitmproxy keeps."""
    begin, drain = _http2.Http2Connection.__init__, server.ConnectionHandler.drain_writers
    sessions = weakref.WeakValueDictionary()

    def initialise(self, context, connection):
        begin(self, context, connection)
        sessions[connection.id] = self.h2_conn

    def held(handler):
        task, size = asyncio.current_task(), 0
        for connection, side in handler.transports.items():
            if side.handler is not task and connection.id in sessions:
                buffers = sessions[connection.id].stream_buffers.values()
                size += sum(len(part.data) for buffer in buffers for part in buffer)
        return size

    async def drain_writers(self):
        await drain(self)
        # A stream that waits for ever must not hold up the others for ever.
        for _ in range(100):
            if held(self) <= HELD_BODY:
                break
            await asyncio.sleep(0.01)

    _http2.Http2Connection.__init__ = initialise
    server.ConnectionHandler.drain_writers = drain_writers


def drop_trailers():
    """Leave out trailers where HTTP/1 is read: mitmproxy would raise an
    exception, and the connection would hang."""

    class Reader(_http1.ChunkedReader):
        def __call__(self, buffer):
            event = super().__call__(buffer)
            end = _http1.h11.EndOfMessage
            return end() if isinstance(event, end) else event

    _http1.ChunkedReader = Reader


def answer_failures(gate):
    """Answer what could not be reached in the way of a refusal."""
    original = HttpStream.handle_protocol_error

    def handle_protocol_error(self, event):
        answer, client, number = None, self.context.client, self.stream_id
        if isinstance(event, ResponseProtocolError) and self.flow.response is None:
            answer = gate.unreached(self.flow, event.message)
        for command in original(self, event):
            to_client = isinstance(command, SendHttp) and command.connection is client
            if not (answer and to_client and command.event is event):
                yield command
                continue
            yield SendHttp(ResponseHeaders(number, answer, not answer.raw_content), client)
            if answer.raw_content:
                yield SendHttp(ResponseData(number, answer.raw_content), client)
            yield SendHttp(ResponseEndOfMessage(number), client)

    HttpStream.handle_protocol_error = handle_protocol_error


def note_malformed(gate):
    """Have recorded what mitmproxy turns away before there is a request."""
    read_headers, protocol_error = Http1Server.read_headers, Http2Server.protocol_error
    begin = HttpStream.state_wait_for_request_headers

    def read_http1(self, event):
        cut_short = isinstance(event, events.ConnectionClosed) and bytes(self.buf).strip()
        yield from read_headers(self, event)
        if cut_short or (self.state == self.done and self.request is None):
            gate.malformed(self.context.client)

    def fail_http2(self, *arguments):
        gate.malformed(self.context.client)
        yield from protocol_error(self, *arguments)

    def begin_stream(self, event):
        yield from begin(self, event)
        seen = "ctrkit" in self.flow.metadata or self.flow.request.method == "CONNECT"
        if self.client_state == self.state_errored and not seen:
            gate.malformed(self.context.client)

    Http1Server.read_headers, Http2Server.protocol_error = read_http1, fail_http2
    HttpStream.state_wait_for_request_headers = begin_stream


def count_passed(gate):
    """Count the bytes of what is passed through, of which there is no flow."""
    original = layers.TCPLayer.relay_messages

    def relay_messages(self, event):
        tunnel = gate.tunnels.get(self.context.client.id)
        if tunnel is not None and isinstance(event, events.DataReceived):
            ours = event.connection is self.context.client
            count(tunnel.record, "sent" if ours else "received", event.data)
        yield from original(self, event)

    layers.TCPLayer.relay_messages = relay_messages


def mend(gate):
    """Do what mitmproxy leaves undone."""
    bound_refused_bodies()
    bound_http2()
    frame_bodies()
    drop_trailers()
    answer_failures(gate)
    note_malformed(gate)
    count_passed(gate)


def watch_names(loop, gate):
    """Check every address that a name resolves to, where it is resolved: what
    is checked is what is connected to."""
    original = loop.getaddrinfo

    async def getaddrinfo(host, port, **more):
        name = normalise(host.decode("ascii", "replace") if isinstance(host, bytes) else host)
        found = await original(host, port, **more)
        good = [entry for entry in found if name and may_connect(gate.policy, name, entry[4][0])]
        if not good:
            raise OSError("refused: address")
        return good

    loop.getaddrinfo = getaddrinfo


async def watch_file(path, program, gate):
    """Take over a policy that is put in the file's place. One that does not
    load, and a file that is gone, leave the last good one in force."""

    def state():
        try:
            found = os.stat(path)
            return found.st_ino, found.st_mtime_ns, found.st_size
        except OSError:
            return None

    last = state()
    while True:
        await asyncio.sleep(0.5)
        seen, last = last, state()
        if last == seen or last is None:
            continue
        try:
            other, policy = read_file(path)
            if other != program:
                raise ValueError("its program is another one: start the proxy again")
            gate.adopt(policy)
            print(f"filter: the policy is now {policy.digest}", file=sys.stderr)
        except Exception as error:  # noqa: BLE001, the last good one stays
            print(f"filter: the policy stays: {ascii(error)}", file=sys.stderr)


def options(arguments):
    """Return mitmproxy's options."""
    host, _, port = arguments.listen.rpartition(":")
    ipaddress.ip_address(host.strip("[]"))  # a name would have to be resolved
    return {
        "listen_host": host.strip("[]"),
        "listen_port": int(port),
        "confdir": arguments.confdir,
        "ssl_verify_upstream_trusted_ca": arguments.upstream_ca,
    }


def write_certificate(path, certificate):
    """Put the CA's certificate, and never its key, where others trust it from:
    whole or not at all, for all to read."""
    new = f"{path}.new"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(new, flags, 0o600), "wb") as file:
            file.write(certificate.to_pem())
            os.fchmod(file.fileno(), 0o644)  # whatever the umask is
        os.replace(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise Unfit(f"cannot write the certificate {path!r}: {error.strerror}") from error


def set_options(opts, wanted):
    known = {**NEEDED, **{key: value for key, value in IF_KNOWN.items() if key in opts}}
    missing = [key for key in known if key not in opts]
    if missing:
        raise Unfit(f"this mitmproxy has no option {', '.join(missing)}")
    opts.update(**known, **wanted)
    wrong = [key for key, value in known.items() if (getattr(opts, key) or None) != (value or None)]
    if wrong or opts.mode not in ("regular", ["regular"]):
        raise Unfit(f"mitmproxy did not take the option {', '.join(wrong) or 'mode'}")


async def serve(arguments, program, policy):
    """Run the proxy until it is told to end."""
    log = Log(arguments.log)
    log.limits = policy.limits
    if not log.ready():
        raise Unfit(f"cannot write the log {arguments.log!r}")
    gate, opts = Gate(policy, log), Options()
    master = Master(opts)
    # Nothing but what a proxy needs: no scripts, no replay, no mitm.it.
    addons = [core.Core(), block.Block(), proxyserver.Proxyserver(), next_layer.NextLayer()]
    tls = tlsconfig.TlsConfig()
    master.addons.add(*addons, tls, errorcheck.ErrorCheck(), gate)
    set_options(opts, options(arguments))
    # The options made the CA, if there was none; nothing listens before run().
    if arguments.certificate:
        write_certificate(arguments.certificate, tls.certstore.default_ca)
    mend(gate)
    gate.server = master.addons.get("proxyserver")
    loop = asyncio.get_running_loop()
    watch_names(loop, gate)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, master.shutdown)
    watching = loop.create_task(watch_file(arguments.filter, program, gate))
    try:
        await master.run()
    finally:
        watching.cancel()


def probe(listen):
    """Ask the proxy at `listen` for what every policy refuses."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        request = f"CONNECT {CANARY}:443 HTTP/1.1\r\nHost: {CANARY}:443\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        while b"refused-by-policy" not in answer:
            more = connection.recv(4096)
            if not more:
                raise Unfit("the proxy does not refuse the canary")
            answer += more


def release():
    """Return the first two numbers of mitmproxy's version."""
    return tuple(int(number) for number in version.VERSION.split(".")[:2])


def load(_loader):
    """End mitmdump, if it was told to load this as a script: it would do
    nothing with it, and let everything pass."""
    sys.exit("filter: this is a program and no script: run it with python3 -I")


def main():
    parser = argparse.ArgumentParser(description="The egress proxy of one container.")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", default="0.0.0.0:8080")
    parser.add_argument("--confdir", metavar="DIR", default="~/.mitmproxy", help="the proxy's CA")
    parser.add_argument("--log", metavar="FILE", help="where requests are recorded")
    parser.add_argument("--certificate", metavar="FILE", help="write the CA's certificate here")
    parser.add_argument("--upstream-ca", metavar="FILE", help="trust these CAs and no others")
    parser.add_argument("--probe", action="store_true", help="ask a proxy that runs, and end")
    arguments = parser.parse_args()
    arguments.filter = os.path.abspath(__file__)
    try:
        if arguments.probe:
            return probe(arguments.listen)
        if version is None or not (8, 1) <= release() < (12, 0):
            raise Unfit("this needs mitmproxy 8.1 to 11")
        program, policy = read_file(arguments.filter)
        asyncio.run(serve(arguments, program, policy))
    except (Unfit, OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"filter: {error}")
    return None


if __name__ == "__main__":
    main()
