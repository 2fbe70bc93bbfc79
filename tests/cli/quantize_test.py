#!/usr/bin/env python3
"""gantry quantize and gantry perplexity; types of tensors that cannot be computed with.

    quantize_test.py BINARY MODEL           the story model (tools/stories)
    quantize_test.py BINARY --stories TOOL  makes it from $GANTRY_SHARED or ../shared; absent: exit status 77
"""

import array
import json
import math
import os
import shutil
import struct
import tempfile
import unittest

import stories
from program import Program, run

USAGE, NOT_FOUND, INVALID, UNSUPPORTED, IO = 2, 5, 2, 11, 14
TEXT = ("Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
        "big, red ball. She wanted to play with it, but it was too high. Her mom said, \"Lily, let us go home.\" ") * 3


def read(path):
    with open(path, "rb") as stream:
        return stream.read()


def types_of(path):
    return {tensor["name"]: tensor["type"] for tensor in json.loads(run("inspect", path, "--json").stdout)["tensors"]}


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def done(self, *arguments, **extra):
        done = run(*arguments, **extra)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, status, *arguments, **extra):
        done = run(*arguments, **extra)
        words = done.stderr.decode()
        self.assertEqual(done.returncode, status, words)
        self.assertIn("error: ", words)
        return words


class Quantize(WithFolder):
    def test_a_mixture_by_name(self):
        out = self.at("q.gguf")
        done = self.done("quantize", Program.model, out, "q4_k_m")
        self.assertRegex(done.stdout.decode(), r"Q4_K_M, [\d.]+ [KM]iB, [\d.]+ bits per weight")
        # Rows of 64 values are not whole blocks of 256: said, and what fits is taken.
        self.assertIn("blk.0.attn_q.weight: rows of 64 values are not whole blocks of Q4_K", done.stderr.decode())
        types = types_of(out)
        self.assertEqual(types["blk.0.attn_q.weight"], "Q5_0")
        self.assertEqual(types["blk.0.attn_norm.weight"], "F32")
        self.assertLess(os.path.getsize(out), os.path.getsize(Program.model))
        self.assertEqual(self.done("run", out, "--temp", "0", "--max-tokens", "8", "Once upon a time, there was a").stdout,
                         self.done("run", Program.model, "--temp", "0", "--max-tokens", "8",
                                   "Once upon a time, there was a").stdout)

    def test_every_type_loads_and_answers(self):
        for name in ("F32", "BF16", "Q8_0", "Q5_1", "Q4_0", "IQ4_NL", "NVFP4", "Q2_0"):
            out = self.at(name + ".gguf")
            self.done("quantize", Program.model, out, name)
            self.done("run", out, "--temp", "0", "--max-tokens", "4", "Once upon")

    def test_types_by_pattern(self):
        out = self.at("q.gguf")
        self.done("quantize", Program.model, out, "Q8_0", "--type", "blk.*.attn_?=q4_0", "--type", "blk.1.attn_v=MXFP4")
        types = types_of(out)
        self.assertEqual((types["blk.0.attn_q.weight"], types["blk.1.attn_v.weight"], types["blk.0.ffn_up.weight"]),
                         ("Q4_0", "MXFP4", "Q8_0"))
        self.assertIn("fits no tensor", self.refused(USAGE, "quantize", Program.model, out, "Q8_0", "--type", "nothing=q4_0"))
        self.assertIn("PATTERN=TYPE", self.refused(USAGE, "quantize", Program.model, out, "Q8_0", "--type", "q4_0"))
        self.assertIn("Q9_9", self.refused(USAGE, "quantize", Program.model, out, "Q8_0", "--type", "a=Q9_9"))
        self.assertIn("Q4_K_M", self.refused(USAGE, "quantize", Program.model, out, "Q9_9"))

    def test_the_bytes_do_not_know_the_threads(self):
        files = set()
        for threads in ("1", "3"):
            out = self.at(threads)
            self.done("quantize", Program.model, out, "Q4_1", "--threads", threads)
            files.add(read(out))
        self.assertEqual(len(files), 1)

    def test_the_input_is_never_written_over(self):
        copy, link = self.at("model.gguf"), self.at("link.gguf")
        shutil.copy(Program.model, copy)
        os.symlink(copy, link)
        for target in (copy, link, os.path.join(self.folder, ".", "model.gguf")):
            self.assertIn("replace", self.refused(USAGE, "quantize", copy, target, "Q8_0"))
        self.assertEqual(read(copy), read(Program.model))
        self.assertEqual(sorted(os.listdir(self.folder)), ["link.gguf", "model.gguf"])

    def test_a_failure_leaves_what_stood_there(self):
        out = self.at("q.gguf")
        self.done("quantize", Program.model, out, "Q8_0")
        before = read(out)
        self.assertIn("Q8_0", self.refused(UNSUPPORTED, "quantize", out, self.at("twice.gguf"), "Q4_0"))
        self.done("quantize", out, self.at("twice.gguf"), "Q4_0", "--requantize")
        self.refused(NOT_FOUND, "quantize", self.at("none.gguf"), out, "Q4_0")
        with open(self.at("bad.gguf"), "wb") as stream:
            stream.write(read(Program.model)[:-1000])
        self.assertNotEqual(run("quantize", self.at("bad.gguf"), out, "Q4_0").returncode, 0)
        self.assertEqual(read(out), before)
        self.assertNotEqual(run("quantize", Program.model, self.at("no/such/folder.gguf"), "Q4_0").returncode, 0)
        self.assertEqual(sorted(os.listdir(self.folder)), ["bad.gguf", "q.gguf", "twice.gguf"])

    def test_a_dry_run_writes_nothing(self):
        done = self.done("quantize", Program.model, self.at("q.gguf"), "Q5_K_S", "--dry-run")
        self.assertRegex(done.stdout.decode(), r"blk\.0\.attn_q\.weight .*-> Q5_1")
        self.assertRegex(done.stdout.decode(), r"Q5_K_S: .* bits per weight")
        self.assertEqual(os.listdir(self.folder), [])


class Perplexity(WithFolder):
    def setUp(self):
        super().setUp()
        self.text = self.at("text.txt")
        with open(self.text, "w", encoding="utf-8") as stream:
            stream.write(TEXT)

    def measure(self, *arguments, **extra):
        return json.loads(self.done("perplexity", *arguments, "--json", **extra).stdout)

    def test_against_the_logits(self):
        """The same figures from `debug logits` and Python's own arithmetic."""
        ids = [1] + [int(word) for word in run("debug", "tokenize", Program.model, text=TEXT.encode()).stdout.split()]
        losses = []
        for window in range(len(ids) // 60):
            tokens = [1] + ids[window * 60 + 1:window * 60 + 60]
            raw = self.done("debug", "logits", Program.model, "--kv-type", "f32", "--token-list",
                            ",".join(map(str, tokens))).stdout
            logits = array.array("f", raw)
            for place in range(30, 59):
                row = logits[512 * place:512 * (place + 1)]
                most = max(row)
                losses.append(most + math.log(sum(math.exp(x - most) for x in row)) - row[tokens[place + 1]])
        mean = sum(losses) / len(losses)
        error = math.sqrt(sum((x - mean) ** 2 for x in losses) / (len(losses) - 1) / len(losses))
        found = self.measure(Program.model, "--file", self.text, "--context", "60", "--kv-type", "f32")
        self.assertEqual((found["scored"], found["tokens"]), (len(losses), len(ids)))
        self.assertGreaterEqual(found["windows"], 2)
        self.assertAlmostEqual(found["loss"], mean, places=9)
        self.assertAlmostEqual(found["perplexity"], math.exp(mean), places=8)
        self.assertAlmostEqual(found["perplexity_error"], math.exp(mean) * error, places=8)

    def test_two_models(self):
        coarse = self.at("coarse.gguf")
        self.done("quantize", Program.model, coarse, "Q4_0")
        same = self.measure(Program.model, "--file", self.text, "--context", "64", "--against", Program.model)
        self.assertEqual((same["divergence"]["greatest"], same["divergence"]["same_first"]), (0, 1))
        found = self.measure(coarse, "--file", self.text, "--context", "64", "--against", Program.model)["divergence"]
        self.assertTrue(0 < found["median"] <= found["p99"] <= found["greatest"], found)
        self.assertTrue(0 < found["mean"] < 1 and 0.5 < found["same_first"] <= 1, found)
        words = self.done("perplexity", coarse, "--file", self.text, "--context", "64", "--against", Program.model)
        self.assertRegex(words.stdout.decode(), r"the same first choice +[\d.]+ %")

    def test_settings(self):
        half = self.measure(Program.model, "--file", self.text, "--context", "50", "--windows", "2")
        self.assertEqual((half["windows"], half["scored"], half["first_scored"]), (2, 48, 26))
        whole = self.measure(Program.model, "--file", "-", "--context", "50", "--windows", "2", "--all", text=TEXT.encode())
        self.assertEqual((whole["windows"], whole["scored"], whole["first_scored"]), (2, 98, 1))
        sliced = self.measure(Program.model, "--file", self.text, "--context", "50", "--windows", "2", "--step-rows", "3",
                              "--isa", "scalar", "--threads", "1")
        self.assertEqual(sliced["loss"], half["loss"])
        words = self.done("perplexity", Program.model, "--file", self.text, "--context", "50").stdout.decode()
        self.assertRegex(words, r"perplexity +[\d.]+ \+/- [\d.]+")

    def test_refusals(self):
        self.refused(NOT_FOUND, "perplexity", Program.model, "--file", self.at("none.txt"))
        self.assertIn("tokens", self.refused(INVALID, "perplexity", Program.model, "--file", "-", text=b"short"))
        self.assertIn("window", self.refused(USAGE, "perplexity", Program.model, "--file", self.text, "--context", "1"))


class Types(WithFolder):
    """A tensor in a type that this build has no arithmetic for is refused by name and id, before anything is loaded."""

    def patched(self, type_id):
        name = b"blk.0.attn_q.weight"
        data = bytearray(read(Program.model))
        at = data.index(struct.pack("<Q", len(name)) + name) + 8 + len(name)
        dims = struct.unpack_from("<I", data, at)[0]
        struct.pack_into("<I", data, at + 4 + 8 * dims, type_id)
        path = self.at("patched.gguf")
        with open(path, "wb") as stream:
            stream.write(data)
        return path

    def test_each(self):
        named = {4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
                 21: "IQ3_S", 22: "IQ2_S", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4",
                 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 43: "type 43", 77: "type 77", 4294967295: "type 4294967295"}
        for type_id, name in named.items():
            path = self.patched(type_id)
            for command in (["run", path, "-p", "hi"], ["plan", path], ["serve", path, "--port", "0"],
                            ["quantize", path, self.at("out.gguf"), "Q8_0"], ["perplexity", path, "--file", "-"]):
                words = self.refused(UNSUPPORTED, *command, text=TEXT.encode())
                self.assertIn(f"{name}", words)
                self.assertIn(f"(id {type_id})", words)
                self.assertIn("blk.0.attn_q.weight", words)
            self.assertIn(name, self.done("inspect", path).stdout.decode())


if __name__ == "__main__":
    stories.main(unittest, __doc__)
