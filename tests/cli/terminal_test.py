#!/usr/bin/env python3
"""`gantry run` at a terminal: editing, history, Ctrl-C, Ctrl-D, signals.

    terminal_test.py BINARY MODEL              the story model (tools/stories)
    terminal_test.py BINARY --stories TOOL     makes it from $GANTRY_SHARED or ../shared; absent: exit status 77
"""

import os
import signal
import termios
import unittest

import stories
from program import Program, Terminal

PROMPT = "> "
UP, LEFT, BACKSPACE = "\x1b[A", "\x1b[D", "\x7f"
CTRL_A, CTRL_C, CTRL_D = "\x01", "\x03", "\x04"


def dialog(*more):
    terminal = Terminal("run", Program.model, "--temp", "0", "--max-tokens", "12", *more)
    terminal.expect(PROMPT)
    return terminal


def echoing(terminal):
    local = terminal.settings()[3]
    return bool(local & termios.ECHO) and bool(local & termios.ICANON)


class Dialog(unittest.TestCase):
    def answer(self, terminal, typed):
        """What is written between the typed line and the next prompt."""
        terminal.type(typed + "\r")
        terminal.expect("\r\n")
        text, _ = terminal.expect("\r\n" + PROMPT, "\n" + PROMPT)
        return text

    def test_lines_are_answered_and_ctrl_d_ends(self):
        with dialog() as terminal:
            first = self.answer(terminal, "Once upon a time")
            self.assertGreater(len(first), 20)
            self.assertEqual(self.answer(terminal, "Once upon a time"), first)
            terminal.type(CTRL_D)
            self.assertEqual(terminal.ends(), 0)
            self.assertTrue(echoing(terminal))

    def test_history_and_editing(self):
        with dialog() as terminal:
            first = self.answer(terminal, "Once upon a time")
            second = self.answer(terminal, "The cat was")
            self.assertNotEqual(first, second)
            self.assertEqual(self.answer(terminal, UP + UP), first)
            self.assertEqual(self.answer(terminal, "upon a time" + CTRL_A + "Once "), first)
            self.assertEqual(self.answer(terminal, "Once upon a timeé" + BACKSPACE), first)
            self.assertEqual(self.answer(terminal, "Once upon timee" + LEFT * 5 + "a " + "\x05" + BACKSPACE), first)

    def test_several_lines(self):
        with dialog("--max-tokens", "20") as terminal:
            terminal.type('"""\r')
            terminal.expect(". ")
            terminal.type("Once upon a time\r")
            terminal.expect(". ")
            self.answer(terminal, '"""')
            terminal.type("Once\\\r")
            terminal.expect(". ")
            self.answer(terminal, "upon")

    def test_a_pasted_block_is_one_message(self):
        begins, ends = "\x1b[200~", "\x1b[201~"
        with Terminal("run", Program.model, "--temp", "0", "--max-tokens", "20") as terminal:
            terminal.expect("\x1b[?2004h")
            terminal.expect(PROMPT)
            terminal.type('"""Once upon a time\r')
            terminal.expect(". ")
            terminal.type("there was\r")
            terminal.expect(". ")
            typed = self.answer(terminal, 'a cat"""')
            for block in ("Once upon a time\rthere was\ra cat", "Once upon a time\r\nthere was\r\na cat\r\n",
                          "\ufeffOnce upon a time\nthere was\na \x07cat"):
                terminal.type(begins + block + ends)
                terminal.expect("cat")
                self.assertEqual(self.pasted(terminal), typed, block)
            # Typed before and behind it.
            terminal.type("Once upon " + begins + "a time\rthere" + ends + " was\x16\na cat")
            terminal.expect("cat")
            self.pasted(terminal)
            # What is pasted while an answer is written waits.
            terminal.type("/stats\r" + begins + "Once upon a time\rthere was\ra cat" + ends)
            terminal.expect("of them cached")
            terminal.expect("cat")
            self.assertEqual(self.pasted(terminal), typed)
            terminal.type(CTRL_D)
            self.assertEqual(terminal.ends(), 0)
            self.assertIn(b"\x1b[?2004l", terminal.seen)

    def pasted(self, terminal):
        """The answer to what stands in the line, which may take several of the screen."""
        terminal.type("\r")
        text, _ = terminal.expect("\r\n" + PROMPT, "\n" + PROMPT)
        return text.lstrip(b"\r\n")

    def test_a_paste_that_is_too_large_is_not_taken(self):
        with dialog() as terminal:
            terminal.type("\x1b[200~")
            for _ in range(20):
                terminal.type("x" * 60_000)
            terminal.type("\x1b[201~")
            terminal.expect("a pasted text of more than 1 MiB is not taken")
            self.assertGreater(len(self.answer(terminal, "Once upon a time")), 20)

    def test_a_conversation_that_outgrows_the_context(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        with Terminal("run", box, "--temp", "0", "--max-tokens", "16", "--context", "128") as terminal:
            terminal.expect(PROMPT)
            for _ in range(20):
                terminal.type("What is a gantry?\r")
                terminal.expect("gantry?\r\n")
                text, _ = terminal.expect("\r\n" + PROMPT, "\n" + PROMPT)
                self.assertNotIn(b"error:", text)
                if b"outgrown" in text:
                    self.assertRegex(text, rb"context of 128 tokens: its oldest \d+ messages are let go; /clear forgets")
                    break
            else:
                self.fail("nothing was let go of")

    def test_commands(self):
        with dialog() as terminal:
            self.assertIn(b"/system", self.answer(terminal, "/help"))
            self.assertIn(b"none yet", self.answer(terminal, "/stats"))
            self.answer(terminal, "Once upon a time")
            self.assertIn(b"12 tokens in", self.answer(terminal, "/stats"))
            self.assertIn(b"no command /dance", self.answer(terminal, "/dance"))
            terminal.type("/exit\r")
            self.assertEqual(terminal.ends(), 0)

    def test_ctrl_c_twice_at_the_prompt_leaves(self):
        with dialog() as terminal:
            terminal.type("half a line" + CTRL_C)
            terminal.expect("Ctrl-C once more")
            terminal.expect(PROMPT)
            self.answer(terminal, "Once upon a time")  # an answer between them: one is not two
            terminal.type(CTRL_C)
            terminal.expect("Ctrl-C once more")
            terminal.expect(PROMPT)
            terminal.type(CTRL_C)
            self.assertEqual(terminal.ends(), 0)
            self.assertTrue(echoing(terminal))

    def test_ctrl_c_stops_an_answer_and_not_the_program(self):
        with Terminal("run", Program.model, "--temp", "1", "--isa", "scalar", "--threads", "1") as terminal:
            terminal.expect(PROMPT)
            for _ in range(50):  # an answer may end before the key arrives
                terminal.type("Once upon a time\r")
                terminal.expect("time\r\n")
                terminal.expect(" ")
                terminal.type(CTRL_C)
                _, which = terminal.expect("(stopped)", "Ctrl-C once more")
                terminal.expect(PROMPT)
                if which == 0:
                    break
            else:
                self.fail("no answer was stopped in 50 tries")
            terminal.type("/stats\r")
            terminal.expect("last answer: ")
            terminal.expect(PROMPT)
            terminal.type(CTRL_D)
            self.assertEqual(terminal.ends(), 0)

    def test_sigterm_leaves_a_usable_terminal(self):
        with dialog() as terminal:
            terminal.send(signal.SIGTERM)
            self.assertEqual(terminal.ends(), 0)
            self.assertTrue(echoing(terminal))

    def test_a_prompt_at_a_terminal_is_answered_once(self):
        with Terminal("run", Program.model, "--temp", "0", "--max-tokens", "8", "Once upon a time") as terminal:
            self.assertEqual(terminal.ends(), 0)
            self.assertNotIn(b"/help lists", terminal.seen)


if __name__ == "__main__":
    stories.main(unittest, __doc__)
