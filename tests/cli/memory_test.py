#!/usr/bin/env python3
"""What a process holds while and after it loads a model is what `gantry plan` said.

    memory_test.py BINARY MODEL_MAKER VOCABULARY      the maker is gantry_bench_model
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

from program import DEADLINE, Program, environment, next_line, run

SETTINGS = ["--context", "256", "--sequences", "2", "--step-rows", "64", "--threads", "2"]
PROGRAM_BYTES = 24 << 20  # the program itself, its libraries and what it reads of them
SHARE = 0.03


def status(pid):
    """Bytes by name, of what /proc tells in kB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        found = re.findall(r"^(Vm\w+|Rss\w+):\s+(\d+) kB$", lines.read(), re.MULTILINE)
    return {name: int(value) * 1024 for name, value in found}


def planned():
    done = run("plan", Program.model, *SETTINGS, "--json")
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)["devices"][0]


class Memory(unittest.TestCase):
    def test_a_loaded_model_holds_what_was_planned_and_not_its_file_too(self):
        plan = planned()
        weights = next(arena["bytes"] for arena in plan["arenas"] if arena["kind"] == "weights")
        self.assertGreater(weights, 100 << 20, "too small to tell a file that stays from three percent")
        with subprocess.Popen([Program.binary, "serve", Program.model, "--port", "0", *SETTINGS],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()) as process:
            try:
                self.assertIn(b"listening on", next_line(process))
                until = time.monotonic() + DEADLINE
                held = status(process.pid)
                while held["RssAnon"] < weights and time.monotonic() < until:
                    time.sleep(0.05)
                    held = status(process.pid)
            finally:
                process.kill()
        limit = plan["bytes"] * (1 + SHARE) + PROGRAM_BYTES
        print(f"planned {plan['bytes'] >> 20} MiB, peak {held['VmHWM'] >> 20}, steady {held['VmRSS'] >> 20}, "
              f"of it of files {held['RssFile'] >> 20}", file=sys.stderr)
        self.assertGreaterEqual(held["VmRSS"], weights)
        self.assertLessEqual(held["VmRSS"], limit)
        self.assertLessEqual(held["VmHWM"], limit)


    def test_run_holds_of_a_long_context_what_is_used(self):
        settings = ["--context", "8192", "--sequences", "4", "--threads", "2"]
        plan = json.loads(run("plan", Program.model, *settings, "--json").stdout)["devices"][0]
        cache = next(arena["bytes"] for arena in plan["arenas"] if arena["kind"] == "kv")
        self.assertGreater(cache, 128 << 20, "too small to tell one that is there from one that is not")
        with subprocess.Popen([Program.binary, "run", Program.model, "--raw", "-p", "Once", "--max-tokens", "2", *settings],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as process:
            _, ended, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(ended)
        self.assertEqual(process.returncode, 0)
        print(f"planned {plan['bytes'] >> 20} MiB, of it {cache >> 20} of pages, peak {usage.ru_maxrss >> 10}", file=sys.stderr)
        self.assertLess(usage.ru_maxrss * 1024, plan["bytes"] - cache // 2)


class Maker(unittest.TestCase):
    def test_rows_that_are_no_whole_blocks_get_the_type_that_the_quantizer_takes(self):
        done = run("inspect", Program.model)
        self.assertEqual(done.returncode, 0, done.stderr)
        # 896 is no multiple of 256, 4,864 is one.
        self.assertRegex(done.stdout.decode(), r"attn_q\.weight.*Q5_0")
        self.assertRegex(done.stdout.decode(), r"ffn_down\.weight.*Q4_K")


if __name__ == "__main__":
    Program.binary, maker, vocabulary = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        Program.model = os.path.join(folder, "half-a-billion.gguf")
        subprocess.run([maker, Program.model, "0.5b", "q4_K", vocabulary], check=True, timeout=4 * DEADLINE)
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
