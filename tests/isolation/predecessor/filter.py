"""A filter that compares names, and nothing else, in the way of the predecessor."""

from mitmproxy import ctx, http

ALLOWED_DOMAINS = [
    "allowed.test",
    "other.test",
    "*.wild.test",
    "read.test",
    "ws.test",
    "port.test",
    "git.test",
    "index.test",
    "files.test",
    "npm.test",
    "cargo.test",
    "crates.test",
    "apt.test",
]
PASSTHROUGH_DOMAINS = ["pinned.test"]


def allowed(host):
    for each in ALLOWED_DOMAINS:
        if host == each or (each.startswith("*.") and (host + ".").endswith(each[1:] + ".")):
            return True
    return host in PASSTHROUGH_DOMAINS


def load(loader):
    ctx.options.ignore_hosts = [rf"{each}(:\d+)?$" for each in PASSTHROUGH_DOMAINS]


def request(flow):
    if not allowed(flow.request.pretty_host):
        words = f"Domain '{flow.request.pretty_host}' is not in the allowlist"
        flow.response = http.Response.make(403, words)
