"""What generators make of names, of pieces, of policies."""

import itertools
import os
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from test_wire import POLICY, client_hello, entry
from world import Case

SEED = int(os.environ.get("CTRKIT_TEST_SEED", time.time_ns()))

# How names are written; the first three name the same host.
SPELLINGS = (
    "allowed.test",
    "ALLOWED.test",
    "allowed.test.",
    "allowed.test..",
    "other.test",
    "forbidden.test",
    "allowed.test.forbidden.test",
    "xallowed.test",
    "allowed\u212a.test",
    "127.0.0.1",
    "",
)
HOSTS = ("{}:PORT", "{}", "{}:443", "{}:0PORT", "u@{}:PORT", " {}:PORT ", "{}:PORT, x", "[{}]:PORT")


def is_right(name, sni, host, port):
    """Say whether the three name one host that is allowed, and its port."""
    plain = name.lower().removesuffix(".")
    header, _, number = host.strip().lower().partition(":")
    named = {plain, sni.lower().removesuffix("."), header.removesuffix(".")}
    return named in ({"allowed.test"}, {"other.test"}) and number == port


class Generated(Case):
    policy = POLICY + entry("a.h2.test")

    def test_every_pairing_of_spellings(self):
        port, triples = str(self.world.port), []
        for name, sni, (host, form) in itertools.product(
            SPELLINGS[:-1], SPELLINGS, itertools.product(SPELLINGS, HOSTS)
        ):
            # One of the three differs, or all are the same: the rest says nothing new.
            if len({name.lower().strip("."), sni.lower().strip("."), host.lower().strip(".")}) < 3:
                triples.append((name, sni, form.format(host).replace("PORT", port)))
        choose = random.Random(SEED)
        triples = choose.sample(triples, 1500)

        def ask(number):
            name, sni, host = triples[number]
            request = f"GET /{number} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            try:
                self.proxy.https(request.encode(), name, self.world.port, sni=sni)
            except (UnicodeError, ValueError, IndexError):
                pass  # which cannot even be sent

        mark = self.world.mark()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(len(triples))))
        arrived = {
            int(request["line"].split()[1][1:])
            for one in self.world.since(mark)
            for request in one["requests"]
        }
        right = {at for at, triple in enumerate(triples) if is_right(*triple, port)}
        print(f"\nmeasured: {len(triples)} pairings, {len(right)} of them right, seed {SEED}")
        self.assertGreater(len(right), 2)
        wrong = [triples[number] for number in arrived ^ right]
        self.assertEqual(wrong, [], f"seed {SEED}")

    def test_a_client_hello_in_three_pieces_and_odd_records(self):
        """Cut at two offsets, in one or more records of TLS."""
        choose = random.Random(SEED)

        def pieces(hello):
            body, parts = hello[5:], []
            cuts = sorted(choose.sample(range(1, len(body)), choose.randint(0, 3)))
            for first, last in zip([0, *cuts], [*cuts, len(body)]):
                part = body[first:last]
                version = choose.choice([b"\3\1", b"\3\1", b"\3\3", b"\3\0", b"\3\4"])
                parts.append(b"\x16" + version + len(part).to_bytes(2, "big") + part)
            data = b"".join(parts)
            at = sorted(choose.sample(range(1, len(data)), 2))
            return data[: at[0]], data[at[0] : at[1]], data[at[1] :]

        def ask(sni):
            connection, _ = self.proxy.open_tunnel("allowed.test", self.world.port)
            hello = client_hello(self.proxy.trust(), sni)[3]
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    for piece in pieces(hello):
                        connection.sendall(piece)
                        time.sleep(0.003)
                    return sni, connection.recv(1)
                except OSError:
                    return sni, b""

        answers = {"allowed.test": [], "forbidden.test": [], "other.test": []}
        with self.nothing_arrives(), ThreadPoolExecutor(8) as pool:
            for sni, first in pool.map(ask, list(answers) * 300):
                answers[sni].append(first)
        self.assertNotIn(b"\x16", answers["forbidden.test"] + answers["other.test"], f"seed {SEED}")
        self.assertGreater(answers["allowed.test"].count(b"\x16"), 100)
