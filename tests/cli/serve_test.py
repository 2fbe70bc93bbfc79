#!/usr/bin/env python3
"""A server as the one who runs it meets it: its log, its files, its beginning.

    serve_test.py BINARY MODEL
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from program import DEADLINE, Program, environment, next_line, run

USAGE, MEMORY, IO = 2, 12, 14
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d info  http: ")


class Served(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        return path

    def text(self, name):
        with open(self.at(name), encoding="utf-8") as stream:
            return stream.read()

    def wait_for(self, condition, words):
        until = time.monotonic() + DEADLINE
        while not condition():
            self.assertLess(time.monotonic(), until, words)
            time.sleep(0.01)

    def start(self, *arguments):
        with open(self.at("stderr"), "wb") as stream:
            process = subprocess.Popen([Program.binary, "serve", Program.model, "--port", "0", "--context", "256", *arguments],
                                       stdout=subprocess.PIPE, stderr=stream, env=environment(TZ="<+0545>-05:45"))

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def port_of(self, process):
        line = next_line(process).decode()
        self.assertIn("listening on http://", line, self.text("stderr"))
        return int(line.rsplit(":", 1)[1])

    def ask(self, port, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def complete(self, port, **headers):
        return self.ask(port, "POST", "/v1/completions", {"prompt": "Once", "max_tokens": 3}, **headers)[0]


class Log(Served):
    def test_a_line_for_each_request_without_being_asked_for(self):
        port = self.port_of(self.start())
        answer = self.complete(port)
        self.ask(port, "GET", "/health")
        self.complete(port, **{"x-request-id": "mine-1"})
        self.wait_for(lambda: "mine-1" in self.text("stderr"), "the line")
        lines = [line for line in self.text("stderr").splitlines() if LINE.match(line)]
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("+05:45 info  http: 127.0.0.1 POST /v1/completions -> 200 seconds=", lines[0])
        self.assertRegex(lines[0], r" prompt_tokens=\d+ cached_tokens=0 new_tokens=3 tokens_per_second=\d+\.\d+ ")
        self.assertTrue(lines[0].endswith(f" request_id={answer.headers['x-request-id']}"), lines[0])

    def test_json_in_a_file_that_is_rotated(self):
        process = self.start("--log-format", "json", "--log-file", self.at("log"))
        port = self.port_of(process)
        self.complete(port, **{"x-request-id": "one"})
        self.wait_for(lambda: "one" in self.text("log"), "the line")
        os.rename(self.at("log"), self.at("log.1"))
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: os.path.exists(self.at("log")), "the new file")
        self.ask(port, "POST", "/v1/completions", {"prompt": "a", "top_p": 9}, **{"x-request-id": "two"})
        self.wait_for(lambda: "two" in self.text("log"), "the line")
        one, two = ([line for line in map(json.loads, self.text(name).splitlines()) if "status" in line][-1] for name in ("log.1", "log"))
        self.assertEqual((one["request_id"], one["status"], one["method"], one["path"], one["client"], one["new_tokens"]),
                         ("one", 200, "POST", "/v1/completions", "127.0.0.1", 3))
        self.assertEqual((two["request_id"], two["status"]), ("two", 400))
        self.assertTrue(two["error"])
        self.assertIn("top_p", two["message"])
        self.assertNotIn("info  http:", self.text("stderr"))
        os.unlink(self.at("log"))
        os.mkdir(self.at("log"))  # cannot be opened: the old one goes on
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "goes on in the file that was open" in self.text("stderr"), "the note")
        self.assertEqual(self.complete(port).status, 200)

    def test_a_file_that_cannot_be_opened_is_refused_at_the_start(self):
        done = run("serve", Program.model, "--port", "0", "--log-file", self.at("none/log"))
        self.assertEqual(done.returncode, IO, done.stderr)
        self.assertIn(b"none/log", done.stderr)

    def test_a_full_disk_stops_nothing(self):
        port = self.port_of(self.start("--log-file", "/dev/full"))
        for _ in range(3):
            self.assertEqual(self.complete(port).status, 200)


class Begins(Served):
    def test_a_wrong_port_is_refused_before_the_model_is_looked_at(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            done = run("serve", "/nonexistent/m.gguf", "--port", str(other.getsockname()[1]))
        self.assertEqual(done.returncode, IO, done.stderr)
        self.assertIn(b"cannot listen", done.stderr)

    def test_a_signal_while_the_model_is_loaded(self):
        path = self.at("socket")
        for wait in (0, 0.01, 0.03):
            process = self.start("--host", "unix:" + path)
            self.wait_for(lambda: os.path.exists(path), "the socket")
            time.sleep(wait)
            process.terminate()
            self.assertEqual(process.wait(timeout=DEADLINE), 0)
            self.assertFalse(os.path.exists(path))


class Callers(Served):
    def test_a_file_of_keys_read_again(self):
        keys = self.at("keys", "# ours\nsk-one\n\n  sk-two\n")
        os.chmod(keys, 0o644)
        process = self.start("--api-key-file", keys, "--api-key", "sk-flag")
        port = self.port_of(process)
        self.assertIn("every user of this machine can read these keys", self.text("stderr"))

        def status(key):
            return self.ask(port, "GET", "/v1/models", Authorization="Bearer " + key)[0].status
        self.assertEqual([status(key) for key in ("sk-one", "sk-two", "sk-flag", "sk-new")], [200, 200, 200, 401])
        os.chmod(keys, 0o600)
        self.at("keys", "sk-new\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: status("sk-new") == 200, "the new key")
        self.assertEqual([status(key) for key in ("sk-one", "sk-flag")], [401, 200])
        self.at("keys", "# none any more\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "the file of keys holds none" in self.text("stderr"), "the note")
        self.assertEqual((status("sk-new"), self.ask(port, "GET", "/v1/models")[0].status), (200, 401))

    def test_a_file_of_keys_that_is_none(self):
        for text, words in (("", b"holds none"), ("a b\n", b"keys:1")):
            done = run("serve", Program.model, "--port", "0", "--api-key-file", self.at("keys", text))
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(words, done.stderr)

    def test_names_that_are_listed_hold_everywhere(self):
        port = self.port_of(self.start("--host", "0.0.0.0", "--allowed-host", "box.example"))
        for host, status in (("box.example", 200), ("localhost", 200), ("evil.example", 403)):
            answer, data = self.ask(port, "GET", "/v1/models", Host=host)
            self.assertEqual(answer.status, status, data)
        self.assertIn(b"--allowed-host evil.example", data)


class Plan(Served):
    def test_the_plan_is_told_in_a_line(self):
        self.port_of(self.start())
        line = r"memory \d[\d.]* \w+: weights \d[\d.]* \w+, KV cache \d[\d.]* \w+, work buffers \d[\d.]* \w+"
        self.assertRegex(self.text("stderr"), rf"info  fleet: gantry-box is live after [\d.]+ s: {line}, requests 256 MiB; context 256 tokens")
        self.assertRegex(run("run", Program.model, "--context", "256", "--max-tokens", "1", "hi").stderr.decode(), rf"(?m)^{line}; context 256 tokens")

    def test_a_limit_of_the_system_is_named(self):
        done = subprocess.run(["bash", "-c", 'ulimit -v 573440 && exec "$@"', "bash", Program.binary, "plan", Program.model],
                              capture_output=True, timeout=DEADLINE, env=environment(), check=False)
        self.assertEqual(done.returncode, MEMORY, done.stderr)
        self.assertIn(b"bounded by `ulimit -v` of 560 MiB", done.stderr)
        self.assertIn(b"raise that limit", done.stderr)

    def test_more_threads_than_cores_are_questioned(self):
        self.assertIn(b"note: 1000 threads on ", run("plan", Program.model, "--threads", "1000").stderr)
        self.assertEqual(run("plan", Program.model, "--threads", "1").stderr, b"")


class Files(Served):
    def test_a_name_that_nearly_matches(self):
        with open(Program.model, "rb") as stream, open(self.at("Little-Q8.gguf"), "wb") as copy:
            copy.write(stream.read())
        for name in ("little-q8.gguf", "Little-Q8", "Litle-Q8.gguf"):
            for command in ("plan", "inspect"):
                done = run(command, self.at(name))
                self.assertIn(f"did you mean {self.at('Little-Q8.gguf')}?", done.stderr.decode())

    def test_a_page_saved_as_a_model(self):
        done = run("plan", self.at("page.gguf", "<!DOCTYPE html>\n<title>Sign in</title>"))
        self.assertIn(b"a web page that begins '<!DOCTYPE html>'", done.stderr)
        self.assertIn(b"a text that begins 'Invalid username or password.'",
                      run("plan", self.at("text.gguf", "Invalid username or password.")).stderr)


class Devices(unittest.TestCase):
    def test_what_there_is_and_what_there_is_not(self):
        told = json.loads(run("devices", "--json").stdout)
        self.assertEqual(told["devices"][0]["id"], "cpu:0")
        self.assertGreater(told["devices"][0]["memory_bytes"], 0)
        self.assertIn({"what": "cuda", "why": "not in this build"}, told["missing"])
        text = run("devices").stdout.decode()
        self.assertIn("cpu:0 ", text)
        self.assertRegex(text, r"(?m)^cuda +not in this build$")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Program.binary, Program.model = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
