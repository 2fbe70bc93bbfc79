#!/usr/bin/env python3
"""The command line without a model: help, errors, exit statuses, the documented flags.

    words_test.py BINARY
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import DEADLINE, Program, environment, next_line, run

COMMANDS = (["serve"], ["run"], ["plan"], ["inspect"], ["quantize"], ["perplexity"], ["tokenize"], ["devices"], ["debug", "logits"],
            ["debug", "tokenize"], ["debug", "template"], ["debug", "settings"], ["bench", "serve"],
            ["bench", "engine"])
USAGE, NOT_FOUND, BAD_FILE, IO = 2, 5, 10, 14


def flags_of_help(command):
    text = run(*command, "--help").stdout.decode()
    return set(re.findall(r"^\s+(?:-\w,)?(--[\w-]+)", text, re.M)) - {"--help"}


def spellings_of_help(command):
    """With the second ones, as --temp for --temperature."""
    text = run(*command, "--help").stdout.decode()
    return flags_of_help(command) | set(re.findall(r"^\s+--[\w-]+,(--[\w-]+)", text, re.M))


class Words(unittest.TestCase):
    def refused(self, status, *arguments, **extra):
        done = run(*arguments, **extra)
        words = done.stderr.decode()
        self.assertEqual(done.returncode, status, words)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(words.startswith("error: ") or "\nerror: " in words, words)
        return words

    def test_completion_in_bash(self):
        """What Tab offers behind these words."""
        asked = "source <(\"$1\" completion bash); shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _gantry; echo \"${COMPREPLY[*]}\""
        for words, offered in (("gantry qu", "quantize"), ("gantry serve --kv-t", "--kv-type"), ("gantry serve --kv-type q", "q8_0"),
                               ("gantry debug te", "template"), ("gantry ben", "bench"), ("gantry bench se", "serve"), ("gantry bench serve --api co", "completions"), ("gantry debug tokenize --pie", "--pieces"), ("gantry run mod", "")):
            told = subprocess.run(["bash", "-c", asked, "bash", Program.binary, *words.split(" ")], capture_output=True, text=True,
                                  timeout=DEADLINE, check=True)
            self.assertEqual((told.stdout.strip(), told.stderr), (offered, ""), words)

    def test_help_and_version(self):
        for arguments in (["--help"], ["-h"], [], *([*command, "--help"] for command in COMMANDS)):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
            self.assertIn(b"Usage: gantry", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.decode().splitlines())), 80, arguments)
        self.assertRegex(run("--version").stdout.decode(), r"^gantry \d+\.\d+\.\d+\ncommit: \w+\+?\nbuild: \w+, \w+ [\d.]+\n$")

    def test_documented_flags_are_the_flags(self):
        with open(os.path.join(Program.source, "docs", "operating", "cli.md"), encoding="utf-8") as stream:
            page = stream.read()
        sections = {match[1]: match[2] for match in
                    re.finditer(r"^## `gantry ([\w ]+)`\n(.*?)(?=^## |\Z)", page, re.M | re.S)}
        shared = set(re.findall(r"^\| `(--[\w-]+)", re.search(
            r"^## How a model is loaded\n(.*?)(?=^## |\Z)", page, re.M | re.S)[1], re.M))
        for command in COMMANDS:
            documented = set(re.findall(r"^\| `(?:-\w`, `)?(--[\w-]+)", sections[" ".join(command)], re.M))
            if "How a model is loaded" in sections[" ".join(command)]:
                documented |= shared
            self.assertEqual(documented, flags_of_help(command), command)

    def test_help_says_names_and_defaults(self):
        text = " ".join(run("serve", "--help").stdout.decode().split())
        self.assertIn("Names of --reply-format: auto, harmony,", text)
        self.assertIn("(default: 8421)", text)
        self.assertNotIn("left out", text)
        self.assertIn("Names of --pre-split: ", run("tokenize", "--help").stdout.decode())
        # A group of commands has examples of its own, and every command has some.
        self.assertNotIn("gantry serve", run("debug", "--help").stdout.decode())
        for command in COMMANDS:
            self.assertIn("\n  gantry " + " ".join(command), run(*command, "--help").stdout.decode().replace("| gantry", "\n  gantry"))

    def test_one_is_not_several(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        self.assertIn("1 token, 1 byte\n", run("tokenize", box, "a").stdout.decode())
        self.assertNotRegex(run("plan", box, "--parallel", "1").stdout.decode() + run("inspect", box).stdout.decode(),
                            r"(?<![\d.,])1 (layers|tokens|requests|pages|tensors|keys|strings|bytes)\b")

    def test_the_house_words_stay_in_the_house(self):
        texts = [run(*command, "--help").stdout.decode() for command in COMMANDS] + [run("plan").stdout.decode()]
        texts += [run("plan", *more).stderr.decode() for more in (["--memory-cap", "1MiB"], ["--context", "100000"])]
        for text in texts:
            self.assertNotRegex(text, r"(?i)\bpositions?\b|\bmend\b|(?<!--)\bsequences?\b(?! N|,--)(?! 1)|Gantry Box|comes along", text)
        self.assertIn("hint:  ", texts[-1])

    def test_sizes_are_written_as_people_write_them(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        words = self.refused(12, "plan", box, "--memory-cap", "1MiB")
        self.assertIn("0 B of 1 MiB is free", words)
        self.assertNotRegex(words, r"\d{5,}")

    def test_an_address_that_one_can_call_is_told(self):
        server = subprocess.Popen([Program.binary, "serve", "--port", "0", "--host", "0.0.0.0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, env=environment())
        lines = [next_line(server) for _ in range(5)]
        server.terminate()
        server.communicate(timeout=DEADLINE)
        port = re.search(r"listening on http://0\.0\.0\.0:(\d+)", lines[0])[1]
        self.assertEqual(lines[1], f"base URL for clients: http://127.0.0.1:{port}/v1\n")
        self.assertNotIn("0.0.0.0", "".join(lines[1:]))

    def test_usage(self):
        self.assertIn("gantry --help", self.refused(USAGE, "dance"))
        self.assertIn("--speed", self.refused(USAGE, "serve", "--speed", "9"))
        self.assertIn("--port", self.refused(USAGE, "serve", "--port", "70000"))
        self.assertIn("MODEL", self.refused(USAGE, "inspect"))
        self.assertIn("OUT", self.refused(USAGE, "quantize", "a.gguf"))
        self.assertIn("--file", self.refused(USAGE, "perplexity", "a.gguf"))

    def test_slips_of_the_fingers(self):
        for meant, *slip in (("serve", "serv"), ("serve", "srve"), ("quantize", "quantise", "a", "b", "c"), ("logits", "debug", "logit"),
                             ("--version", "--versio"), ("--port", "serve", "--prot", "1"), ("--context", "plan", "--contex=64"),
                             ("--json", "inspect", "--jsn"), ("serve", "help", "serv")):
            self.assertIn(f"did you mean {meant}?", self.refused(USAGE, *slip))
        for far in (["xyzzy"], ["plan", "--zzz"], ["-v"], ["debug", "xyzzy"]):
            words = self.refused(USAGE, *far)
            self.assertIn(f"'{far[-1]}'", words)
            self.assertNotIn("did you mean", words)
        self.assertIn("a command is missing", self.refused(USAGE, "--log", "debug"))
        self.assertIn("logits, tokenize, template, settings", self.refused(USAGE, "debug"))

    def test_habits_from_other_programs(self):
        self.assertEqual(run("help").stdout, run("--help").stdout)
        self.assertEqual(run("help", "debug", "logits").stdout, run("debug", "logits", "--help").stdout)
        self.assertEqual(run("version").stdout, run("--version").stdout)

    def test_values_out_of_range(self):
        for flag, bad in (("--context", "0 -1 1e30 nan 1.5 99999999999999999999"), ("--sequences", "0 -1 1025 nan"),
                          ("--step-rows", "0 8193"), ("--checkpoints", "-1 65537"), ("--threads", "0 1025"),
                          ("--memory-cap", "0 -1 nan 1e30 99999999999999999999"), ("--kv-type", "f64 0"), ("--isa", "avx3"),
                          ("--device", "gpu"), ("--pre-split", "no-such"), ("--reply-format", "no-such")):
            for value in [*bad.split(), ""]:
                self.assertIn(flag, self.refused(USAGE, "plan", flag, value))

    def test_a_list_of_tokens_that_is_none(self):
        for bad in ("1,x", "-1", "99999999999"):
            self.assertIn("--token-list", self.refused(USAGE, "debug", "logits", "m.gguf", "--token-list", bad))

    def test_how_tokens_are_picked_has_limits(self):
        for flag, value in (("--temperature", "2.1"), ("--temperature", "nan"), ("--top-p", "1.1"), ("--min-p", "-0.1"), ("--seed", "-1"), ("--max-tokens", "0")):
            self.assertIn(f"{flag}: '{value}'", self.refused(USAGE, "run", "-p", "hi", flag, value))
        self.assertIn("--temperature: '3'", self.refused(USAGE, "run", "-p", "hi", "--temp", "3"))

    def test_an_empty_value_is_no_value(self):
        for flag in ("--api-key", "--cors-origin", "--allowed-host", "--alias", "--host", "--device", "--isa"):
            self.assertIn(flag, self.refused(USAGE, "serve", flag, ""))

    def test_a_server_without_a_key_for_everyone_says_so(self):
        for arguments, warned in ((["--host", "0.0.0.0"], True), (["--host", "0.0.0.0", "--api-key", "k"], False), (["--host", "127.0.0.1"], False),
                                  (["--host", "localhost"], False), (["--host", "[::1]"], False), (["--host", "::1"], False)):
            server = subprocess.Popen([Program.binary, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, env=environment())
            line = next_line(server)
            server.terminate()
            errors = server.communicate(timeout=DEADLINE)[1]
            if "Cannot assign requested address" in errors or "not supported" in errors:
                continue  # no IPv6 here
            self.assertIn("listening on", line, errors)
            self.assertEqual("may use this server" in errors, warned, (arguments, errors))

    def test_a_model_that_is_not_there(self):
        for command in (["serve", "--port", "0"], ["run"], ["plan"], ["inspect"], ["tokenize"], ["debug", "tokenize"],
                        ["debug", "logits", "--token-list", "1"]):
            extra = {"text": b"hello"}
            words = self.refused(NOT_FOUND, *command, "/nonexistent/m.gguf", **extra)
            self.assertIn("/nonexistent/m.gguf", words)

    def test_files_that_are_no_models(self):
        with tempfile.TemporaryDirectory() as folder:
            self.refused(IO, "inspect", folder)
            for name, data in (("empty", b""), ("short", b"GGUF"), ("text", b"not a model at all" * 100),
                               ("huge", b"GGUF\x03\0\0\0" + b"\xff" * 64)):
                path = os.path.join(folder, name + ".gguf")
                with open(path, "wb") as stream:
                    stream.write(data)
                words = self.refused(BAD_FILE, "inspect", path)
                self.assertIn(path, words)

    def test_scales_that_are_no_numbers_are_named_with_their_place(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        with open(box, "rb") as stream:
            good = stream.read()
        tensors = {tensor["name"]: tensor for tensor in json.loads(run("inspect", box, "--json").stdout)["tensors"]}
        for name in ("token_embd.weight", "blk.2.ffn_down.weight", "output_norm.weight"):
            block = 34 if tensors[name]["type"] == "Q8_0" else 4  # its scale is at its beginning; F32: the value
            place = tensors[name]["offset"] + 3 * block
            with tempfile.NamedTemporaryFile(suffix=".gguf") as stream:
                stream.write(good[:place] + b"\xff\xff\xff\xff"[:2 if block == 34 else 4] + good[place + (2 if block == 34 else 4):])
                stream.flush()
                for command in (["run", stream.name, "hi"], ["serve", "--port", "0", stream.name], ["debug", "logits", stream.name, "--token-list", "1"]):
                    words = self.refused(BAD_FILE, *command)
                    self.assertIn(f"tensor {name}, byte {place}", words)

    def test_default_model_is_said(self):
        words = self.refused(NOT_FOUND, "run", "-p", "hi", GANTRY_MODEL="/nonexistent/env.gguf")
        self.assertIn("model: /nonexistent/env.gguf (from $GANTRY_MODEL)", words)
        with tempfile.TemporaryDirectory() as folder:
            lonely = os.path.join(folder, "gantry")
            shutil.copy(Program.binary, lonely)
            done = run("run", "--temp", "0", "-p", "Hello!", binary=lonely)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"model: gantry-box, the small model in this program", done.stderr)

    def test_prompts_are_checked_before_a_model_is_loaded(self):
        with tempfile.NamedTemporaryFile(suffix=".gguf") as no_model:
            self.assertIn("nothing was piped in", self.refused(USAGE, "run", no_model.name, text=b""))
            self.assertIn("prompt is empty", self.refused(USAGE, "run", no_model.name, ""))

    def test_a_word_that_is_no_file_is_what_is_wrong_whatever_is_piped_in(self):
        endless, kept_open = os.pipe()
        for word, status, cause in (("mistral", NOT_FOUND, "No such file"), ("mistral.gguf", NOT_FOUND, "No such file"),
                                    ("/nonexistent/m.gguf", NOT_FOUND, "No such file"), ("./mistral", NOT_FOUND, "No such file"),
                                    (tempfile.gettempdir(), IO, "folder"), ("/dev/null", IO, "regular file")):
            said = set()
            for before, after in ((": |", ""), ("echo hello |", ""), ("", "</dev/null"), ("", "<&-"), ("", "")):
                done = subprocess.run(["sh", "-c", f'{before} "$0" run "$1" {after}', Program.binary, word], stdin=endless,
                                      capture_output=True, timeout=DEADLINE, env=environment(), check=False)
                self.assertEqual(done.returncode, status, (word, before, after, done.stderr))
                said.add(done.stderr.decode())
            self.assertEqual(len(said), 1, said)
            words = said.pop()
            self.assertIn(cause, words)
            self.assertNotIn("prompt is empty", words)
            self.assertEqual(f"gantry run --prompt '{word}'" in words, status == NOT_FOUND, words)
        os.close(endless)
        os.close(kept_open)

    def test_a_full_disk_is_an_error(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        for arguments in (["--help"], ["plan"], ["inspect", box], ["inspect", box, "--json"], ["inspect", box, "--template"],
                          ["tokenize", box, "x"], ["run", "-p", "Hello!", "--max-tokens", "2"],
                          ["quantize", box, "never.gguf", "Q8_0", "--requantize", "--dry-run"],
                          ["debug", "logits", box, "--token-list", "1"], ["debug", "tokenize", box, "x"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([Program.binary, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                      env=environment(), check=False)
            self.assertEqual(done.returncode, IO, (arguments, done.stderr))
            self.assertIn(b"where: standard output", done.stderr)

    def test_a_standard_error_that_refuses_ends_nothing(self):
        for redirect in ("2>/dev/full", "2>&-"):
            for command, status in (("run -p Hello! --max-tokens 2", 0), ("plan /nonexistent/m.gguf", NOT_FOUND), ("dance", USAGE)):
                done = subprocess.run(["sh", "-c", f'"$0" {command} {redirect}', Program.binary], stdin=subprocess.DEVNULL,
                                      capture_output=True, env=environment(), check=False)
                self.assertEqual(done.returncode, status, (command, redirect))

    def test_closed_streams_are_not_taken_for_files(self):
        for redirect, status in (("<&-", IO), ("</dev/null >&-", USAGE), ("<&- >&- 2>&-", IO)):
            done = subprocess.run(["sh", "-c", f'"$0" run {redirect}', Program.binary], capture_output=True, env=environment(),
                                  check=False)
            self.assertEqual(done.returncode, status, redirect)
        done = subprocess.run(["sh", "-c", '"$0" plan >&-', Program.binary], capture_output=True, env=environment(), check=False)
        self.assertEqual(done.returncode, IO)

    def test_bytes_that_are_no_text(self):
        self.assertIn("UTF-8", self.refused(USAGE, "run", text=b"\xff\xfe"))
        self.assertEqual(run("run", "--raw", "--max-tokens", "1", text=b"\xff\xfe").returncode, 0)

    def test_a_prompt_in_the_place_of_the_model(self):
        self.assertIn("--prompt 'hello'", self.refused(NOT_FOUND, "run", "hello"))

    def test_a_template_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "chat.jinja")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                             "{% if add_generation_prompt %}<bot>{% endif %}{{ mood }}")
            talk = b'{"messages": [{"role": "user", "content": "h\xc3\xa9"}], "mood": "glad"}'
            self.assertEqual(run("debug", "template", path, text=talk).stdout.decode(), "<user>hé<bot>glad")
            done = run("debug", "template", path, "--no-generation-prompt", text=b'[{"role":"user","content":"x"}]')
            self.assertEqual(done.stdout, b"<user>x")
            self.assertIn("not JSON", self.refused(BAD_FILE, "debug", "template", path, text=b"{"))
            self.assertIn("messages", self.refused(BAD_FILE, "debug", "template", path, text=b"{}"))
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("a\n{% if %}")
            self.assertIn("line 2", self.refused(BAD_FILE, "debug", "template", path, text=b"[]"))

    def test_cases_of_templates(self):
        with tempfile.TemporaryDirectory() as folder:
            cases = os.path.join(folder, "cases.jsonl")
            with open(cases, "w", encoding="utf-8") as stream:
                stream.write('{"template": "{{ a + 1 }}", "context": {"a": 2}}\n\n'
                             '{"template": "x\\n{{ raise_exception(\'no\') }}", "context": {}}\n'
                             '{"template": "{{ strftime_now(\'%Y\') }}", "context": {}}\n')
            done = run("debug", "template", "--cases", cases, "--now", "2025-03-09T13:05:07")
            self.assertEqual(done.returncode, 0, done.stderr)
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(answers[0], {"text": "3"})
            self.assertEqual((answers[1]["error"], answers[1]["kind"]), ("no", "raise"))
            self.assertEqual(answers[2], {"text": "2025"})
            path = os.path.join(folder, "chat.jinja")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("{{ messages[0].content }}|{{ tools is none }}")
            with open(cases, "w", encoding="utf-8") as stream:
                stream.write('{"messages": [{"role": "user", "content": "hi"}]}')
            done = run("debug", "template", path, "--cases", cases)
            self.assertEqual(json.loads(done.stdout), {"text": "hi|True"})
            self.refused(USAGE, "debug", "template", path, "--now", "soon")
            self.refused(USAGE, "debug", "template")


def settings_of(*command):
    """Their names, those that this command takes or, without one, all of them."""
    table = json.loads(run("debug", "settings", "--json").stdout)
    return {facts["name"] for facts in table if not command or " ".join(command) in facts["commands"]}


class Advice(unittest.TestCase):
    """Nobody is advised to give what the command does not take."""

    def literals(self):
        """Of the program's sources: file, and each text in it."""
        for folder, _, names in os.walk(os.path.join(Program.source, "src")):
            for name in names:
                if name.endswith((".cc", ".h")) and not name.endswith("_test.cc"):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as stream:
                        lines = [line for line in stream if not line.lstrip().startswith(("//", "#include"))]
                    text = re.sub(r'"\s*\n\s*"', "", "".join(lines))  # pieces of one text
                    for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text):
                        yield os.path.relpath(path, os.path.join(Program.source, "src")), literal

    def test_every_flag_that_a_text_names_is_there(self):
        """Behind the doors texts name settings, which serve takes; a command's own file names its flags."""
        known, seen = settings_of(), 0
        of_serve = settings_of("serve")
        flags = {"_".join(command) if command[0] == "bench" else command[-1]: flags_of_help(command) for command in COMMANDS}
        flags["tokens"] = flags["tokenize"]
        flags["debug"] = set().union(*(flags_of_help(command) for command in COMMANDS if command[0] == "debug"))
        flags["debug_template"] = flags["template"]
        for path, text in self.literals():
            room, name = path.split("/")[0], os.path.splitext(os.path.basename(path))[0]
            if room == "settings" or name in ("parse", "show_settings", "command_table", "habits"):
                continue
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)) - {"--help", "--version"}
            if room != "cli":
                self.assertEqual(named, set(), f"{path}: {text}")
                for setting in set(re.findall(r"`([a-z_]+)`", text)):
                    self.assertIn(setting, known if room in ("evaluate", "bench") else of_serve, f"{path}: {text}")
                    seen += 1
            elif not text.startswith("--unix-socket"):  # curl's
                self.assertLessEqual(named, flags.get(name, set()) or set().union(*flags.values()), f"{path}: {text}")
            seen += len(named)
        self.assertGreater(seen, 10)

    def test_every_example_of_the_help_can_be_given(self):
        for command in COMMANDS:
            text = run(*command, "--help").stdout.decode()
            for example in re.findall(r"^ +(?:.*\| )?gantry " + " ".join(command) + r" (.*)$", text, re.M):
                self.assertLessEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", example)), spellings_of_help(command), example)

    def test_what_would_fit(self):
        model, known, advised = os.path.join(Program.source, "models", "gantry-box.gguf"), settings_of(), 0
        for command, more in ((["serve"], ["--port", "0"]), (["run"], ["-p", "a"]), (["plan"], []),
                              (["perplexity"], ["--file", os.path.abspath(__file__)]), (["debug", "logits"], ["--token-list", "1,2"])):
            for cap in ("1MiB", "6MiB", "7MiB", "8MiB", "10MiB"):
                # So long a context, in that type, that it does not fit.
                wide = [] if command[0] in ("perplexity", "debug") else ["--context", "2048", "--sequences", "512"]
                done = run(*command, model, *more, "--memory-cap", cap, *wide)
                if done.returncode == 0:
                    continue
                words = done.stderr.decode()
                named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", words))
                self.assertLessEqual(named, flags_of_help(command), words)
                self.assertEqual(known & set(re.findall(r"\b([a-z_]+)=", words)), set(), words)
                advised += len(named)
        self.assertGreater(advised, 10)


if __name__ == "__main__":
    Program.binary = os.path.abspath(sys.argv.pop(1))
    Program.source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    unittest.main(verbosity=0)
