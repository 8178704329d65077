"""The forwarder that ports of an isolated container come in by.

It listens on 127.0.0.1, and the targets are on 127.0.0.2, at the same ports.
"""

import contextlib
import hashlib
import pathlib
import socket
import subprocess
import sys
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = [sys.executable, "-I", ROOT / "tools/ctr-image/recipe/proxy/forward.py"]
TARGET = "127.0.0.2"
TIMEOUT = 10


def free_port():
    """Return a port that is free at both addresses."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as here:
            port = here.getsockname()[1]
            with contextlib.suppress(OSError), socket.create_server((TARGET, port)):
                return port


def run_briefly(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


class Server:
    """A target: each connection is handed to `serve`, in a thread."""

    def __init__(self, port, serve):
        self.socket = socket.create_server((TARGET, port), backlog=512)
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                connection.settimeout(TIMEOUT)
                threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        with contextlib.suppress(OSError), connection:
            self.serve(connection)

    def close(self):
        # accept() does not notice that its socket is closed.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def read_all(connection):
    answer = b""
    while data := connection.recv(65536):
        answer += data
    return answer


class Forward(unittest.TestCase):
    def setUp(self):
        self.port = free_port()

    def target(self, serve=echo, port=None):
        server = Server(port or self.port, serve)
        self.addCleanup(server.close)
        return server

    def start(self, *ports):
        ports = [str(port) for port in ports or (self.port,)]
        command = [*PROGRAM, "--listen", "127.0.0.1", "--to", TARGET, *ports]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.wait, TIMEOUT)
        self.addCleanup(self.process.kill)
        for _ in range(TIMEOUT * 50):
            if self.probe(*ports).returncode == 0:
                return
            time.sleep(0.02)
        self.fail("the forwarder does not listen")

    def probe(self, *ports, at="127.0.0.1"):
        command = [*PROGRAM, "--listen", at, "--probe", *map(str, ports)]
        return run_briefly(command)

    def connect(self, port=None):
        connection = socket.create_connection(("127.0.0.1", port or self.port), TIMEOUT)
        self.addCleanup(connection.close)
        return connection

    def resident(self):
        """Return how much memory the forwarder has, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) << 10

    def end(self):
        """End the forwarder, and return what it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=TIMEOUT)
        self.assertEqual(self.process.returncode, 0, said)
        return said

    def test_what_is_sent_comes_to_the_same_port_and_back(self):
        other = free_port()
        self.target()
        self.target(lambda connection: connection.sendall(b"the other\n"), other)
        self.start(self.port, other)
        connection = self.connect()
        for text in (b"a", b"\0\xff\r\n", b"b" * 1000):
            connection.sendall(text)
            self.assertEqual(connection.recv(len(text), socket.MSG_WAITALL), text)
        self.assertEqual(read_all(self.connect(other)), b"the other\n")
        self.assertEqual(self.end(), "")

    def test_a_side_that_has_ended_still_hears_the_other(self):
        def answer_at_the_end(connection):
            asked = read_all(connection)
            time.sleep(0.1)
            connection.sendall(b"you said " + asked)

        self.target(answer_at_the_end)
        self.start()
        connection = self.connect()
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(connection), b"you said hello")

        # The same the other way round: the server has ended, and hears the client.
        heard = []

        def end_first(connection):
            connection.shutdown(socket.SHUT_WR)
            heard.append(read_all(connection))

        other = free_port()
        self.end()
        self.target(end_first, other)
        self.start(other)
        connection = self.connect(other)
        self.assertEqual(connection.recv(1), b"")
        connection.sendall(b"still here")
        connection.shutdown(socket.SHUT_WR)
        for _ in range(TIMEOUT * 50):
            if heard:
                break
            time.sleep(0.02)
        self.assertEqual(heard, [b"still here"])

    def test_a_hundred_megabytes_go_through_whole(self):
        size, block = 100 << 20, bytes(range(256)) * 256
        digest = hashlib.sha256()

        def send(connection):
            for _ in range(size // len(block)):
                connection.sendall(block)

        self.target(send)
        self.start()
        connection, length = self.connect(), 0
        while data := connection.recv(1 << 20):
            digest.update(data)
            length += len(data)
        self.assertEqual(length, size)
        self.assertEqual(digest.digest(), hashlib.sha256(block * (size // len(block))).digest())

    def test_what_is_not_taken_is_not_heaped_up(self):
        sent, go = [0], threading.Event()

        def send(connection):
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                while sent[0] < 100 << 20:
                    sent[0] += connection.send(bytes(65536))
            go.set()

        self.target(send)
        self.start()
        before = self.resident()
        connection = self.connect()
        self.assertTrue(go.wait(TIMEOUT))
        # The kernel's buffers of two connections, and little more.
        self.assertLess(sent[0], 32 << 20)
        self.assertLess(self.resident() - before, 8 << 20)
        self.assertEqual(len(read_all(connection)), sent[0])

    def test_two_hundred_connections_at_once(self):
        self.target()
        self.start()
        connections = [self.connect() for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%03d" % number)
        for number, connection in enumerate(connections):
            self.assertEqual(connection.recv(3, socket.MSG_WAITALL), b"%03d" % number)
        for connection in connections:
            connection.close()
        self.assertEqual(self.end(), "")

    def test_a_target_that_is_not_there_closes_and_comes_back(self):
        self.start()
        self.assertEqual(self.probe(self.port).returncode, 0)
        for _ in range(3):
            with self.assertRaises(ConnectionResetError):
                self.connect().recv(1)
        server = self.target()
        connection = self.connect()
        connection.sendall(b"hello")
        self.assertEqual(connection.recv(5), b"hello")
        server.close()
        with self.assertRaises(ConnectionResetError):
            self.connect().recv(1)
        # What was connected goes on.
        connection.sendall(b"again")
        self.assertEqual(connection.recv(5), b"again")
        self.target()
        connection = self.connect()
        connection.sendall(b"back")
        self.assertEqual(connection.recv(4), b"back")
        self.assertEqual(self.end(), "")

    def test_a_target_that_listens_in_a_moment_is_waited_for(self):
        port = free_port()
        self.start(port)
        connection = self.connect(port)
        time.sleep(0.5)
        self.target(echo, port)
        connection.sendall(b"hello")
        self.assertEqual(connection.recv(5), b"hello")

    def test_a_target_that_does_not_answer_closes(self):
        with socket.create_server((TARGET, self.port), backlog=0):
            # The queue is full, and then the kernel drops what else comes.
            full = [socket.socket() for _ in range(3)]
            for each in full:
                self.addCleanup(each.close)
                each.setblocking(False)
                each.connect_ex((TARGET, self.port))
            self.start()
            begun = time.monotonic()
            connection = self.connect()
            connection.settimeout(2 * TIMEOUT)
            with self.assertRaises(ConnectionResetError):
                connection.recv(1)
            self.assertGreater(time.monotonic() - begun, 5)

    def test_what_breaks_off_does_not_look_like_an_end(self):
        def break_off(connection):
            connection.sendall(b"half")
            connection.recv(1)
            linger = b"\1\0\0\0\0\0\0\0"  # on, no seconds: close() resets
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        self.target(break_off)
        self.start()
        connection = self.connect()
        self.assertEqual(connection.recv(4, socket.MSG_WAITALL), b"half")
        connection.sendall(b"!")
        with self.assertRaises(ConnectionResetError):
            connection.recv(1)
        self.assertEqual(self.end(), "")

    def test_the_probe_sees_who_listens_and_connects_to_nobody(self):
        accepted = []
        server = self.target(accepted.append)
        self.assertEqual(self.probe(self.port, at=TARGET).returncode, 0)
        self.assertEqual(self.probe(self.port, at="0.0.0.0").returncode, 1)
        other = free_port()
        run = self.probe(self.port, other, at=TARGET)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr, f"forward: nothing listens on {other}\n")
        self.assertEqual(accepted, [])
        # One that is connected does not listen.
        with socket.create_connection(server.socket.getsockname()) as client:
            address, port = client.getsockname()
            self.assertEqual(self.probe(port, at=address).returncode, 1)

    def test_a_port_that_is_taken_ends_it(self):
        with socket.create_server(("127.0.0.1", self.port)):
            command = [*PROGRAM, "--listen", "127.0.0.1", "--to", TARGET, str(self.port)]
            run = run_briefly(command)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"^forward: .*address already in use\n$")

    def test_names_and_ports_that_are_none_are_refused(self):
        for words in (
            ["--to", "localhost", "22"],
            ["--to", "10.1", "22"],
            ["--to", "", "22"],
            ["--to", TARGET],
            ["--to", TARGET, "0"],
            ["--to", TARGET, "65536"],
            ["--to", TARGET, "+22"],
            ["--to", TARGET, "22", "x"],
            ["--to", TARGET, "--probe", "22"],
            ["--listen", "example.org", "--to", TARGET, "22"],
            ["--probe"],
            ["22"],
            [],
        ):
            with self.subTest(words=words):
                run = run_briefly([*PROGRAM, *words])
                self.assertEqual((run.returncode, run.stdout), (2, ""), run.stderr)
                self.assertIn("error:", run.stderr)


if __name__ == "__main__":
    unittest.main()
