# ---------------------------------------------------------------- the gate

# What is held at most of all bodies together, and how long of one.
HELD_BODIES, HOLD_SECONDS = 64 << 20, 300
TRAILER = 32  # of a pack: its digest


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


class Upload:
    """A push on its way."""

    def __init__(self, push, record):
        self.push, self.record = push, record
        self.start, self.tail = bytearray(), b""  # what is not sent yet
        self.ended = self.is_cut = False
        self.answer = []  # what the server said before it had all

    def pass_on(self, data):
        """Return what may be sent now: until it may be sent to its end, all but
        that, without which no server takes a pack for whole."""
        whole = self.tail + data
        self.tail = b"" if self.ended else whole[-TRAILER:]
        return count(self.record, "sent", whole[: len(whole) - len(self.tail)])


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

    def __init__(self, policy, log, secrets=None):
        self.policy, self.log, self.secrets = policy, log, secrets
        self.log.limits = policy.limits
        self.tunnels, self.records = {}, {}
        self.held = 0  # bytes of all bodies that are held
        self.server = None

    def adopt(self, policy):
        """Take over a policy, and cut off what it does not allow any more."""
        before, self.policy, self.log.limits = self.policy, policy, policy.limits
        cut = {key for key, tunnel in self.tunnels.items() if not self.may_go_on(tunnel)}
        for key, records in self.records.items():
            if not all(self.is_allowed_still(record, before) for record in records):
                cut.add(key)
        self.cut(cut)

    def cut(self, clients):
        """End connections, whatever is under way on them."""
        for handler in list(connections(self.server)):
            if handler.client.id in clients and handler.client in handler.transports:
                handler.transports[handler.client].handler.cancel("refused by policy")

    def is_allowed_still(self, record, before):
        """Say whether a request that is under way may stay. What is held of a
        body is decided on by the policy that is in force when it is whole. Of
        a push the beginning is gone: it goes on under the same rules alone."""
        if record.question is None:
            return True
        if record.upload is not None and not self.policy.guards_as(before):
            return False
        whole = record.flow and not record.pending and record.flow.request.raw_content
        try:
            if whole:
                return self.policy.judge_body(record.question, whole).allowed
            return self.policy.judge(record.question).allowed
        except Exception as error:  # noqa: BLE001, as in every hook
            print(f"filter: a request could not be judged again: {ascii(error)}", file=sys.stderr)
            return False

    def expire(self):
        """End the connections whose bodies are not whole after a long time."""
        late = time.monotonic() - HOLD_SECONDS
        cut = set()
        for key, records in self.records.items():
            if any(record.pending and record.start < late for record in records):
                cut.add(key)
        self.cut(cut)

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
        fields = request.headers.fields
        record.question = Question(scheme, host, port, method, upgrade, request.path, fields)
        decision = self.policy.decide(*record.question[:-1])
        objection = self.objection(flow, tunnel)
        if objection and (decision.allowed or objection in ("host", "target", "protocol")):
            decision = Decision(objection, decision.rule)
        if decision.allowed:
            decision = self.policy.judge(record.question)
        if decision.allowed and not self.log.ready():
            decision = Decision("log", decision.rule)
        if decision.allowed and not self.has_secrets(record.question):
            decision = Decision("secret", decision.rule, decision.verdict)
        record.decide(decision)
        if not decision.allowed:
            return self.refuse(flow, record)
        strip_hops(request, upgrade)
        if tunnel is None:
            request.data.host = normalise(host)
        spell(request, normalise(host), port)
        flow.metadata["ctrkit.websocket"] = upgrade
        return self.take_in(flow, record, decision.verdict)

    def take_in(self, flow, record, verdict):
        """Begin with the body of a request that is allowed as far as its head
        tells: it is passed on as it comes, or held until more is known."""
        record.flow = flow
        if self.is_lengthless(flow.request):
            record.pending = True
            return
        if verdict is None or (verdict.kind == "allow" and verdict.limit is None):
            self.equip(flow, record)
            flow.request.stream = functools.partial(count, record, "sent")
            return
        record.pending = True
        if verdict.kind == "push":
            push = self.policy.guard.push(verdict, list(record.question.headers))
            record.upload = flow.metadata["ctrkit.upload"] = Upload(push, record)
        else:
            flow.metadata["ctrkit.limit"] = verdict.limit or 0

    def is_guarded(self, question):
        """Say whether more than the name of a host is looked at."""
        name = question and normalise(question.host)
        return bool(name) and (name in self.policy.secrets or self.policy.rules(name) == [self.policy.guarded])

    def has_secrets(self, question):
        """Say whether all that is to be added to a request is there."""
        wanted = self.policy.secrets.get(normalise(question.host), ())
        if (question.scheme, question.port) != ("https", 443):
            return True
        return all(secret.value(self.secrets) is not None for secret in wanted)

    def equip(self, flow, record):
        """Take the container's own credentials away, and where they are wanted
        put the real ones in their place, just before a request goes out."""
        question = record.question
        for secret in self.policy.secrets.get(normalise(question.host), ()):
            secret.strip(flow.request.headers)
            if (question.scheme, question.port) == ("https", 443):
                value = secret.value(self.secrets)
                if value is None:
                    raise ValueError("the secret is gone")
                flow.request.headers[secret.header] = value

    # A body that is held.

    def hold(self, flow, size):
        """Say whether as much more may be held of a request's body; if not, it
        is refused."""
        record, limit = flow.metadata["ctrkit"], flow.metadata.get("ctrkit.limit", 0)
        record.hold(size)
        if record.held <= limit and self.held <= HELD_BODIES:
            return True
        detail = "it has a body, and must not" if limit == 0 else "its body is too long"
        verdict = Verdict("refuse", record.fields.get("operation"), "unclear", detail)
        size = self.is_lengthless(flow.request)
        record.hold(-record.held)
        record.decide(Decision("size", record.rule) if size else Decision.of(verdict, record.rule))
        self.refuse(flow, record)
        return False

    def judge_whole(self, flow, record):
        """Decide on a request whose body is there, by the policy in force now."""
        body = flow.request.raw_content or b""
        decision = self.policy.judge_body(record.question, body)
        if decision.allowed and not self.has_secrets(record.question):
            decision = Decision("secret", decision.rule, decision.verdict)
        record.decide(decision)
        if not decision.allowed:
            return self.refuse(flow, record)
        self.equip(flow, record)
        record.sent += len(body)
        return None

    # A push.

    def feed(self, flow, data):
        """Give a part of a push to what reads it. Return True if it may go on,
        None if that is not known yet, and False if it is refused."""
        upload = flow.metadata["ctrkit.upload"]
        try:
            verdict = upload.push.feed(data)
            if verdict is None and not self.hold_start(upload, data):
                verdict = Verdict("refuse", "push", "unclear", "its commands are too long")
            return self.settle(flow, upload, verdict)
        except Exception as error:  # noqa: BLE001, as in every hook
            return self.fail_push(flow, error)

    def hold_start(self, upload, data):
        """Keep a part of a push whose commands are not all there, if there is
        room for it."""
        upload.start += data
        upload.record.hold(len(data))
        return self.held <= HELD_BODIES

    def finish_push(self, flow):
        """Say whether a push may be sent to its end."""
        upload = flow.metadata["ctrkit.upload"]
        try:
            return self.settle(flow, upload, upload.push.finish()) is True
        except Exception as error:  # noqa: BLE001
            return self.fail_push(flow, error)

    def settle(self, flow, upload, verdict):
        """Do what a verdict on a push says, and return what it comes to."""
        record = upload.record
        if verdict is None:
            return None
        record.hold(-record.held)
        allowed = verdict.kind == "allow"
        if allowed and record.pending:
            if self.has_secrets(record.question):
                self.equip(flow, record)
            else:
                detail = "the proxy does not have the credential for it now"
                verdict = Verdict("refuse", verdict.operation, "secret", detail)
                allowed = False
        if record.pending or not allowed:
            record.decide(Decision.of(verdict, record.rule))
        if not allowed:
            flow.response = push_refusal(record, verdict)
        return allowed

    def fail_push(self, flow, error):
        print(f"filter: a push failed: {ascii(error)}", file=sys.stderr)
        record = flow.metadata["ctrkit"]
        record.decide(Decision("internal", record.rule))
        flow.response = refusal(record)
        return False

    def refuse_push(self, flow, detail):
        """Refuse a push for what the proxy itself sees of it."""
        verdict = Verdict("refuse", "push", "unclear", detail)
        try:
            self.settle(flow, flow.metadata["ctrkit.upload"], verdict)
        except Exception as error:  # noqa: BLE001
            self.fail_push(flow, error)

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

    def is_lengthless(self, request):
        """Say whether there must be no body because its length is not told. In
        HTTP/2 there may be one behind any head."""
        bounded = self.policy.limits["request_bytes"] is not None
        return bounded and request.is_http2 and "content-length" not in request.headers

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
        """Decide on what was held. Leave out trailers that HTTP/1 would have to
        carry, because mitmproxy cannot, and those where they could be more."""
        record = flow.metadata.get("ctrkit")
        own = record is not None and self.is_guarded(record.question)
        if flow.server_conn.alpn != b"h2" or own:
            flow.request.trailers = None
        if record is not None and record.pending and flow.response is None:
            self.judge_whole(flow, record)

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
