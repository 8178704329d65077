"""A GitHub of the fake world: git's own server behind the web host, an API that
says yes to all, and clients as they are in a container."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from test_wire import LOOPBACK
from world import Case, Proxy, World

GITHUB = f"[github]\n{LOOPBACK}"


def git_server(root):
    """Return a site that is `git http-backend`, which has bodies as they come,
    and their end where they are cut short."""

    def site(method, target, headers, parts):
        path, _, query = target.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
        }
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                ["git", "http-backend"],
                stdin=subprocess.PIPE, stdout=said, stderr=subprocess.DEVNULL, env=environment,
            )  # fmt: skip
            with contextlib.suppress(OSError, ValueError):
                for part in parts:
                    process.stdin.write(part)
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            said.seek(0)
            head, _, answer = said.read().partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = dict(fields).get("Status", "200").split()[0]
        return int(status), [field for field in fields if field[0] != "Status"], answer

    site.streams = True
    return site


class Forge(Case):
    """The tests of a module that have a GitHub."""

    policy = GITHUB
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.root = cls.world.directory / "git"
        cls.home = cls.world.directory / "home"
        cls.root.mkdir()
        cls.home.mkdir()
        cls.asked = []
        cls.world.upstream.sites["github.com"] = git_server(cls.root)
        cls.world.upstream.sites["api.github.com"] = cls.api
        cls.proxy = Proxy(cls.world, cls.policy.replace("PORT", str(cls.world.port)), options=cls.options)
        cls.addClassCleanup(cls.proxy.stop)

    @classmethod
    def api(cls, method, target, headers, body):
        """Answer to whatever is asked, and keep it."""
        cls.asked.append((method, target, headers, body))
        return 200, [("content-type", "application/json")], b'{"data": {}}'

    def environment(self):
        certificate = str(self.world.confdir / "mitmproxy-ca-cert.pem")
        proxy = f"http://127.0.0.1:{self.proxy.port}"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": certificate,
            "SSL_CERT_FILE": certificate,
            "LC_ALL": "C",
            **{name: proxy for name in ("https_proxy", "HTTPS_PROXY")},
        }

    def run_client(self, *command, directory=None, **more):
        """Run a client in the environment that a container has."""
        self.assertIsNotNone(shutil.which(command[0]), f"{command[0]} is missing on this machine")
        environment = {**self.environment(), **more}
        return subprocess.run(
            list(map(str, command)), cwd=directory or self.home, env=environment,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def git(self, *arguments, directory=None, **more):
        """Run git, which must succeed, and return what it says."""
        name = ["-c", "user.name=x", "-c", "user.email=x@x.test"]
        run = self.run_client("git", *name, *arguments, directory=directory, **more)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr + str(self.proxy.records()[-2:]))
        return run.stdout + run.stderr

    def new_repository(self, name, *more):
        """Make a bare repository with two commits on `main`, one of which is on
        `feature`, and a clone of it; return both."""
        there, work = self.root / "me" / f"{name}.git", self.home / name
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", *more, there], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", *more, work], check=True)
        self.commit(work, "one")
        first = self.git("rev-parse", "HEAD", directory=work).strip()
        self.commit(work, "two")
        self.git("push", "-q", there, f"{first}:refs/heads/feature", "main", directory=work)
        self.git("remote", "add", "origin", f"https://github.com/me/{name}.git", directory=work)
        self.git("fetch", "-q", "origin", directory=work)
        return there, work

    def commit(self, work, name, size=0):
        (pathlib.Path(work) / name).write_bytes(os.urandom(size) if size else name.encode())
        self.git("add", name, directory=work)
        self.git("commit", "-qm", name, directory=work)

    def refs(self, there):
        """Return what the server has."""
        command = ["git", "-C", there, "for-each-ref", "--format=%(refname) %(objectname)"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return dict(line.split() for line in text.splitlines())

    def last(self, **wanted):
        """Return the record that has these values, which is written soon."""
        for _ in range(100):
            for record in reversed(self.proxy.records()):
                if all(record.get(key) == value for key, value in wanted.items()):
                    return record
            time.sleep(0.02)
        self.fail(f"no record has {wanted}: {self.proxy.records()[-3:]}")
