#!/usr/bin/env python3
"""Whatever stands on the command line of a measuring or making program: an error in words, exit status 2.

    arguments_test.py PROGRAM...
"""

import os
import subprocess
import sys
import tempfile
import unittest

USAGE = 2
NUMBERS = ["", "x", "-1", "1x", "99999999999999999999", "4294967296"]

PROGRAMS = {}


def wrong_lines():
    """Program and arguments, all wrong in the words and not in what the words name."""
    model = ["gantry_bench_model", "/nowhere/out.gguf"]
    yield model
    yield [*model, "1.2b", "Q4_0"]
    yield [*model, "1.2b", "Q4_0", "vocabulary.gguf", "more"]
    for shape in ("", "1.2B ", "7b"):
        yield [*model, shape, "Q4_0", "vocabulary.gguf"]
    for dtype in ("", "Q4_K_M", "I8", "I64", "F64", "IQ2_XXS", "4"):
        yield [*model, "0.5b", dtype, "vocabulary.gguf"]
    for program in ("gantry_bench_speed", "gantry_bench_engine"):
        for name in ("--threads", "--prompt", "--tokens", "--batch", "--rounds"):
            yield [program, "model.gguf", name]
            for number in NUMBERS:
                yield [program, "model.gguf", name, number]
        for name in ("--prompt", "--tokens", "--batch", "--rounds"):
            yield [program, "model.gguf", name, "0"]
        yield [program]
        yield [program, "model.gguf", "--what", "1"]
    for number in ("", "x", "-0.1", "2.1", "nan", "inf", "1e999", "1x"):
        yield ["gantry_bench_engine", "model.gguf", "--temperature", number]
    yield ["gantry_bench_engine", "model.gguf", "--tokens", "1"]
    for name in ("--threads", "--tokens", "--seconds"):
        for number in NUMBERS:
            yield ["bench_kernels", "--no-limits", f"{name}={number}"]
        yield ["bench_kernels", "--no-limits", name]
    for number in ("0", "nan", "inf", "1e9"):
        yield ["bench_kernels", "--no-limits", f"--seconds={number}"]
    for types in ("", "I8", "Q4_K_M", "Q4_0,"):
        yield ["bench_kernels", "--no-limits", "--tokens=1", "--seconds=0.001", f"--types={types}"]
    yield ["bench_kernels", "--no-limits", "--isa=mmx"]
    yield ["bench_kernels", "model.gguf"]
    for number in NUMBERS:
        yield ["gantry_bench_tokenizer", "vocabulary.gguf", number, "text"]
        yield ["gantry_bench_tokenizer", "--hostile", "vocabulary.gguf", number]
    yield ["gantry_bench_tokenizer", "--hostile", "vocabulary.gguf", "0"]
    yield ["gantry_bench_tokenizer", "vocabulary.gguf", "1"]
    yield ["gantry_stories", "/nowhere"]
    for dtype in ("", "Q4_K", "I8"):
        yield ["gantry_stories", "/nowhere", "out.gguf", "--type", dtype]
    yield ["gantry_stories", "/nowhere", "out.gguf", "--type"]
    yield ["gantry_box_export", "/nowhere"]
    yield ["gantry_box_export", "/nowhere", "out.gguf", "I8", "more"]
    yield ["gantry_box_export", "/nowhere", "out.gguf", "Q9"]
    yield ["gantry_quantize_all"]
    yield ["gantry_quantize_all", "--widen"]


class Arguments(unittest.TestCase):
    def test_wrong_words_are_told_as_such(self):
        tried = 0
        for program, *words in wrong_lines():
            done = subprocess.run([PROGRAMS[program], *words], capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, USAGE, (program, words, done.stderr))
            self.assertTrue(done.stderr.strip(), (program, words))
            tried += 1
        self.assertGreater(tried, 120)

    def test_a_vocabulary_that_has_none(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "empty.gguf")
            with open(path, "wb") as file:
                file.write(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
            done = subprocess.run([PROGRAMS["gantry_bench_model"], os.path.join(folder, "out.gguf"), "0.1b", "Q4_0",
                                   path], capture_output=True, timeout=60, check=False)
        self.assertGreater(done.returncode, 0, done)
        self.assertIn(b"tokenizer.ggml.tokens", done.stderr)


if __name__ == "__main__":
    PROGRAMS.update({os.path.basename(path): path for path in sys.argv[1:]})
    unittest.main(argv=sys.argv[:1])
