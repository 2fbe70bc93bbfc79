#!/usr/bin/env python3
"""`gantry bench` beside a server of its own and beside servers that misbehave.

    bench_test.py BINARY
"""

import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree

from program import DEADLINE, Program, environment, next_line, run

USAGE, NOT_FOUND, UNSUPPORTED, MEMORY, IO = 2, 5, 11, 12, 14
EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def event(**fields):
    return "data: " + json.dumps(fields) + "\n\n"


def token(text="x", reason=None):
    return event(choices=[{"delta": {"content": text}, "finish_reason": reason}])


def usage(prompt=20, new=3):
    return event(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": new})


class Rude(socketserver.ThreadingTCPServer):
    """Answers as `answer` says: a text, or a function of the body that gives pieces of one (None: close here). The first two requests are
    those that find out what the server takes, and get an honest answer."""
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer, probes=2):
        super().__init__(("127.0.0.1", 0), None)
        self.answer, self.probes, self.bodies, self.times, self.lock = answer, probes, [], [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, client_address):
        stream = request.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return
            head += line
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = json.loads(stream.read(int(length[1]))) if length else {}
        with self.lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.times.append(time.monotonic())
        answer = self.answer if number >= self.probes else honest
        try:
            for piece in [answer] if isinstance(answer, str) else answer(body):
                if piece is None:
                    return
                request.sendall(piece.encode("latin-1"))
        except OSError:
            pass  # it left


def honest(body):
    words = len(json.dumps(body).split())
    yield EVENTS + "Connection: close\r\n\r\n" + token("") + token("a") + token("b") + token("c", "length") + usage(words, 3) + "data: [DONE]\n\n"


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([Program.binary, "serve", "--port", "0", "--parallel", "4", "--log", "error"], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True, env=environment())
        cls.url = re.search(r"http://\S+", next_line(cls.server))[0]

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate(timeout=DEADLINE)

    def bench(self, *arguments, status=0, **extra):
        done = run("bench", "serve", *arguments, **extra)
        self.assertEqual(done.returncode, status, done.stderr.decode() + done.stdout.decode())
        return done

    def figures(self, *arguments, **extra):
        return json.loads(self.bench(*arguments, "--json", "-", **extra).stdout)

    def test_closed_loop(self):
        told = self.figures(self.url, "--mix", "short", "--clients", "1,3", "--requests", "6", "--warmup", "2", "--seed", "5")
        self.assertEqual((told["api"], told["model"], told["seed"], told["notes"]), ("chat", "gantry-box", 5, []))
        self.assertEqual([level["clients"] for level in told["levels"]], [1, 3])
        for level in told["levels"]:
            self.assertEqual((level["done"], level["failed"], level["without_usage"]), (6, 0, 0), level)
            self.assertEqual(level["new_tokens"], 6 * 32)  # ignore_eos: as many as were asked for
            self.assertEqual(level["whole_ms"]["count"], 6)
            self.assertGreater(level["gap_ms"]["count"], 0)
            # The prompts have about the tokens that the mix wants: from 16 to 48.
            self.assertTrue(10 * 6 <= level["prompt_tokens"] <= 60 * 6, level)
            for name in ("first_token_ms", "gap_ms", "token_ms", "whole_ms"):
                values = [level[name][share] for share in ("p50", "p90", "p95", "p99", "max")]
                self.assertEqual(values, sorted(values), name)
                self.assertGreater(values[0], 0)

    def test_the_same_seed_asks_the_same(self):
        asked = []
        for seed in ("3", "3", "4"):
            with Rude(honest) as server:
                self.bench(server.url(), "--model", "m", "--clients", "1", "--requests", "5", "--seed", seed)
                asked.append(server.bodies)
        self.assertEqual(len(asked[0]), 2 + 5)
        self.assertEqual(asked[0], asked[1])
        self.assertNotEqual(asked[0], asked[2])

    def test_open_loop(self):
        told = self.figures(self.url, "--mix", "short", "--api", "completions", "--rate", "40", "--requests", "12")
        level = told["levels"][0]
        self.assertEqual((level["rate"], level["done"] + level["failed"], level["failed"]), (40, 12, 0))

    def test_an_open_loop_waits_for_nobody(self):
        def slow(_body):
            time.sleep(1)
            yield from honest({})
        with Rude(slow) as server:
            self.bench(server.url(), "--model", "m", "--mix", "short", "--rate", "200", "--requests", "20")
            self.assertLess(server.times[-1] - server.times[2], 0.9)
            self.assertEqual(len(server.times), 22)

    def test_who_leaves_is_counted(self):
        level = self.figures(self.url, "--mix", "disconnects", "--clients", "2", "--requests", "8", "--seed", "1")["levels"][0]
        self.assertEqual(level["done"] + level["cancelled"], 8)
        self.assertGreater(level["cancelled"], 0)

    def test_conversations_say_what_was_said(self):
        with tempfile.TemporaryDirectory() as folder, Rude(honest) as server:
            path = os.path.join(folder, "mix.toml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("[[kind]]\nturns = 3\nprompt = 8\nnew = 3\n")
            self.bench(server.url(), "--model", "m", "--mix", path, "--clients", "1", "--requests", "3")
            messages = [body["messages"] for body in server.bodies[2:]]
            self.assertEqual([len(one) for one in messages], [1, 3, 5])
            self.assertEqual(messages[2][:1], messages[0])
            self.assertEqual(messages[2][1], {"role": "assistant", "content": "abc"})

    def test_table_chart_and_mixes(self):
        with tempfile.TemporaryDirectory() as folder:
            chart = os.path.join(folder, "chart.svg")
            text = self.bench(self.url, "--mix", "short", "--clients", "1,2", "--requests", "2", "--svg", chart).stdout.decode()
            self.assertIn("2 clients: 2 done, 0 failed, 0 cancelled", text)
            self.assertRegex(text, r"(?m)^ +clients +requests/s")
            self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)
            self.assertTrue(xml.etree.ElementTree.parse(chart).getroot().tag.endswith("svg"))
            path = os.path.join(folder, "mine.toml")
            with open(path, "wb") as stream:
                stream.write(self.bench("--print-mix", "short").stdout)
            self.bench(self.url, "--mix", path, "--clients", "1", "--requests", "1")
            with open(path, "a", encoding="utf-8") as stream:
                stream.write("promt = 5\n")
            self.assertIn("mine.toml:6", self.bench(self.url, "--mix", path, status=USAGE).stderr.decode())

    def test_words_for_what_cannot_be_measured(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
            for arguments, status, words in (([nobody, "--model", "m"], IO, "gantry serve"), (["https://example.org"], UNSUPPORTED, "https"),
                                             (["ftp://x"], USAGE, "URL"), (["--mix", "no-such"], NOT_FOUND, "chat, short"),
                                             (["--print-mix", "no-such"], NOT_FOUND, "disconnects"), (["--clients", "0"], USAGE, "--clients"),
                                             (["--clients", "1", "--rate", "1"], USAGE, "--rate"), (["--rate", "1,x"], USAGE, "--rate"),
                                             ([self.url, "--model", "no-such"], NOT_FOUND, "no-such")):
                done = self.bench(*arguments, status=status)
                self.assertIn(words, done.stderr.decode())
                self.assertEqual(done.stdout, b"")

    def test_a_key_is_sent(self):
        keyed = subprocess.Popen([Program.binary, "serve", "--port", "0", "--api-key", "right"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True, env=environment())
        try:
            url = re.search(r"http://\S+", next_line(keyed))[0]
            asked = (url, "--mix", "short", "--clients", "1", "--requests", "1")
            self.assertIn("--api-key", run("bench", "serve", *asked, "--api-key", "wrong").stderr.decode())
            self.bench(*asked, "--api-key", "right")
            self.bench(*asked, GANTRY_API_KEY="right")
        finally:
            keyed.terminate()
            keyed.communicate(timeout=DEADLINE)

    def test_a_server_that_refuses_fields_is_measured_without_them(self):
        def strict(body):
            if "ignore_eos" in body:
                yield "HTTP/1.1 400 Bad\r\n\r\n" + json.dumps({"error": {"message": "unknown field"}})
            else:
                yield from honest(body)
        with Rude(strict, probes=0) as server:
            told = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "1", "--requests", "2")
            self.assertEqual(told["levels"][0]["done"], 2)
            self.assertIn("ignore_eos (unknown field)", told["notes"][0])
        with tempfile.NamedTemporaryFile("w", suffix=".json") as extra, Rude(strict, probes=0) as server:
            extra.write('{"ignore_eos": null, "top_k": 7}')
            extra.flush()
            told = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "1", "--requests", "2", "--extra", extra.name)
            self.assertEqual(told["notes"], [])
            self.assertEqual(server.bodies[-1]["top_k"], 7)

    def test_each_way_to_misbehave_ends_in_a_figure(self):
        chunked = EVENTS + "Transfer-Encoding: chunked\r\n\r\n"

        def endless_line(_body):
            yield EVENTS + "\r\ndata: "
            for _ in range(40):
                yield "x" * 65536

        def endless_pieces(_body):
            yield EVENTS + "\r\n"
            for _ in range(5000):
                yield token()

        def silent(_body):
            yield EVENTS + "\r\n" + token()
            time.sleep(3)

        def mute(_body):
            time.sleep(3)
            yield None
        for answer, kind in (
                ("", "connection lost"), ("HTTP/1.1 200 O", "not understood"), ("SSH-2.0-x\r\n", "not understood"),
                (EVENTS + "\r\n" + token() + "data: {broken\n\n", "not understood"), (EVENTS + "\r\n" + token(), "cut short"),
                (EVENTS + "Content-Length: 99999\r\n\r\n" + token(), "not understood"), (chunked + "5\r\nab", "not understood"),
                (chunked + "zz\r\n", "not understood"), (EVENTS + "\r\n" + token() + event(error={"message": "out of memory"}), "error within the stream"),
                ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "not understood"),
                ("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", "HTTP status 500"),
                (endless_line, "not understood"), (endless_pieces, "not understood"), (silent, "timed out"), (mute, "timed out")):
            with self.subTest(answer=str(answer)[:90]), Rude(answer) as server:
                told = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "2", "--requests", "4", "--timeout", "0.5")
                level = told["levels"][0]
                self.assertEqual((level["done"], level["failed"]), (0, 4), level)
                self.assertEqual([(fault["kind"], fault["count"]) for fault in level["faults"]], [(kind, 4)], level["faults"])
                self.assertTrue(level["faults"][0]["first"])

    def test_answers_that_are_only_odd_are_done(self):
        chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in re.findall(r"(?s).{1,7}", token("a") + token("b", "stop") + "data: [DONE]"))
        for answer in (EVENTS + "\r\n" + token("a") + token("b", "stop"), EVENTS + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"):
            with Rude(answer) as server:
                level = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "1", "--requests", "3")["levels"][0]
                self.assertEqual((level["done"], level["failed"], level["without_usage"], level["new_tokens"]), (3, 0, 3, 6), level)

    def test_a_client_that_is_told_to_wait_waits(self):
        with Rude("HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n") as server:
            level = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "1", "--requests", "2")["levels"][0]
            self.assertEqual((level["failed"], level["faults"][0]["kind"]), (2, "HTTP status 429"))
            self.assertGreater(server.times[3] - server.times[2], 0.9)

    def test_a_connection_that_was_closed_meanwhile_is_no_failure(self):
        """Kept alive by its words, closed in fact."""
        body = token("a", "stop") + "data: [DONE]\n\n"
        with Rude(EVENTS + f"Content-Length: {len(body)}\r\n\r\n" + body) as server:
            level = self.figures(server.url(), "--model", "m", "--mix", "short", "--clients", "1", "--requests", "5")["levels"][0]
            self.assertEqual((level["done"], level["failed"]), (5, 0), level)

    def test_interrupted_it_prints_what_there_is(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "figures.json")
            process = subprocess.Popen([Program.binary, "bench", "serve", self.url, "--mix", "short", "--clients", "2,4", "--duration", "10min",
                                        "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
            next_line(process)
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 130, errors)
            self.assertRegex(out, r"2 clients: \d+ done")
            self.assertNotIn("4 clients", out)
            with open(path, encoding="utf-8") as stream:
                told = json.load(stream)
            self.assertTrue(told["interrupted"])
            self.assertEqual(len(told["levels"]), 1)
            self.assertLessEqual(told["levels"][0]["cut"], 2)


class Engine(unittest.TestCase):
    def engine(self, *arguments, status=0):
        done = run("bench", "engine", *arguments)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done

    def test_rows_and_limits(self):
        told = json.loads(self.engine("--prompt", "16,70", "--depth", "0,40", "--batch", "1,3", "--tokens", "3", "--rounds", "2", "--threads", "1",
                                      "--json", "-").stdout)
        self.assertEqual([(row["what"], row["depth"], row.get("prompt", row.get("batch"))) for row in told["rows"]],
                         [(what, depth, size) for depth in (0, 40) for what, size in (("prefill", 16), ("prefill", 70), ("decode", 1), ("decode", 3))])
        self.assertEqual((told["limits"]["threads"], told["limits"]["integer"]), (1, True))
        self.assertGreater(told["limits"]["bytes_per_s"], 0)
        for row in told["rows"]:
            self.assertGreater(row["tokens_per_s"], 0)
            self.assertGreater(row["bytes_per_s"], 0)
            self.assertAlmostEqual(row["of_memory"], row["bytes_per_s"] / told["limits"]["bytes_per_s"])

    def test_table(self):
        text = self.engine("--prompt", "8", "--batch", "2", "--tokens", "2", "--rounds", "1").stdout.decode()
        self.assertIn("GB/s read from memory", text)
        self.assertRegex(text, r"(?m)^prompt of 8 +0 ")
        self.assertRegex(text, r"(?m)^2 answers x 2 +0 ")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_what_cannot_be_measured(self):
        for arguments, status, words in ((["--prompt", "0"], USAGE, "--prompt"), (["--batch", "1,,2"], USAGE, "--batch"), (["--depth", "-1"], USAGE, "--depth"),
                                         (["/nonexistent/m.gguf"], NOT_FOUND, "/nonexistent/m.gguf"),
                                         (["--depth", "4096"], USAGE, "take less of --depth"), (["--batch", "1024", "--memory-cap", "10MiB"], MEMORY, "take less of --depth")):
            done = self.engine(*arguments, status=status)
            self.assertIn(words, done.stderr.decode())
            self.assertEqual(done.stdout, b"")

    def test_interrupted_it_keeps_its_rows(self):
        process = subprocess.Popen([Program.binary, "bench", "engine", "--prompt", "8", "--batch", "1", "--tokens", "100", "--rounds", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        lines = [next_line(process) for _ in range(5)]
        self.assertIn("prompt of 8", lines[-1])
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, out), (130, ""), errors)


if __name__ == "__main__":
    Program.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
