#!/usr/bin/env python3
"""What others do meanwhile: they cut files short, send signals, fill the disk, stop reading.

    disturbed_test.py BINARY MODEL
"""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from program import DEADLINE, Program, environment, next_line, run

IO, BAD_FILE = 14, 10
TRIES = 24  # of what depends on who comes first


def write_large(path, rows):
    """A GGUF file of one F32 tensor of `rows` rows of 4096 values, which a coarse type takes long to encode."""
    name = b"blk.0.ffn_up.weight"
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", len(name)) + name
    head += struct.pack("<IQQIQ", 2, 4096, rows, 0, 0)
    row = struct.pack("<4096f", *((i * 2654435761 % 1000) / 1000 - 0.5 for i in range(4096)))
    with open(path, "wb") as stream:
        stream.write(head + bytes(-len(head) % 32))
        for _ in range(rows):
            stream.write(row)


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def start(self, *arguments, **more):
        """Both streams are pipes, unless told otherwise; killed at the end where it still runs."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        process = subprocess.Popen([Program.binary, *arguments], stdin=subprocess.DEVNULL, env=environment(), **streams)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()

        self.addCleanup(end)
        return process


class CutShort(WithFolder):
    """A model file that becomes shorter while it is read is an error that names it, not the end by a signal."""

    def cut_while(self, *arguments):
        """Statuses and words of many tries, each cut a little later, to nothing or in the middle."""
        seen = []
        for number in range(TRIES):
            path = self.at("model.gguf")
            shutil.copy(Program.model, path)
            process = self.start(*[path if word == "MODEL" else word for word in arguments])
            time.sleep(0.004 * number)
            os.truncate(path, (0, 300_000, 2_000_000)[number % 3])
            if arguments[0] == "serve":  # it may have been ready before
                threading.Timer(0.5, process.terminate).start()
            _, words = process.communicate(timeout=DEADLINE)
            seen.append((process.returncode, words.decode()))
        return seen

    def check(self, seen):
        for status, words in seen:
            self.assertIn(status, (0, IO, BAD_FILE, 143, -15), words)
            if status in (IO, BAD_FILE):
                self.assertIn("model.gguf", words)

    def test_serve(self):
        self.check(self.cut_while("serve", "MODEL", "--port", "0"))

    def test_inspect(self):
        self.check(self.cut_while("inspect", "MODEL", "--json"))

    def test_quantize(self):
        self.check(self.cut_while("quantize", "MODEL", self.at("out.gguf"), "Q8_0", "--requantize"))
        self.assertLessEqual(set(os.listdir(self.folder)), {"model.gguf", "out.gguf"})

    def test_quantize_within_a_tensor(self):
        """Every time: the one tensor takes far longer than the file lasts."""
        write_large(self.at("model.gguf"), 2048)
        process = self.start("quantize", self.at("model.gguf"), self.at("out.gguf"), "Q2_K", "--threads", "1")
        time.sleep(0.3)
        os.truncate(self.at("model.gguf"), 1 << 20)
        _, words = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, IO, words)
        self.assertIn(b"cut off at byte 1048576", words)
        self.assertEqual(os.listdir(self.folder), ["model.gguf"])


class Interrupted(WithFolder):
    """What is being written is not there in the end, however the end comes."""

    def setUp(self):
        super().setUp()
        write_large(self.at("large.gguf"), 4096)  # half a minute of work for one thread
        self.process = self.start("quantize", self.at("large.gguf"), self.at("out.gguf"), "Q2_K", "--threads", "1")
        time.sleep(0.5)
        self.assertIsNone(self.process.poll())

    def ends(self, *statuses):
        before = time.monotonic()
        _, words = self.process.communicate(timeout=DEADLINE)
        self.assertIn(self.process.returncode, statuses, words)
        self.assertEqual(os.listdir(self.folder), ["large.gguf"])
        return time.monotonic() - before, words.decode()

    def test_one_signal_is_heard_within_the_tensor(self):
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(which):
                if self.process.poll() is not None:
                    self.process = self.start("quantize", self.at("large.gguf"), self.at("out.gguf"), "Q2_K", "--threads", "1")
                    time.sleep(0.3)
                self.process.send_signal(which)
                seconds, words = self.ends(128 + which)
                self.assertLess(seconds, DEADLINE / 6)  # of far more that was left to do
                self.assertIn("was not written", words)

    def test_two_at_once(self):
        self.process.send_signal(signal.SIGINT)
        self.process.send_signal(signal.SIGTERM)
        self.ends(128 + signal.SIGINT, 128 + signal.SIGTERM)

    def test_a_kill(self):
        self.process.kill()
        self.ends(-signal.SIGKILL)

    def test_nobody_reads(self):
        self.process.stdout.close()
        self.process.stderr.close()
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(timeout=DEADLINE), 128 + signal.SIGINT)
        self.assertEqual(os.listdir(self.folder), ["large.gguf"])


class FullDisk(WithFolder):
    def limited(self, *arguments):
        """No file may have more than 100 kB."""
        return self.start(*arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))

    def test_nothing_is_left(self):
        logits = ("debug", "logits", Program.model, "--token-list", ",".join(["5"] * 200), "--out")
        for arguments in ((*logits, self.at("out.bin")), ("quantize", Program.model, self.at("out.gguf"), "Q8_0", "--requantize")):
            process = self.limited(*arguments)
            _, words = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, IO, words)
            self.assertIn(b"File too large", words)
            self.assertEqual(os.listdir(self.folder), [])
        done = run(*logits, "/dev/full")
        self.assertEqual(done.returncode, IO, done.stderr)
        self.assertIn(b"No space", done.stderr)
        self.assertEqual(run(*logits, self.at("out.bin")).returncode, 0)
        self.assertGreater(os.path.getsize(self.at("out.bin")), 100_000)


class Served(WithFolder):
    def serve(self, *arguments, **more):
        return self.start("serve", Program.model, *arguments, **more)

    def ask(self, address, timeout=DEADLINE):
        connection = http.client.HTTPConnection(address, timeout=timeout)
        connection.request("POST", "/v1/completions", json.dumps({"prompt": "a", "max_tokens": 2}))
        status = connection.getresponse().status
        connection.close()
        return status

    def address(self, process):
        line = next_line(process).decode()
        self.assertIn("listening on http://", line)
        return line.split("//")[1].strip()

    def stop(self, process):
        process.terminate()
        self.assertEqual(process.wait(timeout=DEADLINE), 0)


class Hangup(Served):
    def wait_for(self, stream, words):
        """Reads lines until one has them."""
        line = stream.readline()
        while line and words not in line:
            line = stream.readline()
        self.assertIn(words, line)

    def hears_hangups(self, process):
        """Of a program that has begun: what it does with SIGHUP is its own."""
        with open(f"/proc/{process.pid}/status", encoding="ascii") as stream:
            caught = next(line for line in stream if line.startswith("SigCgt:"))
        return int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1

    def test_the_log_begins_anew_and_nothing_ends(self):
        with open(self.at("gantry.toml"), "w", encoding="utf-8") as stream:
            stream.write("[server]\nlog = 'warn'\n")
        process = self.serve("--port", "0", "--config", self.at("gantry.toml"))
        address = self.address(process)
        with open(self.at("gantry.toml"), "w", encoding="utf-8") as stream:
            stream.write("[server]\nlog = 'debug'\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(process.stderr, b"SIGHUP: the log's level was read again")
        self.assertEqual(self.ask(address), 200)
        self.wait_for(process.stderr, b"/v1/completions -> 200")
        with open(self.at("gantry.toml"), "w", encoding="utf-8") as stream:
            stream.write("[server\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(process.stderr, b"SIGHUP: the settings cannot be read")
        self.assertEqual(self.ask(address), 200)
        # While it drains a hangup is no second signal.
        stalled = socket.create_connection(address.split(":"))
        body = json.dumps({"prompt": "a", "max_tokens": 200, "stream": True})
        stalled.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        stalled.recv(1)
        process.terminate()
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(timeout=DEADLINE), 0)
        stalled.close()

    def test_at_any_time_while_it_starts(self):
        for number in range(TRIES):
            process = self.serve("--port", "0")
            while not self.hears_hangups(process):
                time.sleep(0.001)
            time.sleep(0.003 * number)
            process.send_signal(signal.SIGHUP)
            self.address(process)
            process.terminate()
            self.assertEqual(process.wait(timeout=DEADLINE), 0)

    def test_the_socket_file(self):
        path = self.at("socket")
        for end, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)):
            process = self.serve("--host", "unix:" + path)
            self.assertIn(b"listening", next_line(process))
            self.assertTrue(os.path.exists(path))
            process.send_signal(signal.SIGHUP)
            process.send_signal(end)
            self.assertEqual(process.wait(timeout=DEADLINE), status)
            self.assertEqual(os.path.exists(path), status != 0)
        process = self.serve("--host", "unix:" + path)
        self.assertIn(b"listening", next_line(process))
        self.wait_for(process.stderr, b"nobody listened on any more is replaced")
        self.stop(process)
        self.assertEqual(os.listdir(self.folder), [])


class Unread(Served):
    def test_a_log_that_nobody_reads_stops_nothing(self):
        process = self.serve("--port", "0", "--log", "debug")
        address = self.address(process)
        for _ in range(3):
            # Each request line in the log has 8 kB: far more than the pipe and the outbox hold.
            for _ in range(60):
                connection = http.client.HTTPConnection(address, timeout=DEADLINE)
                connection.request("GET", "/" + "x" * 8000)
                self.assertEqual(connection.getresponse().status, 404)
                connection.close()
            self.assertEqual(self.ask(address), 200)
        os.set_blocking(process.stderr.fileno(), False)
        seen, until = b"", time.monotonic() + DEADLINE
        while b"dropped here" not in seen and time.monotonic() < until:
            seen += process.stderr.read() or b""
        self.assertIn(b"lines that nobody read were dropped here", seen)
        self.stop(process)

    def test_nobody_reads_anything_and_it_still_drains(self):
        ends = os.pipe()
        os.set_blocking(ends[1], False)
        try:
            while True:
                os.write(ends[1], b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(ends[1], True)
        path = self.at("socket")
        process = self.serve("--host", "unix:" + path, stdout=ends[1], stderr=ends[1])
        until = time.monotonic() + DEADLINE
        while not os.path.exists(path) and time.monotonic() < until:
            time.sleep(0.05)
        self.stop(process)
        self.assertEqual(os.listdir(self.folder), [])
        os.close(ends[0])
        os.close(ends[1])

    def test_readers_that_leave(self):
        process = self.serve("--port", "0", "--log", "debug")
        address = self.address(process)
        process.stdout.close()
        process.stderr.close()
        for _ in range(3):
            self.assertEqual(self.ask(address), 200)
        self.stop(process)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Program.binary, Program.model = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
