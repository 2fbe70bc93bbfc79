"""What executes the examples finds what is wrong with them, and leaves right ones alone: examples_test.py GANTRY."""

import contextlib
import io
import os
import sys
import unittest

from blocks import BadPage, blocks, console_steps, inline_commands, same_output
import examples

FENCE = "```"


def page(*parts):
    return "\n".join(parts) + "\n"


def fenced(language, *lines):
    return page(FENCE + language, *lines, FENCE)


class Pages(unittest.TestCase):
    def test_marks(self):
        found = blocks("p", "<!-- example: not run: needs a moon -->\n\n" + fenced("sh", "fly") +
                       "<!-- example: file a.mjs -->\n" + fenced("js", "1"))
        self.assertEqual([(b.line, b.not_run, b.file, b.text) for b in found],
                         [(3, "needs a moon", "", "fly\n"), (7, "", "a.mjs", "1\n")])

    def test_what_is_no_page(self):
        for text in ("<!-- example: not run: why -->\nwords\n", "<!-- example: not run: why -->\n", FENCE + "sh\n",
                     "<!-- example: later -->\n" + fenced("sh", "true")):
            with self.assertRaises(BadPage, msg=text):
                blocks("p", text)

    def test_console(self):
        self.assertEqual(console_steps("$ a \\\n  b\none\n$ c\n"), [("a \\\n  b", "one\n"), ("c", "")])
        self.assertTrue(same_output("a ... c\n...\nend\n", "a b c\nx\ny\nend\n"))
        self.assertFalse(same_output("a\n", "a\nb\n"))
        self.assertFalse(same_output("a.c\n", "abc\n"))

    def test_inline(self):
        self.assertEqual(list(inline_commands("see `gantry plan`\n" + fenced("sh", "`gantry run`") + "`x`")), [(1, "gantry plan")])

    def test_anchors(self):
        self.assertEqual(examples.anchors_of("# Log, stop, reload\n## `gantry run`\n" + fenced("sh", "# no")),
                         {"log-stop-reload", "gantry-run"})


class Runs(unittest.TestCase):
    def failures(self, text):
        count = examples.Count()
        with contextlib.redirect_stdout(io.StringIO()):
            examples.run_page("p", text, self.binary, self.port, count)
            examples.check_inline("p", text, self.binary, {}, count)
            examples.check_dev_commands("p", text, count)
            examples.check_anchors("p", text, count)
        return len(count.failed)

    def test_right_ones(self):
        self.assertEqual(self.failures(
            fenced("sh", "curl -s http://127.0.0.1:8421/health", "gantry serve model.gguf --alias mine --port 8421",
                   "curl -s http://127.0.0.1:8421/v1/models | grep mine") +
            fenced("toml", "[server]", 'log = "info"') + fenced("json", "{}") + fenced("console", "$ gantry --version", "gantry ...", "...") +
            fenced("python", "import json", "print(json.dumps(1))") + "`gantry plan --context 5`, `./dev test`\n"), 0)

    def test_wrong_ones(self):
        for text in (fenced("", "x"), fenced("sh", "false"), fenced("sh", "curl -s http://127.0.0.1:8421/nowhere"),
                     fenced("sh", "gantry serve nothing.gguf"), fenced("sh", "gantry serve --log loud"),
                     fenced("toml", "[server]", 'prot = "1"'), fenced("json", "{"), fenced("python", "print("),
                     fenced("python", "import os", "os._exit(3)"), fenced("console", "$ gantry --version", "gentry"),
                     "`gantry plan --contxt 5`\n", "`gantry plam`\n", "`./dev tets`\n", "[x](#nowhere)\n"):
            self.assertEqual(self.failures(text), 1, text)


if __name__ == "__main__":
    Runs.port = examples.PORT if examples.own_network() else examples.free_port()
    Runs.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main()
