"""Real clients through the proxy: git, pip, npm, cargo and apt.

Each has a stand-in in the fake world, and for all but git the policy
`packages` reads the client's own configuration, which names it as a mirror.
What is missing on this machine is a failure.
"""

import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

from world import Case, Proxy, World
from test_wire import entry

MANAGERS = ("pip", "npm", "cargo", "apt")


def tar(files):
    """Return a gzipped archive of `files`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def wheel():
    buffer, information = io.BytesIO(), "demo-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("demo.py", "print('it runs')\n")
        archive.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    return buffer.getvalue()


def pages(files):
    """Return a site that has `files`, and answers 404 otherwise."""

    def site(_method, target, _headers, _body):
        path = target.partition("?")[0]
        kind = "text/html" if path.endswith("/") else "application/octet-stream"
        if path not in files:
            return 404, [], b""
        return 200, [("content-type", kind)], files[path]

    return site


def pip_index():
    name = "demo-1.0-py3-none-any.whl"
    digest = hashlib.sha256(wheel()).hexdigest()
    page = f'<a href="/files/{name}#sha256={digest}">{name}</a>'
    return {"/simple/demo/": page.encode(), f"/files/{name}": wheel()}


def npm_registry(url):
    package = tar({"package/package.json": '{"name": "demo", "version": "1.0.0"}'})
    dist = {"tarball": f"{url}/demo/-/demo-1.0.0.tgz", "shasum": hashlib.sha1(package).hexdigest()}
    about = {
        "name": "demo",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {"name": "demo", "version": "1.0.0", "dist": dist}},
    }
    return {"/demo": json.dumps(about).encode(), "/demo/-/demo-1.0.0.tgz": package}


def cargo_index(url):
    manifest = '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "2021"\n'
    crate = tar({"demo-1.0.0/Cargo.toml": manifest, "demo-1.0.0/src/lib.rs": ""})
    digest = hashlib.sha256(crate).hexdigest()
    about = {"name": "demo", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False}
    return {
        "/config.json": json.dumps({"dl": f"{url}/crates"}).encode(),
        "/de/mo/demo": json.dumps({**about, "cksum": digest}).encode(),
        "/crates/demo/1.0.0/download": crate,
    }


def apt_repository(directory):
    control = "Package: demo\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@x.test>\nDescription: x\n"
    tree = pathlib.Path(directory) / "deb"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(control)
    subprocess.run(["dpkg-deb", "--build", tree, tree.with_suffix(".deb")], check=True, capture_output=True)
    package = tree.with_suffix(".deb").read_bytes()
    digest = hashlib.sha256(package).hexdigest()
    about = f"{control}Filename: ./demo.deb\nSize: {len(package)}\nSHA256: {digest}\n\n"
    return {"/./Packages": about.encode(), "/./demo.deb": package}


def git_site(root):
    """Return a site that is git's own server, `git http-backend`."""

    def site(method, target, headers, body):
        path, _, query = target.partition("?")
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        run = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
        head, _, answer = run.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = dict(fields).get("Status", "200").split()[0]
        return int(status), [field for field in fields if field[0] != "Status"], answer

    return site


class Clients(Case):
    """The home of all clients is below a root, as that of an image."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.scratch.cleanup)
        cls.root = pathlib.Path(tempfile.mkdtemp(dir=cls.world.directory))
        cls.home, port = cls.root / "root", cls.world.port
        cls.url = {name: f"https://{name}.test:{port}" for name in (*MANAGERS, "git")}
        cls.git = cls.world.directory / "git"
        cls.git.mkdir()
        cls.configure()
        sites = {
            "pip": pages(pip_index()),
            "npm": pages(npm_registry(cls.url["npm"])),
            "cargo": pages(cargo_index(cls.url["cargo"])),
            "apt": pages(apt_repository(cls.world.directory)),
            "git": git_site(cls.git),
        }
        for name, site in sites.items():
            # The other name has all that is needed, and is not allowed.
            cls.world.upstream.sites[f"{name}.test"] = site
            cls.world.upstream.sites[f"{name}-other.test"] = site
        # The fake world is on this machine: as a mirror on a private network
        # does, it needs an entry of its own. That one alone allows nothing.
        policy = "".join(entry(f"{name}.test", 'methods = ["OPTIONS"]\n') for name in MANAGERS)
        policy = policy.replace("PORT", str(port)) + entry("git.test").replace("PORT", str(port))
        cls.proxy = Proxy(cls.world, policy, also=["--policy", "packages", "--root", cls.root])
        cls.addClassCleanup(cls.proxy.stop)

    @classmethod
    def configure(cls):
        """Write what names the mirrors, at the places where it is looked for."""
        url = cls.url
        source = f'[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "sparse+{url["cargo"]}/"\n'
        for path, text in {
            ".config/pip/pip.conf": f"[global]\nindex-url = {url['pip']}/simple\n",
            ".npmrc": f"registry={url['npm']}/\nfund=false\nupdate-notifier=false\n",
            ".cargo/config.toml": source,
            "../etc/apt/sources.list": f"deb [trusted=yes] {url['apt']}/ ./\n",
        }.items():
            (cls.home / path).parent.mkdir(parents=True, exist_ok=True)
            (cls.home / path).write_text(text)

    def run_client(self, *command, directory=None, **more):
        """Run a client in the environment that a container has."""
        program = shutil.which(str(command[0]))
        self.assertIsNotNone(program, f"{command[0]} is missing on this machine")
        certificate = str(self.world.confdir / "mitmproxy-ca-cert.pem")
        proxy = f"http://127.0.0.1:{self.proxy.port}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup")),
            # What this machine has configured for itself does not count.
            "GIT_CONFIG_NOSYSTEM": "1",
            "NPM_CONFIG_GLOBALCONFIG": "/nonexistent",
            "PIP_CONFIG_FILE": str(self.home / ".config/pip/pip.conf"),
            "LC_ALL": "C",
        }
        for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
            environment[name] = proxy
        for name in ("GIT_SSL_CAINFO", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO"):
            environment[name] = certificate
        run = subprocess.run(
            list(map(str, command)), cwd=directory or self.home, env={**environment, **more},
            capture_output=True, text=True, timeout=120,
        )
        return run

    def succeeds(self, *command, **more):
        run = self.run_client(*command, **more)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr + str(self.proxy.records()[-3:]))
        return run

    def fails(self, *command, **more):
        run = self.run_client(*command, **more)
        self.assertNotEqual(run.returncode, 0, run.stdout + run.stderr)
        return run

    def lines(self, mark):
        """Return what has arrived since the mark."""
        return [r["line"] for one in self.world.since(mark) for r in one["requests"]]

    def test_git_clones_and_pushes(self):
        subprocess.run(["git", "init", "-q", "--bare", self.git / "demo.git"], check=True)
        work, url = self.home / "work", f"{self.url['git']}/demo.git"
        name = ["-c", "user.name=x", "-c", "user.email=x@x.test"]
        self.succeeds("git", "clone", "-q", url, work)
        # What is larger than http.postBuffer is sent in chunks.
        (work / "file").write_bytes(os.urandom(3 << 20))
        self.succeeds("git", "add", "file", directory=work)
        self.succeeds("git", *name, "commit", "-qm", "one", directory=work)
        self.succeeds("git", "push", "-q", "origin", "HEAD:refs/heads/main", directory=work)
        head = self.succeeds("git", "rev-parse", "HEAD", directory=work).stdout
        there = subprocess.run(
            ["git", "-C", self.git / "demo.git", "rev-parse", "main"], capture_output=True, text=True
        )
        self.assertEqual(there.stdout, head)
        for version in ("0", "2"):
            other = self.home / f"other{version}"
            protocol = ["-c", f"protocol.version={version}"]
            self.succeeds("git", *protocol, "clone", "-q", "-b", "main", url, other)
            self.assertEqual((other / "file").read_bytes(), (work / "file").read_bytes())
        self.succeeds("git", "-c", "http.version=HTTP/1.1", "fetch", "-q", directory=work)
        wrong = url.replace("git.test", "git-other.test")
        with self.nothing_arrives():
            run = self.fails("git", "clone", "-q", wrong, self.home / "wrong")
            self.assertIn("403", run.stderr)
            self.fails("git", "push", "-q", wrong, "HEAD:refs/heads/main", directory=work)

    def test_pip_installs(self):
        place, mark = self.home / "site", self.world.mark()
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
        install = [*pip, "install", "--no-deps", "--target", place]
        self.succeeds(*install, "demo")
        self.assertEqual((place / "demo.py").read_text(), "print('it runs')\n")
        lines = self.lines(mark)
        self.assertEqual(
            lines, ["GET /simple/demo/ HTTP/1.1", "GET /files/demo-1.0-py3-none-any.whl HTTP/1.1"]
        )
        other = self.url["pip"].replace("pip.test", "pip-other.test")
        with self.nothing_arrives():
            self.fails(*install, "--retries", "0", "--index-url", f"{other}/simple", "--upgrade", "demo")

    def test_npm_installs(self):
        place, mark = self.home / "node", self.world.mark()
        place.mkdir()
        self.succeeds("npm", "install", "demo", directory=place)
        self.assertTrue((place / "node_modules" / "demo" / "package.json").is_file())
        # What npm would report of the packages that it has installed stays here.
        self.assertEqual({line.split()[0] for line in self.lines(mark)}, {"GET"})
        other = self.url["npm"].replace("npm.test", "npm-other.test")
        with self.nothing_arrives():
            self.fails("npm", "install", "--fetch-retries=0", f"--registry={other}", "demo@1", directory=self.home)
        package, mark = place / "node_modules" / "demo", self.world.mark()
        (package / "package.json").write_text('{"name": "demo", "version": "2.0.0"}')
        token = {f"npm_config_//npm.test:{self.world.port}/:_authToken": "x"}
        run = self.fails("npm", "publish", "--fetch-retries=0", directory=package, **token)
        self.assertIn("403", run.stderr)
        self.assertEqual({line.split()[0] for line in self.lines(mark)}, {"GET"})

    def test_cargo_fetches(self):
        place, mark = self.home / "crate", self.world.mark()
        (place / "src").mkdir(parents=True)
        (place / "src" / "lib.rs").write_text("")
        manifest = '[package]\nname = "x"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\ndemo = "1"\n'
        (place / "Cargo.toml").write_text(manifest)
        self.succeeds("cargo", "fetch", directory=place, CARGO_HOME=str(self.home / ".cargo"))
        self.assertIn('name = "demo"', (place / "Cargo.lock").read_text())
        lines = [line.split()[1] for line in self.lines(mark)]
        self.assertEqual(sorted(lines), ["/config.json", "/crates/demo/1.0.0/download", "/de/mo/demo"])
        other, home = self.url["cargo"].replace("cargo.test", "cargo-other.test"), self.home / "other-cargo"
        home.mkdir()
        text = (self.home / ".cargo" / "config.toml").read_text()
        (home / "config.toml").write_text(text.replace(self.url["cargo"], other))
        (place / "Cargo.lock").unlink()
        # The configuration in the directory above would come first.
        away = self.world.directory / "away"
        shutil.copytree(place, away)
        with self.nothing_arrives():
            self.fails("cargo", "fetch", directory=away, CARGO_HOME=str(home), CARGO_NET_RETRY="0")

    def test_apt_updates_and_downloads(self):
        place, mark = self.home / "apt", self.world.mark()
        for directory in ("state/lists/partial", "cache/archives/partial", "download"):
            (place / directory).mkdir(parents=True)
        (place / "status").touch()
        sources = self.root / "etc" / "apt" / "sources.list"
        options = {
            "Dir::State": place / "state",
            "Dir::State::status": place / "status",
            "Dir::Cache": place / "cache",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::parts": "-",
            "Dir::Etc::main": "-",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "0",
            "Acquire::https::Proxy": f"http://127.0.0.1:{self.proxy.port}",
            "Acquire::https::CaInfo": self.world.confdir / "mitmproxy-ca-cert.pem",
        }

        def apt(list_of_sources, *command):
            these = {**options, "Dir::Etc::sourcelist": list_of_sources}
            flags = [word for key, value in these.items() for word in ("-o", f"{key}={value}")]
            return self.run_client("apt-get", "-q", *flags, *command, directory=place / "download")

        run = apt(sources, "update")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        run = apt(sources, "download", "demo")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(len(list((place / "download").glob("demo_*.deb"))), 1)
        self.assertIn("GET /./demo.deb HTTP/1.1", self.lines(mark))
        other = place / "other.list"
        other.write_text(sources.read_text().replace("apt.test", "apt-other.test"))
        with self.nothing_arrives():
            run = apt(other, "-o", "APT::Update::Error-Mode=any", "update")
            self.assertNotEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn("403", run.stdout + run.stderr)

    def test_reading_is_all_that_is_allowed(self):
        for name in MANAGERS:
            with self.subTest(name), self.nothing_arrives():
                for method in ("POST", "PUT", "DELETE"):
                    answer = self.proxy.get(f"{name}.test", "/x", method, "Content-Length: 0\r\n")
                    self.assertIn(b"x-ctrkit-refused: method", answer)
        time.sleep(0.2)
        rules = {record["rule"].split()[-1] for record in self.proxy.records() if "rule" in record}
        self.assertEqual(rules, {f"{name}.test" for name in (*MANAGERS, "git")})
