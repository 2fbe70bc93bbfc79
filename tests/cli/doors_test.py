#!/usr/bin/env python3
"""Every setting through every door that it has: flag, variable, file. The rows are the program's own table.

    doors_test.py BINARY
"""

import json
import os
import re
import sys
import tempfile
import unittest

from program import Program, run

USAGE = 2
OF_ONE_MODEL = ("model", "alias")  # which a file says of each [[model]] by itself


# Texts that not every text can be.
OF_THEIR_KIND = {"trusted_proxies": "192.0.2.{}"}


class Row:
    """A row of the table, with three values that differ and one that is none."""

    def __init__(self, facts, command):
        self.name, self.kind, self.scope = facts["name"], facts["kind"], facts["scope"]
        self.variable, self.secret = facts["variable"], facts["name"] == "api_key"
        self.flag = facts["flags"][0] if facts["flags"] else None  # none: it stands without one
        self.default = facts.get(f"default_of_{command}") or facts["default"]
        self.left_out, self.choices = facts["left_out"], facts["choices"]
        ends = re.search(r"from (\S+) to (\S+)$", facts["wanted"])
        self.least, self.most = ends.groups() if ends else ("", "")

    def in_file(self):
        return self.scope in ("server", "model") and self.name not in OF_ONE_MODEL

    def value(self, which):
        """As a flag or a variable has it, and as it is shown; `which`: 0, 1 or 2."""
        if self.kind == "bool":
            return str((which == 1) == (self.default != "false")).lower()  # a flag says what is not the default
        if self.kind == "count":
            return str(int(self.least) + which)
        if self.kind == "number":
            return f"{float(self.least) + 0.25 * (which + 1):g}"
        if self.kind == "choice":
            return self.choices[which % len(self.choices)]
        if self.name in OF_THEIR_KIND:
            return OF_THEIR_KIND[self.name].format(which + 1)
        # A path in a file begins in its folder, unless it begins so.
        return {"bytes": "{}MiB", "duration": "{}s"}.get(self.kind, "/text{}").format(which + 1)

    def shown(self, which):
        return "(not shown)" if self.secret else self.value(which)

    def literal(self, which):
        """As a file has it."""
        return self.value(which) if self.kind in ("bool", "count", "number") else f'"{self.value(which)}"'

    def arguments(self, value):
        return [value] if self.flag is None else [self.flag] if self.kind == "bool" else [self.flag, value]

    def wrong(self, door):
        """A value that is none, or None where the door lets all pass."""
        if self.kind in ("bytes", "duration", "choice"):
            return '"x"' if door == "file" else "x"
        if self.kind == "count":
            return str(int(self.least) - 1) if door == "file" else str(int(self.most) + 1)
        if self.kind == "number":
            return str(float(self.most) + 1)
        if self.kind == "bool":
            return {"flag": None, "variable": "maybe", "file": "1"}[door]
        # Of texts: no letters, or no text.
        return {"flag": "", "variable": " " if self.kind == "texts" else None, "file": "7"}[door]


def rows(command, *scopes):
    table = json.loads(run("debug", "settings", "--json").stdout)
    return [Row(facts, command) for facts in table if command in facts["commands"] and facts["scope"] in scopes]


class Doors(unittest.TestCase):
    def run_with(self, command, lines, *arguments, **variables):
        """With a file of these lines in [server] and [model_defaults], where there are any."""
        with tempfile.TemporaryDirectory() as folder:
            if lines:
                path = os.path.join(folder, "gantry.toml")
                with open(path, "w", encoding="utf-8") as stream:
                    for head, scope in (("[server]", "server"), ("[model_defaults]", "model")):
                        stream.write("\n".join([head, *lines.get(scope, []), ""]))
                arguments = ("--config", path, *arguments)
            return run(command, *arguments, **variables)

    def assert_shown(self, done, row, value, place):
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(text, rf"(?m)^{row.name} +{re.escape(value)} +{place}$")

    def check_order(self, command, table, has_file):
        """All settings at once, door by door."""
        lines = {scope: [f"{row.name} = {row.literal(0)}" for row in table if row.scope == scope and row.in_file()]
                 for scope in ("server", "model")} if has_file else {}
        variables = {row.variable: row.value(1) for row in table}
        flags = [word for row in sorted(table, key=lambda row: row.flag is None) for word in row.arguments(row.value(2))]
        plain = self.run_with(command, {}, "--show-settings")
        filed = self.run_with(command, lines, "--show-settings")
        varied = self.run_with(command, lines, "--show-settings", **variables)
        flagged = self.run_with(command, lines, "--show-settings", *flags, **variables)
        for row in table:
            if row.default and row.kind not in ("bytes", "duration"):
                self.assert_shown(plain, row, row.default, "default")
            elif not row.default:
                self.assert_shown(plain, row, f"({row.left_out})", "default")
            if has_file and row.in_file():
                self.assert_shown(filed, row, row.shown(0), rf"\S*gantry\.toml:\d+: {row.name}")
            self.assert_shown(varied, row, row.shown(1), rf"\${row.variable}")
            self.assert_shown(flagged, row, row.shown(2), re.escape(row.flag or row.name.upper()))
        return len(table)

    def test_a_flag_goes_before_a_variable_that_before_the_file_that_before_the_default(self):
        self.assertGreater(self.check_order("serve", rows("serve", "server", "model"), True), 20)
        self.assertGreater(self.check_order("run", rows("run", "model", "request"), False), 20)
        self.assertGreater(self.check_order("plan", rows("plan", "model"), False), 10)

    def refused(self, done, place):
        self.assertEqual((done.returncode, done.stdout), (USAGE, b""), done.stderr)
        self.assertIn(place, done.stderr.decode())

    def test_an_error_names_the_door(self):
        tried = 0
        for command, scopes in (("serve", ("server", "model")), ("run", ("request",))):
            for row in rows(command, *scopes):
                wrong = {door: row.wrong(door) for door in ("flag", "variable", "file")}
                if row.flag and wrong["flag"] is not None:
                    self.refused(self.run_with(command, {}, row.flag, wrong["flag"]), row.flag)
                    tried += 1
                if wrong["variable"] is not None:
                    self.refused(self.run_with(command, {}, **{row.variable: wrong["variable"]}), f"${row.variable}")
                    tried += 1
                if row.in_file():
                    line = {"server": 2, "model": 3}[row.scope]
                    self.refused(self.run_with(command, {row.scope: [f"{row.name} = {wrong['file']}"]}),
                                 f"gantry.toml:{line}: {row.name}")
                    tried += 1
        self.assertGreater(tried, 60)

    # What only a room far below knows to be wrong.
    def test_an_error_of_a_room_names_the_door(self):
        self.refused(self.run_with("serve", {}, "--port", "0", "--device", "gpu"), "where: --device")
        self.refused(self.run_with("serve", {}, "--port", "0", GANTRY_DEVICE="gpu"), "where: $GANTRY_DEVICE")
        self.refused(self.run_with("serve", {"model": ["device = 'gpu'"]}, "--port", "0"), "gantry.toml:3: device")
        self.refused(self.run_with("serve", {"model": ["device = 'gpu'"]}, "--port", "0", GANTRY_DEVICE="xpu"), "where: $GANTRY_DEVICE")
        self.refused(self.run_with("serve", {"model": ["device = 'gpu'"]}, "--port", "0", "--device", "xpu", GANTRY_DEVICE="ypu"), "'xpu'")


if __name__ == "__main__":
    Program.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=0)
