#!/usr/bin/env python3
"""`gantry run` on a real screen (tmux): what is seen while one types, while an answer is written, and after.

    screen_test.py BINARY
"""

import json
import os
import signal
import stat
import sys
import tempfile
import time
import unittest

import screen
from program import Program
from screen import Screen

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
STORY = "Tell me a little story."


def talk(*more, **how):
    shown = Screen("run", "--temp", "0", *more, **how)
    shown.prompt()
    return shown


def ask(shown, text):
    """The lines between the prompt and the next one."""
    before = len([line for line in shown.lines() if line])
    shown.type(text)
    shown.keys("Enter")
    lines = shown.wait(lambda lines: [row for row in lines if row][-1:] == [">"] and len([row for row in lines if row]) > before,
                       "the end of an answer")
    return [line for line in lines if line][before:-1]


class Keys(unittest.TestCase):
    def becomes(self, line, *steps):
        with talk() as shown:
            for step in steps:
                if isinstance(step, tuple):
                    shown.keys(*step)
                else:
                    shown.type(step)
            shown.prompt(line)

    def test_move_and_delete_as_in_a_shell(self):
        self.becomes("one three", "one two three", ("M-b", "C-w"))
        self.becomes("zero one", "one", ("C-a",), "zero ")
        self.becomes("two", "one two", ("M-b", "C-u"))
        self.becomes("one", "one two", ("C-a", "M-f", "C-k"))
        self.becomes("two", "one two", ("Home", "M-d", "Delete"))
        self.becomes("one two!", "one two", ("Home", "End"), "!")
        self.becomes("one x two", "one two", ("C-Left",), "x ")
        self.becomes("onex two", "one two", ("C-a", "C-Right"), "x")
        self.becomes("oe", "one", ("Left", "BSpace"))
        self.becomes("one one", "one ", ("C-a", "C-k", "C-y", "C-y", "BSpace"))

    def test_keys_without_a_meaning_leave_no_garbage(self):
        self.becomes("ab", "a", ("PPage", "NPage", "IC", "F1", "F5", "F12", "S-F3", "BTab", "M-PPage", "C-Up", "M-Left", "End"), "b")

    def test_ctrl_l_clears_and_keeps_the_line(self):
        with talk() as shown:
            ask(shown, "/help")
            shown.type("half a line")
            shown.keys("C-l")
            shown.wait(lambda lines: shown.cursor() == (13, 0), "the cursor in the first line")
            self.assertEqual(shown.tmux("capture-pane", "-p").strip(), "> half a line")

    def test_ctrl_r_finds_an_earlier_line(self):
        with talk("--max-tokens", "1") as shown:
            ask(shown, "Hello there")
            ask(shown, "Good morning")
            shown.keys("C-r")
            shown.type("Hel")
            shown.wait_for("Hello there", 2)
            shown.keys("C-e")
            shown.prompt("Hello there")

    def test_tab_completes_commands_and_names(self):
        with talk() as shown:
            shown.type("/he")
            shown.keys("Tab")
            shown.prompt("/help")
            shown.keys("C-u")
            shown.type("/s")
            shown.keys("Tab")
            text = "\n".join(shown.wait_for("/stats"))
            for name in ("/system", "/set", "/show", "/save", "/save!"):
                self.assertIn(name, text)
            shown.keys("C-u")
            shown.type("/set temp")
            shown.keys("Tab")
            shown.prompt("/set temperature")

    def test_a_pasted_text_is_one_line_of_input(self):
        with talk("--max-tokens", "4") as shown:
            shown.paste("Hello\nthere\n")
            shown.wait_for("there")
            time.sleep(0.3)
            self.assertNotIn("cut at the limit", shown.text())
            shown.keys("Enter")
            shown.wait_for("cut at the limit of 4 tokens")


class Screens(unittest.TestCase):
    def interrupt_a_story(self, shown):
        """The program stands still in the middle of it."""
        shown.type(STORY)
        shown.keys("Enter")
        shown.wait_for("Once")
        shown.signal(signal.SIGSTOP)
        self.assertNotRegex(shown.text(), r"(?m)^>$", "it was over already")

    def test_words_wrap_at_the_width(self):
        with talk(columns=200) as shown:
            whole = ask(shown, STORY)
        words = " ".join(whole).split()
        for columns in (31, 44):
            with talk(columns=columns) as shown:
                lines = ask(shown, STORY)
            self.assertGreater(len(lines), 2)
            self.assertEqual(" ".join(lines).split(), words, "no word is broken")
            for line, after in zip(lines, lines[1:]):
                self.assertLessEqual(len(line), columns)
                self.assertGreater(len(line) + 1 + len(after.split()[0]), columns, f"{line!r} had room for the next word")

    def test_a_window_that_changes_while_one_types(self):
        with talk(columns=60) as shown:
            line = "one two three four five six seven eight nine ten eleven"
            shown.type(line)
            shown.prompt(line)
            for columns in (30, 25, 50, 80):
                shown.resize(columns)
                wanted = f"> {line}"
                rows = [wanted[i:i + columns].rstrip() for i in range(0, len(wanted), columns)]
                shown.wait(lambda lines: [row for row in lines if row][-len(rows):] == rows, f"the line in {columns} columns")
            # The editor knows the new width too.
            shown.resize(25)
            shown.keys("C-a")
            shown.type("zero ")
            shown.keys("C-e")
            shown.type("!")
            wanted = f"> zero {line}!"
            rows = [wanted[i:i + 25].rstrip() for i in range(0, len(wanted), 25)]
            shown.wait(lambda lines: [row for row in lines if row][-len(rows):] == rows, "the longer line")
            shown.resize(90)
            shown.prompt(f"zero {line}!")
            self.assertEqual(shown.text().count("eleven"), 1)

    def test_a_window_that_changes_while_an_answer_is_written(self):
        with talk(columns=200) as shown:
            words = " ".join(ask(shown, STORY)).split()
        with talk("--isa", "scalar", "--threads", "1", columns=70) as shown:
            self.interrupt_a_story(shown)
            shown.resize(33)
            shown.signal(signal.SIGCONT)
            lines = [line for line in shown.wait(lambda lines: [row for row in lines if row][-1:] == [">"], "the end") if line][:-1]
            told = next(i for i in range(len(lines)) if " ".join(lines[i:]).split() == words[-len(" ".join(lines[i:]).split()):])
            self.assertGreater(len(lines) - told, 3, "what came after it is wrapped at the new width, between words")
            for line, after in zip(lines[-3:], lines[-2:]):
                self.assertGreater(len(line) + 1 + len(after.split()[0]), 33)

    def test_what_is_typed_during_an_answer_becomes_the_next_line(self):
        with talk(columns=100) as shown:
            alone = ask(shown, STORY)
        with talk("--isa", "scalar", "--threads", "1", columns=100) as shown:
            self.interrupt_a_story(shown)
            shown.type("QQQ")
            time.sleep(0.2)  # an echo would come from the terminal itself
            self.assertNotIn("QQQ", shown.text())
            shown.signal(signal.SIGCONT)
            lines = shown.prompt("QQQ")
            answer = [line for line in lines if line and not line.startswith("> ")][-len(alone):]
            self.assertEqual(answer, alone, "nothing of it stands in the answer")
            self.assertEqual("\n".join(lines).count("QQQ"), 1)

    def test_help_fits(self):
        with talk(columns=80, rows=40) as shown:
            lines = ask(shown, "/help")
        with talk(columns=120, rows=40) as shown:
            self.assertEqual(ask(shown, "/help"), lines, "no line of it needs more than 80 columns")
        for name in ("/help", "/retry", "/undo", "/clear", "/system", "/set", "/show", "/stats", "/save FILE", "/load FILE", "/exit"):
            self.assertTrue(any(line.startswith(name) for line in lines), name)

    def test_after_a_stop_the_line_is_there_again(self):
        with talk() as shown:
            shown.type("half")
            shown.prompt("half")
            shown.signal(signal.SIGSTOP)
            shown.signal(signal.SIGCONT)
            shown.type(" a line")
            shown.prompt("half a line")


class Commands(unittest.TestCase):
    def test_settings_are_shown_and_set(self):
        with talk() as shown:
            self.assertIn("temperature             0", ask(shown, "/set"))
            self.assertEqual(ask(shown, "/set top_k 5"), ["top_k                   5"])
            self.assertEqual(ask(shown, "/set top-k"), ["top_k                   5"])
            self.assertEqual(ask(shown, "/set top_k default"), ["top_k                   0"])
            self.assertIn("error: '9' is not a number from 0 to 2", ask(shown, "/set temperature 9"))
            self.assertIn("error: there is no setting 'colour'", ask(shown, "/set colour red"))

    def test_the_system_message_is_shown_and_set(self):
        with talk() as shown:
            self.assertEqual(ask(shown, "/system"), ["there is no system message"])
            self.assertEqual(ask(shown, "/system Be brief."), ["the system message is now: Be brief."])
            self.assertEqual(ask(shown, "/system"), ["the system message is: Be brief."])
            self.assertEqual(ask(shown, '/system ""'), ["the system message is removed"])

    def test_undo_retry_show_and_stats(self):
        with talk(columns=100) as shown:
            first = ask(shown, "Hello!")
            self.assertEqual(ask(shown, "/retry"), first)
            self.assertEqual(ask(shown, "/show"), ["[user]", "Hello!", "[assistant]", *first])
            self.assertRegex(ask(shown, "/stats")[0],
                             r"^last answer: \d+ tokens? in [\d.]+ s \([\d.]+ tokens/s\), the first after [\d.]+ s; prompt of \d+ tokens, \d+ of")
            self.assertEqual(ask(shown, "/undo"), ["taken back: Hello!", "0 messages are left"])
            self.assertEqual(ask(shown, "/undo"), ["there is nothing to take back"])
            self.assertEqual(ask(shown, "/retry"), ["there is no prompt to answer again"])

    def test_verbose_tells_numbers_after_each_answer(self):
        with talk("--verbose", columns=140) as shown:
            for _ in range(2):
                self.assertRegex(ask(shown, "Hello!")[-1], r"^\[\d+ tokens? in .* cached\]$")

    def test_a_conversation_is_saved_and_loaded(self):
        with tempfile.TemporaryDirectory() as folder, talk("--system", "Be brief.", columns=150) as shown:
            path = os.path.join(folder, "talk.json")
            answer = ask(shown, "Hello!")
            self.assertEqual(ask(shown, f"/save {path}"), [f"saved 2 messages to {path}"])
            with open(path, encoding="utf-8") as stream:
                saved = json.load(stream)
            self.assertEqual(saved["messages"], [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"},
                                                 {"role": "assistant", "content": "\n".join(answer)}])
            self.assertEqual((saved["model"], saved["temperature"]), ("gantry-box", 0))
            self.assertIn("error: the file is there already", ask(shown, f"/save {path}"))
            self.assertEqual(ask(shown, f"/save! {path}"), [f"saved 2 messages to {path}"])
            ask(shown, "/clear")
            ask(shown, "/set temperature 1")
            self.assertEqual(ask(shown, f"/load {path}"),
                             [f"loaded 2 messages and a system message from {path}; 1 setting changed: /set shows them"])
            self.assertEqual(ask(shown, "/set temperature"), ["temperature             0"])
            self.assertIn("Hello!", ask(shown, "/show"))
            with open(path, "w", encoding="utf-8") as stream:
                stream.write('{"messages": [{"role": "user"}]}')
            self.assertIn(f"where: {path}: messages[0]", ask(shown, f"/load {path}"))
            self.assertIn("error: cannot open it: No such file or directory", ask(shown, f"/load {folder}/none.json"))


class Histories(unittest.TestCase):
    def test_is_kept_private_and_comes_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gantry", "history")
            command = f"XDG_STATE_HOME={folder} {Program.binary} run --max-tokens 1"
            for off in (command + " --history ''", "GANTRY_HISTORY= " + command):
                with Screen(shell=off) as shown:
                    shown.prompt()
                    ask(shown, "Hello!")
                self.assertFalse(os.path.exists(path))
            with Screen(shell=command) as shown:
                shown.prompt()
                ask(shown, "Hello!")
                shown.keys("C-d")
                shown.wait_for("ended with 0")
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with Screen(shell=command) as shown:
                shown.prompt()
                shown.keys("Up")
                shown.prompt("Hello!")

    def test_lies_where_it_is_told_to(self):
        with tempfile.TemporaryDirectory() as folder:
            command = f"XDG_STATE_HOME={folder}/state {Program.binary} run --max-tokens 1"
            path, by_variable = os.path.join(folder, "mine", "lines"), os.path.join(folder, "others")
            for told in (f"GANTRY_HISTORY={by_variable} {command} --history {path}", f"GANTRY_HISTORY={by_variable} {command}"):
                with Screen(shell=told) as shown:
                    shown.prompt()
                    ask(shown, "Hello!")
                    shown.keys("C-d")
                    shown.wait_for("ended with 0")
            self.assertEqual(sorted(os.listdir(folder)), ["mine", "others"])
            for written in (path, by_variable):
                with open(written, encoding="utf-8") as stream:
                    self.assertEqual(stream.read(), '"Hello!"\n')

    def test_is_not_written_when_the_input_is_no_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            with Screen(shell=f"echo Hello | XDG_STATE_HOME={folder} {Program.binary} run --max-tokens 1") as shown:
                shown.wait_for("ended with 0")
            self.assertEqual(os.listdir(folder), [])


class Prompts(unittest.TestCase):
    def test_words_that_are_plainly_a_prompt(self):
        with Screen("run", "hello there", "--temp", "0", "--max-tokens", "3") as shown:
            lines = shown.wait_for("ended with 0")
        self.assertTrue(any("model: gantry-box" in line for line in lines), lines)

    def test_a_word_that_is_not(self):
        with Screen("run", "mistral", columns=200) as shown:
            lines = shown.wait_for("ended with 5")
        self.assertTrue(any("gantry run --prompt 'mistral'" in line for line in lines), lines)

    def test_a_pipe_and_a_prompt(self):
        with Screen(shell=f"printf 'Hello!\\r\\n' | {Program.binary} run -p 'How are you?' --temp 0 --max-tokens 3") as shown:
            shown.wait_for("ended with 0")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not screen.available():
        required = os.environ.get("GANTRY_SHARED_REQUIRED") == "1"
        print(f"{'required' if required else 'skipped'}: absent: tmux")
        sys.exit(1 if required else SKIPPED)
    Program.source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    Program.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
