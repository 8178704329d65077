"""The reader of the log, which ctr-log runs in the proxy."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

READ = pathlib.Path(__file__).parents[2] / "tools/ctr-log/src/read.py"


class Writer:
    """Writes records and rotates as the proxy does."""

    def __init__(self, path, most=2000, files=4):
        self.path, self.most, self.files, self.count = path, most, files, 0

    def write(self, count, **more):
        for _ in range(count):
            text = json.dumps({"number": self.count, **more}).encode() + b"\n"
            if self.path.exists() and self.path.stat().st_size + len(text) > self.most:
                self.rotate()
            with open(self.path, "ab") as file:
                file.write(text)
            self.count += 1

    def rotate(self):
        for number in range(self.files - 1, 0, -1):
            old = pathlib.Path(f"{self.path}.{number}")
            if old.exists():
                os.replace(old, f"{self.path}.{number + 1}")
        os.replace(self.path, f"{self.path}.1")


class Follow(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "requests.jsonl"

    def reader(self, *more):
        command = [sys.executable, "-I", "-c", READ.read_text(), str(self.path), *more]
        pipe = subprocess.PIPE
        reader = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.addCleanup(lambda: reader.communicate() if reader.poll() is None else None)
        self.addCleanup(reader.kill)
        return reader

    def read(self):
        out, errors = self.reader().communicate(timeout=20)
        self.assertEqual(errors, "")
        return out

    def numbers(self, text):
        return [json.loads(line)["number"] for line in text.splitlines() if line]

    def test_files_come_in_order_and_then_an_empty_line(self):
        self.assertEqual(self.read(), "\n")
        writer = Writer(self.path)
        writer.write(900)
        out = self.read()
        self.assertTrue(out.endswith("}\n\n"))
        numbers = self.numbers(out)
        self.assertEqual(numbers, list(range(numbers[0], 900)))
        self.assertEqual(len(list(self.path.parent.iterdir())), 5)

    def test_a_line_that_is_not_whole_yet_waits(self):
        self.path.write_text('{"number": 1}\n{"num')
        reader = self.reader("follow")
        self.assertEqual(reader.stdout.readline(), '{"number": 1}\n')
        self.assertEqual(reader.stdout.readline(), "\n")
        with open(self.path, "a") as file:
            file.write('ber": 2}\n')
        self.assertEqual(reader.stdout.readline(), '{"number": 2}\n')

    def test_a_line_may_be_longer_than_a_block(self):
        Writer(self.path, most=10**7).write(3, text="x" * 200_000)
        self.assertEqual(self.numbers(self.read()), [0, 1, 2])

    def test_every_record_comes_once_whatever_is_rotated(self):
        writer = Writer(self.path, most=4000, files=50)
        writer.write(50)
        reader = self.reader("follow")
        total = 20_000

        def write():
            while writer.count < total:
                # As many files as are kept are not filled between two looks.
                writer.write(200)
                time.sleep(0.005)

        thread = threading.Thread(target=write)
        thread.start()
        seen = []
        while not seen or seen[-1] < total - 1:
            seen += self.numbers(reader.stdout.readline())
        thread.join()
        self.assertEqual(seen, list(range(total)))
        reader.stdin.close()
        self.assertEqual(reader.wait(5), 0)
        self.assertEqual(reader.stderr.read(), "")

    def test_a_log_that_is_not_there_yet_is_waited_for(self):
        reader = self.reader("follow")
        self.assertEqual(reader.stdout.readline(), "\n")
        Writer(self.path).write(1)
        self.assertEqual(self.numbers(reader.stdout.readline()), [0])

    def test_it_ends_when_nobody_reads(self):
        for end in ("stdin", "stdout"):
            Writer(self.path).write(1)
            reader = self.reader("follow")
            reader.stdout.readline()
            getattr(reader, end).close()
            if end == "stdout":
                time.sleep(0.3)
                Writer(self.path).write(1)
            self.assertEqual(reader.wait(5), 0, end)
            self.assertEqual(reader.stderr.read(), "")
