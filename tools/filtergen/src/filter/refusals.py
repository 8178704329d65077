# ---------------------------------------------------------------- refusals

SENTENCES = {
    "no-name": "is not a host name; use the name of a host that the policy allows",
    "unknown-name": "is not a host that the policy of this container allows",
    "port": "is allowed by the policy of this container, but not on this port",
    "scheme": "is allowed by the policy of this container, but not for this scheme on this port",
    "method": "is allowed by the policy of this container, but not with this method",
    "websocket": "is allowed by the policy of this container, but not for WebSockets",
    "path": "is allowed by the policy of this container, but not with this path",
    "operation": "is allowed by the policy of this container, but not for this operation",
    "repository": "is allowed by the policy of this container, but not to change this repository",
    "branch": "is allowed by the policy of this container, but not to change this branch",
    "unclear": "was asked for something of which the proxy cannot tell what it would do",
    "secret": "is sent a credential by the proxy, which it does not have now",
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
    known = ("host", "port", "method", "operation", "rule")
    body.update({key: fields[key] for key in known if key in fields})
    detail = f" ({record.detail})" if record.detail and reason not in UPSTREAM else ""
    body["message"] = f"{host} {SENTENCES[reason]}{detail}: {cause}"
    text = json.dumps(body) + "\n"
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    answer = http.Response.make(status, text, {**headers, "x-ctrkit-refused": reason})
    if fields.get("method") == "HEAD":
        answer.data.content = b""  # and the length stays
    return answer


def push_refusal(record, verdict):
    """Return the answer to a refused push, which git takes for one of its own
    and shows to whoever pushes."""
    reason = record.fields["reason"]
    head = {"content-type": "application/x-git-receive-pack-result", "cache-control": "no-store"}
    body = record.upload.push.answer(verdict)
    return http.Response.make(200, body, {**head, "x-ctrkit-refused": reason})


class Closed(Layer):
    """What carries nothing: the connection is closed."""

    def _handle_event(self, event):
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)
