#!/usr/bin/env python3
"""The table of settings, as the program prints it, is what the documentation says.

    settings_test.py BINARY           compares
    settings_test.py BINARY --write   puts the program's tables into the pages
"""

import datetime
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from program import DEADLINE, Program, environment, next_line, run

PAGES = ("cli.md", "configuration.md", "http.md")
BLOCK = re.compile(r"<!-- settings: ([\w ]+) -->\n.*?<!-- end -->\n", re.S)
USAGE, NOT_FOUND = 2, 5


def page_path(name):
    return os.path.join(Program.source, "docs", "operating", name)


def blocks(text):
    return {match[1]: match[0] for match in BLOCK.finditer(text)}


def printed():
    return blocks(run("debug", "settings", "--markdown").stdout.decode())


def write():
    said = printed()
    for name in PAGES:
        with open(page_path(name), encoding="utf-8") as stream:
            text = stream.read()
        with open(page_path(name), "w", encoding="utf-8") as stream:
            stream.write(BLOCK.sub(lambda match: said[match[1]], text))


class Settings(unittest.TestCase):
    maxDiff = None

    def test_the_documentation_has_the_tables(self):
        documented = {}
        for name in PAGES:
            with open(page_path(name), encoding="utf-8") as stream:
                for block, text in blocks(stream.read()).items():
                    self.assertNotIn(block, documented, name)
                    documented[block] = text
        self.assertEqual(documented, printed(), "tests/cli/settings_test.py BINARY --write")

    def test_the_table_for_programs(self):
        rows = {(row["name"], tuple(row["commands"])): row for row in json.loads(run("debug", "settings", "--json").stdout)}
        port = rows["port", ("serve",)]
        self.assertEqual((port["flags"], port["variable"], port["default"], port["scope"]), (["--port"], "GANTRY_PORT", "8421", "server"))

    def test_the_example_of_the_documentation_is_read(self):
        with open(page_path("configuration.md"), encoding="utf-8") as stream:
            example = re.search(r"^```toml\n(.*?)^```$", stream.read(), re.M | re.S)[1]
        done = self.served(example, "--show-settings")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"gantry.toml:", done.stdout)

    def served(self, text, *arguments, **extra):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gantry.toml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            return run("serve", "--config", path, *arguments, **extra)

    def test_a_file_is_refused_by_its_line(self):
        for text, words in (("[server]\nprot = 1\n", ("gantry.toml:2", "did you mean port?")),
                            ("[server]\nport = '80'\n", ("gantry.toml:2: port", "this is a text")),
                            ("[server\n", ("gantry.toml:1",)),
                            # What only the room below knows is told by the line as well.
                            ("\n[model_defaults]\ndevice = 'gpu'\n", ("gantry.toml:3: device", "there are: cpu:0"))):
            done = self.served(text, *([] if "[server" in text else ["--port", "0"]))
            self.assertEqual(done.returncode, USAGE, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr.decode())

    def test_a_byte_order_mark_is_none_of_a_file(self):
        done = self.served("\ufeff[server]\nport = 7\n", "--show-settings")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"(?m)^port +7 +\S*gantry\.toml:2: port$")

    def test_names_and_origins_that_nothing_can_match_are_refused_at_once(self):
        for flag, value in (("--cors-origin", "*.example.org"), ("--cors-origin", "https://a.example/"), ("--allowed-host", "box.*")):
            done = run("serve", flag, value)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(f"where: {flag}", done.stderr.decode())
        done = self.served("[server]\ncors_origin = ['https://a.example', 'localhost']\n")
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertIn(b"gantry.toml:2: cors_origin", done.stderr)

    def test_a_file_that_is_not_there(self):
        done = run("serve", "--config", "/nonexistent/gantry.toml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"/nonexistent/gantry.toml", done.stderr)
        done = run("serve", GANTRY_CONFIG="/nonexistent/gantry.toml")
        self.assertIn(b"/nonexistent/gantry.toml", done.stderr)

    def test_a_variable_is_named_when_it_is_wrong(self):
        done = run("plan", GANTRY_CONTEXT="many")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"where: $GANTRY_CONTEXT", done.stderr)

    def test_where_each_value_comes_from(self):
        shown = run("plan", "--show-settings", "--threads", "1", GANTRY_CONTEXT="64").stdout.decode()
        self.assertRegex(shown, r"(?m)^context +64 +\$GANTRY_CONTEXT$")
        self.assertRegex(shown, r"(?m)^threads +1 +--threads$")
        self.assertRegex(shown, r"(?m)^kv_type +f16 +default$")

    def told_time(self, *arguments, **variables):
        """What a template is told, as hours that it is ahead of UTC."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "t.jinja")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("{{ strftime_now('%Y-%m-%dT%H:%M:%S') }}")
            done = run("debug", "template", path, *arguments, text=b"[]", **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = datetime.datetime.fromisoformat(done.stdout.decode().strip()).replace(tzinfo=datetime.timezone.utc)
        return round((told - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 60) / 60

    def test_models_are_told_the_local_time(self):
        self.assertEqual(self.told_time(TZ="<+0545>-05:45"), 5.75)
        self.assertEqual(self.told_time("--timezone", "-03:30", TZ="<+0545>-05:45"), -3.5)
        self.assertEqual(self.told_time(GANTRY_TIMEZONE="UTC+3", TZ="<+0545>-05:45"), 3)
        for zone in ("Europe/Atlantis", "+25:00"):
            done = run("debug", "template", "x.jinja", "--timezone", zone)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(b"where: --timezone", done.stderr)

    def test_two_models_in_a_file(self):
        box = os.path.join(Program.source, "models", "gantry-box.gguf")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gantry.toml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(f"[server]\nport = 0\n\n[model_defaults]\ncontext = 64\n\n"
                             f"[[model]]\nname = 'one'\npath = '{box}'\n\n[[model]]\nname = 'two'\npath = '{box}'\n")
            server = subprocess.Popen([Program.binary, "serve", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, env=environment())
            try:
                line = next_line(server)
                self.assertIn("listening on http://", line)
                address = re.search(r"http://([^/\s]+)", line)[1]
                self.assertEqual([model["id"] for model in self.asked(address, "GET", "/v1/models")["data"]], ["one", "two"])
                for name in ("two", "one"):
                    answer = self.asked(address, "POST", "/v1/completions", {"model": name, "prompt": "Once", "max_tokens": 2})
                    self.assertEqual((answer["model"], answer["usage"]["completion_tokens"]), (name, 2))
            finally:
                server.terminate()
                errors = server.communicate(timeout=DEADLINE)[1]
            self.assertIn("gantry.toml:9: path", errors)

    def asked(self, address, method, path, body=None):
        connection = http.client.HTTPConnection(address, timeout=DEADLINE)
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.load(reply)
        connection.close()
        self.assertEqual(reply.status, 200, answer)
        return answer

    def test_two_models_of_one_name(self):
        for first, second, place in (("name = 'a'\npath = 'x'", "path = 'y'\nname = 'a'", "gantry.toml:6: name"),
                                     ("path = 'one/m.gguf'", "path = 'two/m.gguf'", "gantry.toml:4: path"),
                                     ("name = 'm'\npath = 'x.gguf'", "path = 'two/m.gguf'", "gantry.toml:5: path")):
            done = self.served(f"[[model]]\n{first}\n[[model]]\n{second}\n")
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn(place, done.stderr.decode())
            self.assertIn("there is a second model by the name", done.stderr.decode())

    def test_an_error_of_the_first_model_names_its_line(self):
        done = self.served("[server]\nport = 0\n[[model]]\npath = '/nonexistent/a.gguf'\n[[model]]\npath = 'b.gguf'\n")
        self.assertEqual(done.returncode, NOT_FOUND, done.stderr)
        self.assertIn(b"/nonexistent/a.gguf", done.stderr)


if __name__ == "__main__":
    Program.binary = os.path.abspath(sys.argv.pop(1))
    Program.source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    if "--write" in sys.argv:
        write()
    else:
        unittest.main(verbosity=0)
