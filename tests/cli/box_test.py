#!/usr/bin/env python3
"""The model in the box, as a program that was given no model serves it.

    box_test.py BINARY

What it must say is in tools/box/answers.json, which tools/box/fixture.py wrote from the shipped file.
"""

import array
import concurrent.futures
import http.client
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

from program import DEADLINE, Program, environment, run

ANSWER_TOKENS = 200


def usable_isas():
    """Those that this machine has, by the program's word."""
    return [isa for isa in ("scalar", "avx2", "avx512") if run("plan", "--isa", isa).returncode == 0]


class Served:
    """`gantry serve` without a model."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([Program.binary, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=environment())
        for line in self.process.stdout:
            if match := re.search(r"listening on http://([^/\s]+)", line):
                self.address = match[1]
                return
        raise AssertionError(self.process.stderr.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE)

    def chat(self, prompt, **more):
        """The first choice of an answer, greedy."""
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        body = {"messages": [{"role": "user", "content": prompt}], "temperature": 0, "max_tokens": ANSWER_TOKENS, **more}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.load(reply)
        connection.close()
        if reply.status != 200:
            raise AssertionError(answer)
        return answer["choices"][0]

    def with_logprobs(self, prompt):
        return self.chat(prompt, logprobs=True, top_logprobs=3)


class Box(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(Program.source, "tools", "box", "answers.json"), encoding="utf-8") as file:
            cls.wanted = json.load(file)
        cls.prompts = [row["prompt"] for row in cls.wanted["answers"]]

    def test_says_which_model_it_is_only_when_none_was_named(self):
        named = os.path.join(Program.source, "models", "gantry-box.gguf")
        alone = run("run", "--temp", "0", "-p", "Hello!")
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertRegex(alone.stderr, rb"\A[^\n]*toy[^\n]*\.gguf\nmemory [^\n]*\n\Z")
        given = run("run", named, "--temp", "0", "-p", "Hello!")
        self.assertEqual(given.stdout, alone.stdout)
        self.assertRegex(given.stderr, rb"\Amemory [^\n]*\n\Z")

    def test_ten_fixed_prompts(self):
        self.assertEqual(len(self.prompts), 10)
        with Served() as served:
            for row in self.wanted["answers"]:
                choice = served.chat(row["prompt"])
                self.assertEqual(choice["message"]["content"], row["answer"])
                self.assertEqual(choice["finish_reason"], "stop")
                self.assertNotIn("<|", choice["message"]["content"])

    def test_one_answer_on_every_isa_with_any_threads_in_any_company(self):
        with Served("--isa", "scalar", "--threads", "1", "--no-prefix-cache") as served:
            wanted = [served.with_logprobs(prompt) for prompt in self.prompts]
        self.assertEqual([choice["message"]["content"] for choice in wanted], [row["answer"] for row in self.wanted["answers"]])
        for isa in usable_isas():
            for threads in ("1", "2", "3"):
                with Served("--isa", isa, "--threads", threads, "--sequences", "20") as served:
                    with concurrent.futures.ThreadPoolExecutor(20) as pool:
                        got = list(pool.map(served.with_logprobs, self.prompts * 2))
                self.assertEqual(got, wanted * 2, f"{isa}, {threads} threads")

    def test_ends_at_stop_texts_and_at_the_budget(self):
        with Served() as served:
            whole = served.chat("Hello!")["message"]["content"]
            word = whole.split()[-1]
            cut = served.chat("Hello!", stop=[word])
            self.assertEqual((cut["message"]["content"], cut["finish_reason"]), (whole[:whole.index(word)], "stop"))
            short = served.chat("Hello!", max_tokens=3)
            self.assertTrue(whole.startswith(short["message"]["content"]))
            self.assertEqual(short["finish_reason"], "length")

    def test_perplexity_of_held_out_conversations(self):
        model = os.path.join(Program.source, "models", "gantry-box.gguf")
        total = wanted = count = 0
        for row in self.wanted["held_out"]:
            ids = row["ids"]
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "logits")
                done = run("debug", "logits", model, "--token-list", ",".join(map(str, ids)), "--out", path)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(path, "rb") as out:
                    values = array.array("f", out.read())
            vocabulary = len(values) // len(ids)
            for at in range(1, len(ids)):
                if row["answer"][at]:
                    logits = values[(at - 1) * vocabulary:at * vocabulary]
                    top = max(logits)
                    total += math.log(sum(math.exp(x - top) for x in logits)) + top - logits[ids[at]]
                    count += 1
            wanted += row["nats"]
        self.assertGreater(count, 300)
        self.assertAlmostEqual(total / count, wanted / count, places=4)
        self.assertLess(math.exp(total / count), 1.6)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    Program.source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    Program.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
