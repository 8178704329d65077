"""The stand-in for GitHub behind the real proxy."""

import contextlib
import os
import re
import socket
import time

import attack
import github
import http2
from world import Proxy, World, read_answer

MEDIA = '[[allow]]\nname = "media.test"\naddresses = ["127.0.0.0/8"]\n'


class GitHubWorld(World):
    """A world in which port 443 of every name is the stand-in's."""

    def __init__(self):
        super().__init__()
        self.github = github.GitHub(self.directory, self.upstream.authority)
        self.port = self.github.port

    def proxy(self, policy):
        return Proxy(self, attack.as_toml(attack.POLICIES[policy]) + MEDIA)


def environment(proxy, home):
    """Return what a client in a container has in its environment."""
    address = f"http://127.0.0.1:{proxy.port}"
    certificate = str(proxy.world.confdir / "mitmproxy-ca-cert.pem")
    found = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    found.update(dict.fromkeys(("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"), address))
    found.update(dict.fromkeys(("GIT_SSL_CAINFO", "SSL_CERT_FILE"), certificate))
    return {
        **found,
        "GIT_TERMINAL_PROMPT": "0",
        "GH_TOKEN": "placeholder",
        "GH_PROMPT_DISABLED": "1",
        "NO_COLOR": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x@x.test",
        "GIT_COMMITTER_NAME": "x",
        "GIT_COMMITTER_EMAIL": "x@x.test",
    }


class Client:
    """Sends cases over connections that are kept, of either HTTP."""

    def __init__(self, proxy):
        self.proxy, self.open = proxy, {}

    def forget(self, key):
        kept = self.open.pop(key, None)
        if kept:
            with contextlib.suppress(OSError):
                kept[0].close()

    def ask(self, case, version):
        """Send a case and return the answer's status; None where there is none."""
        key = (case.host, version)
        for again in (True, False):
            fresh = key not in self.open
            if fresh:
                connection = self.proxy.open_tls(case.host, 443, alpn=(version,))
                if connection is None:
                    return None
                kept = http2.Client(connection) if version == "h2" else connection.makefile("rb")
                self.open[key] = (connection, kept)
            try:
                found = (self.ask_http2 if version == "h2" else self.ask_http1)(
                    case, *self.open[key]
                )
                if found is None or self.open[key][0].fileno() < 0:
                    self.forget(key)
                return found
            except Exception:  # noqa: BLE001, whatever a refusal breaks
                self.forget(key)
                if fresh or not again:
                    return None
        return None

    def ask_http1(self, case, connection, reader):
        head = f"{case.method} {case.target} HTTP/1.1\r\nHost: {case.host}\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in case.headers)
        if case.body or case.method in ("POST", "PUT", "PATCH"):
            head += f"Content-Length: {len(case.body)}\r\n"
        connection.sendall(head.encode("latin-1") + b"\r\n" + case.body)
        return read_answer(reader, case.method)[0]

    def ask_http2(self, case, _connection, client):
        headers = [(key.lower(), value) for key, value in case.headers]
        h2, number = client.session.h2, client.session.h2.get_next_available_stream_id()
        head = [
            (":method", case.method),
            (":scheme", "https"),
            (":authority", case.host),
            (":path", case.target),
        ]
        h2.send_headers(number, [*head, *headers], end_stream=not case.body)
        client.session.flush()
        if case.body:
            client.session.send(number, case.body, client.handle)
            h2.end_stream(number)
            client.session.flush()
        return client.wait(number)[0].status


def refused(records):
    """Return of the log what was refused, in short."""
    keys = ("decision", "reason", "operation", "method", "host", "path")
    return [
        {key: one.get(key) for key in keys} for one in records if one.get("decision") != "allowed"
    ]


def settle(world):
    """Wait until nothing comes any more."""
    last = None
    while last != (last := world.github.mark()):
        time.sleep(0.1)


def raw(proxy, host, data, shut=False, alpn=("http/1.1",)):
    """Send bytes in a tunnel, and take what comes."""
    connection = proxy.open_tls(host, 443, alpn=alpn)
    if connection is None:
        return b""
    connection.settimeout(1.5)
    answer = b""
    with contextlib.suppress(OSError), connection:
        connection.sendall(data)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            answer += more
            if len(re.findall(rb"HTTP/1\.[01] \d", answer)) > 1 or b"x-ctrkit-refused" in answer:
                break
            connection.settimeout(0.3)
    return answer
