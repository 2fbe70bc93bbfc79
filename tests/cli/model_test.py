#!/usr/bin/env python3
"""The command line with a model: answers, pipes, plan, inspect, debug, serve.

    model_test.py BINARY MODEL              the story model (tools/stories)
    model_test.py BINARY --stories TOOL     makes it from $GANTRY_SHARED or ../shared; absent: exit status 77
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import stories
from program import DEADLINE, Program, environment, next_line, run

USAGE, NOT_FOUND, TOO_LARGE, MEMORY, IO = 2, 5, 6, 12, 14
GREEDY = ["--temp", "0", "--kv-type", "f32"]
OPENING = "Once upon a time, there was a little girl named Lily."


def story(prompt, *more, **extra):
    return run("run", Program.model, *GREEDY, *more, *([prompt] if prompt else []), **extra)


class Run(unittest.TestCase):
    def test_a_prompt_is_continued(self):
        done = story("Once upon a time, there was a", "--max-tokens", "8")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = done.stdout.decode()
        self.assertTrue(answer.endswith("\n"))
        self.assertTrue(("Once upon a time, there was a" + answer).startswith(OPENING[:40]), answer)
        self.assertIn(b"has no chat template", done.stderr)

    def test_a_pipe_says_the_same(self):
        direct = story("Once upon a time", "--max-tokens", "20")
        piped = story("", "--max-tokens", "20", text=b"Once upon a time\n")
        self.assertEqual(piped.returncode, 0, piped.stderr)
        self.assertGreater(len(direct.stdout), 20)
        self.assertEqual(piped.stdout, direct.stdout)

    def test_a_pipe_goes_before_the_prompt(self):
        direct = story("The cat sat.\n\nOnce upon a time", "--max-tokens", "20")
        both = story("Once upon a time", "--max-tokens", "20", text=b"The cat sat.\n")
        self.assertEqual(both.returncode, 0, both.stderr)
        self.assertEqual(both.stdout, direct.stdout)
        self.assertNotEqual(both.stdout, story("Once upon a time", "--max-tokens", "20").stdout)
        with tempfile.TemporaryFile() as file:
            file.write(b"The cat sat.\n")
            file.seek(0)
            done = subprocess.run([Program.binary, "run", Program.model, *GREEDY, "--max-tokens", "20", "--prompt", "Once upon a time"],
                                  stdin=file, capture_output=True, timeout=DEADLINE, env=environment(), check=False)
        self.assertEqual(done.stdout, direct.stdout)

    def test_a_pipe_without_an_end_is_told(self):
        with subprocess.Popen([Program.binary, "run", Program.model, *GREEDY, "--max-tokens", "8", "-p", OPENING], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as program:
            self.assertIn(b"waiting for the end of standard input", program.stderr.readline())
            said = program.communicate(timeout=DEADLINE)[0]
        self.assertEqual(said, story(OPENING, "--max-tokens", "8").stdout)

    def test_a_byte_order_mark_is_no_text(self):
        mark = b"\xef\xbb\xbf"
        plain = story("Once upon a time", "--max-tokens", "12").stdout
        self.assertEqual(story("", "--max-tokens", "12", text=mark + b"Once upon a time\n").stdout, plain)
        self.assertEqual(story("\ufeffOnce upon a time", "--max-tokens", "12").stdout, plain)
        self.assertEqual(run("tokenize", Program.model, "--ids", text=mark + b"Once").stdout, run("tokenize", Program.model, "--ids", "Once").stdout)
        with tempfile.TemporaryDirectory() as folder:
            def put(name, text):
                with open(os.path.join(folder, name), "wb") as stream:
                    stream.write(text)
                return os.path.join(folder, name)

            template = put("t.jinja", mark + b"{% for m in messages %}{{ m.content }}{% endfor %}")
            messages = put("m.json", mark + b'[{"role": "user", "content": "Once upon a time"}]')
            self.assertEqual(run("debug", "template", template, messages).stdout, b"Once upon a time")
            self.assertEqual(story("Once upon a time", "--max-tokens", "12", "--chat-template", template).stdout, plain)
            ids = put("ids", mark + b"1,403")
            self.assertEqual(run("debug", "logits", Program.model, "--tokens", ids).stdout,
                             run("debug", "logits", Program.model, "--token-list", "1,403").stdout)
            words = b"Once upon a time there was a cat. " * 12
            measured = [run("perplexity", Program.model, "--file", put("words", text), "--context", "32", "--json")
                        for text in (words, mark + words)]
            self.assertEqual(measured[0].returncode, 0, measured[0].stderr)
            self.assertEqual(measured[0].stdout, measured[1].stdout)

    def test_the_default_model_from_the_environment(self):
        direct = story("Once upon a time", "--max-tokens", "20")
        done = run("run", *GREEDY, "--max-tokens", "20", "-p", "Once upon a time", GANTRY_MODEL=Program.model)
        self.assertEqual(done.stdout, direct.stdout)
        self.assertIn(b"from $GANTRY_MODEL", done.stderr)

    def test_one_answer_whatever_the_machine_does(self):
        answers = {story(OPENING, "--max-tokens", "40", *more).stdout
                   for more in (["--isa", "scalar"], ["--threads", "1"], ["--threads", "3"], ["--step-rows", "1"],
                                ["--no-prefix-cache"], [])}
        self.assertEqual(len(answers), 1, answers)

    def test_seeds(self):
        def with_seed(seed):
            return run("run", Program.model, "--raw", "--temp", "1", "--seed", seed, "--max-tokens", "40", OPENING).stdout

        self.assertEqual(with_seed("1"), with_seed("1"))
        self.assertGreater(len({with_seed(str(seed)) for seed in range(4)}), 1)

    def test_a_chat_template_and_a_system_message(self):
        with tempfile.NamedTemporaryFile("w", suffix=".jinja") as template:
            template.write("{% for m in messages %}{{ m.content }} {% endfor %}")
            template.flush()
            done = story("there was a", "--max-tokens", "8", "--chat-template", template.name, "--system", "Once upon a time,")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn(b"no chat template", done.stderr)
            raw = story("Once upon a time, there was a ", "--max-tokens", "8", "--raw")
            self.assertEqual(done.stdout, raw.stdout)

    def test_a_prompt_longer_than_the_context(self):
        done = story("word " * 400, "--context", "64")
        self.assertIn(done.returncode, (USAGE, TOO_LARGE), done.stderr)
        self.assertIn(b"error: ", done.stderr)

    def test_a_reader_that_goes_away(self):
        with subprocess.Popen([Program.binary, "run", Program.model, "--temp", "1", OPENING], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment()) as program:
            program.stdout.read(5)
            program.stdout.close()
            program.wait(DEADLINE)


class Look(unittest.TestCase):
    def test_plan(self):
        done = run("plan", Program.model, "--sequences", "2", "--context", "256")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(done.stdout), 200)
        json.loads(run("plan", Program.model, "--json").stdout)

    def test_plan_that_does_not_fit(self):
        done = run("plan", Program.model, "--memory-cap", "64KiB")
        self.assertEqual(done.returncode, MEMORY, done.stderr)
        self.assertRegex(done.stderr.decode(), r"\d")
        done = run("run", Program.model, "--memory-cap", "64KiB", "hi")
        self.assertEqual((done.returncode, done.stdout), (MEMORY, b""))

    def test_inspect(self):
        done = run("inspect", Program.model)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout.decode()
        for word in ("general.architecture", "token_embd.weight", "[64, 512]", "512 tokens", "chat template: none"):
            self.assertIn(word, text)
        facts = json.loads(run("inspect", Program.model, "--json").stdout)
        self.assertEqual(facts["metadata"]["general.architecture"], "llama")
        self.assertEqual(facts["tokenizer"]["tokens"], 512)
        self.assertEqual(facts["tokenizer"]["bos"]["id"], 1)
        self.assertEqual(sum(row["bytes"] for row in facts["tensors"]),
                         sum(row["bytes"] for row in facts["types"].values()))
        self.assertEqual(run("inspect", Program.model, "--template").returncode, NOT_FOUND)

    def test_tokenize(self):
        ids = run("debug", "tokenize", Program.model, "--add-special", OPENING).stdout.split()
        self.assertEqual(ids[:7], b"1 403 407 261 378 432 383".split())
        piped = run("debug", "tokenize", Program.model, "--add-special", text=OPENING.encode()).stdout.split()
        self.assertEqual(piped, ids)
        table = run("debug", "tokenize", Program.model, "--pieces", OPENING).stdout.decode().splitlines()
        self.assertEqual(len(table), len(ids))  # BOS less, the sum more

    def test_cases_of_tokenizers(self):
        with tempfile.NamedTemporaryFile("w", suffix=".inp") as cases:
            cases.write("Once upon\n__ggml_vocab_test__\n\n__ggml_vocab_test__\nThe cat\n__ggml_vocab_test__\n")
            cases.flush()
            done = run("debug", "tokenize", Program.model, "--cases", cases.name)
        alone = [run("debug", "tokenize", Program.model, text).stdout for text in ("Once upon", "", "The cat")]
        self.assertEqual(done.stdout, b"".join(alone), done.stderr)

    def test_logits_do_not_depend_on_slices(self):
        ids = "1,403,407,261,378,432,383,286,261,376"
        seen = set()
        for more in ([], ["--slice", "1"], ["--slice", "3"], ["--isa", "scalar"]):
            done = run("debug", "logits", Program.model, "--token-list", ids, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stdout), 10 * 512 * 4)
            seen.add(done.stdout)
        self.assertEqual(len(seen), 1)
        with tempfile.TemporaryDirectory() as folder:
            ids_path, out_path = os.path.join(folder, "ids"), os.path.join(folder, "out")
            with open(ids_path, "w", encoding="utf-8") as stream:
                stream.write(ids.replace(",", "\n"))
            done = run("debug", "logits", Program.model, "--tokens", ids_path, "--out", out_path)
            self.assertEqual((done.returncode, done.stdout), (0, b""))
            with open(out_path, "rb") as stream:
                self.assertEqual({stream.read()}, seen)
        self.assertEqual(run("debug", "logits", Program.model, "--token-list", "1,512").returncode, USAGE)


class Server:
    def __init__(self, *arguments, **extra):
        self.process = subprocess.Popen([Program.binary, "serve", Program.model, "--port", "0", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**extra))
        line = next_line(self.process).decode()
        match = re.fullmatch(r"listening on (http://127\.0\.0\.1:(\d+))\n", line)
        if not match:
            self.process.kill()
            raise AssertionError(f"{line!r} {self.process.stderr.read()!r}")
        self.port = int(match[2])
        base = next_line(self.process).decode()
        if base != f"base URL for clients: {match[1]}/v1\n":
            raise AssertionError(base)
        self.model_line = next_line(self.process).decode()
        self.hint = next_line(self.process).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, json.dumps(body) if body else None,
                               {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


class Serve(unittest.TestCase):
    def test_answers_and_ends_on_a_signal(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            with Server("--alias", "little") as server:
                self.assertIn("model little: llama", server.model_line)
                self.assertIn("/v1/completions", server.hint)
                status, models = server.request("GET", "/v1/models")
                self.assertEqual((status, models["data"][0]["id"]), (200, "little"))
                ask = {"model": "little", "prompt": "Once upon a time", "max_tokens": 8, "temperature": 0}
                status, answer = server.request("POST", "/v1/completions", ask)
                self.assertEqual(status, 200, answer)
                self.assertGreater(len(answer["choices"][0]["text"]), 5)
                server.process.send_signal(which)
                out, err = server.process.communicate(timeout=DEADLINE)
                self.assertEqual(server.process.returncode, 0, err)
                self.assertTrue(out.endswith(b"done\n"), out)

    def test_the_hint_works_as_printed(self):
        with Server() as server:
            command = server.hint.removeprefix("try: ")
            done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=DEADLINE, check=False)
            if done.returncode == 127:
                self.skipTest("no curl")
            self.assertIn("choices", json.loads(done.stdout), done)

    def test_keys(self):
        with Server(GANTRY_API_KEY="secret") as server:
            self.assertEqual(server.request("GET", "/v1/models")[0], 401)
            self.assertEqual(server.request("GET", "/v1/models", Authorization="Bearer secret")[0], 200)
            self.assertIn("Authorization", server.hint)
            self.assertNotIn("secret", server.hint)

    def test_a_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            done = run("serve", Program.model, "--port", port)
        self.assertEqual((done.returncode, done.stdout), (IO, b""), done.stderr)
        self.assertIn(b"error: ", done.stderr)
        self.assertIn(port.encode(), done.stderr)

    def test_an_address_that_is_none(self):
        done = run("serve", Program.model, "--host", "999.1.1.1", "--port", "0")
        self.assertIn(done.returncode, (USAGE, IO), done.stderr)

    def test_a_second_signal_ends_at_once(self):
        with Server("--drain", "3600", "--context", "512") as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
            connection.request("POST", "/v1/completions",
                               json.dumps({"prompt": "Once", "stream": True, "n": 8, "max_tokens": 500}),
                               {"Content-Type": "application/json"})
            server.process.send_signal(signal.SIGINT)
            next_line(server.process)
            time.sleep(0.05)
            server.process.send_signal(signal.SIGINT)
            server.process.communicate(timeout=DEADLINE)
            connection.close()
            # 0: the answers had ended before the second signal came.
            self.assertIn(server.process.returncode, (128 + signal.SIGINT, 0))


if __name__ == "__main__":
    stories.main(unittest, __doc__)
