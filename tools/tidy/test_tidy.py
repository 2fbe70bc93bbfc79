"""Each check must find what it is there to find, and leave right things alone."""

import os
import tempfile
import unittest

import cpp
import layers
import programs
import rules
import standard
import tidy
from tree import File, Tree

TABLE = """# words
gantry_room(base)
gantry_room(kv base)
gantry_room(engine base kv)
gantry_room(chat base)
# gantry_room(ghost base)
"""


def tree_from(named):
    return Tree("/nowhere", [File(path, text) for path, text in sorted(named.items())])


def run(check, named, table=TABLE):
    return [str(finding) for finding in check(tree_from(named), layers.Rooms.parse(table))]


class Cpp(unittest.TestCase):
    def lengths(self, text):
        return [(f.name, f.line, f.lines) for f in cpp.functions(cpp.blank_literals(text))]

    def test_literals_keep_their_places(self):
        text = 'a = "x{\\"}"; // {\nb = \'{\'; /* { */ c = R"x({")x"; d = 1\'000;'
        blank = cpp.blank_literals(text)
        self.assertEqual(len(blank), len(text))
        self.assertNotIn("{", blank)
        self.assertIn("d = 1'000;", blank)
        self.assertEqual(blank.count("\n"), 1)

    def test_comment_in_string_stays(self):
        self.assertEqual(cpp.blank_comments('x("http://a"); // b').rstrip(), 'x("http://a");')

    def test_functions(self):
        text = ("namespace a {\n"
                "int f(int x) {\n  if (x) {\n  }\n  return 1;\n}\n"
                "class C : public B<int> {\n public:\n  C() : a_{1}, b_(2) {\n    x();\n  }\n"
                "  bool operator==(const C&) const { return true; }\n  int v_{3};\n};\n"
                "template <typename T, size_t N = (1 > 0)>\nT g(T t = {}) {\n}\n"
                "const int kTable[] = {\n  1,\n};\n"
                "auto lambda = [](int y) {\n  return y;\n};\n"
                "}  // namespace a\n")
        found = {name: lines for name, _, lines in self.lengths(text)}
        self.assertEqual(found["f"], 5)
        self.assertEqual(found["C"], 3)
        self.assertEqual(found["operator_"], 1)
        self.assertEqual(found["g"], 3)
        self.assertNotIn("kTable", found)
        self.assertNotIn("v_", found)

    def test_requires_and_trailing_return(self):
        text = "auto f(int a) -> int\n{\n}\nstruct alignas(64) S {\n  void m() const noexcept {\n  }\n};\n"
        self.assertEqual(self.lengths(text), [("f", 1, 3), ("m", 5, 2)])

    def test_directives_do_not_count(self):
        text = "#define M(x) \\\n  {          \\\n    x\nint f() {\n}\n"
        self.assertEqual(self.lengths(text), [("f", 4, 2)])

    def test_test_bodies_count(self):
        self.assertEqual(self.lengths("TEST(A, B) {\n  x({1}, {2});\n}\n"), [("TEST", 1, 3)])


class Layers(unittest.TestCase):
    HEADERS = {"src/base/a.h": "#pragma once\n", "src/kv/k.h": "#pragma once\n", "src/engine/e.h": "#pragma once\n",
               "src/chat/c.h": "#pragma once\n", "backends/cpu/cpu.h": "#pragma once\n"}

    def includes(self, path, text):
        return run(layers.check_includes, {**self.HEADERS, path: text})

    def test_table(self):
        rooms = layers.Rooms.parse(TABLE)
        self.assertEqual(rooms.reach["engine"], {"engine", "kv", "base"})
        self.assertEqual(rooms.floor, {"base": 0, "kv": 1, "engine": 2, "chat": 1})

    def test_table_names_only_lower_floors(self):
        table = "gantry_room(base kv)\ngantry_room(kv base)\n"
        self.assertIn("'base' names 'kv'", run(layers.check_table, {"src/kv/x.cc": ""}, table)[0])

    def test_folder_without_a_row(self):
        self.assertIn("src/attic", run(layers.check_table, {"src/attic/x.cc": ""})[0])

    def test_downward_is_allowed(self):
        self.assertEqual(self.includes("src/engine/x.cc", '#include "kv/k.h"\n#include "base/a.h"\n'), [])

    def test_upward_is_not(self):
        self.assertIn("looks up", self.includes("src/kv/x.cc", '#include "engine/e.h"\n')[0])

    def test_sideways_is_not(self):
        self.assertTrue(self.includes("src/kv/x.cc", '#include "chat/c.h"\n'))
        self.assertIn("does not name", self.includes("src/engine/x.cc", '#include "chat/c.h"\n')[0])

    def test_comment_is_no_include(self):
        self.assertEqual(self.includes("src/kv/x.cc", '// #include "engine/e.h"\n/*\n#include "engine/e.h"\n*/\n'), [])

    def test_relative_and_missing(self):
        self.assertIn("no file", self.includes("src/kv/x.cc", '#include "k.h"\n')[0])

    def test_backend_sees_little(self):
        table = TABLE + "gantry_room(device base)\n"
        files = {**self.HEADERS, "src/device/d.h": "", "backends/cpu/x.cc": '#include "device/d.h"\n#include "kv/k.h"\n'}
        found = run(layers.check_includes, files, table)
        self.assertEqual(len(found), 1)
        self.assertIn("kv/k.h", found[0])

    def test_only_main_sees_a_backend(self):
        text = '#include "backends/cpu/cpu.h"\n'
        self.assertEqual(self.includes("src/cli/main.cc", text), [])
        self.assertEqual(len(self.includes("src/engine/x.cc", text)), 1)
        self.assertEqual(self.includes("tests/sim/x.cc", text), [])

    def test_cycles(self):
        files = {"src/kv/a.h": '#include "kv/b.h"\n', "src/kv/b.h": '#include "kv/a.h"\n'}
        self.assertIn("src/kv/a.h -> src/kv/b.h -> src/kv/a.h", run(layers.check_cycles, files)[0])
        self.assertEqual(run(layers.check_cycles, {"src/kv/a.h": '#include "kv/b.h"\n', "src/kv/b.h": ""}), [])

    def test_heavy_headers(self):
        one = {"src/cli/parse.cc": "#include <CLI/CLI.hpp>\n"}
        self.assertEqual(run(layers.check_heavy, one), [])
        self.assertTrue(run(layers.check_heavy, {**one, "src/cli/z.cc": "#include <CLI/App.hpp>\n"}))
        self.assertTrue(run(layers.check_heavy, {"src/cli/parse.h": "#include <CLI/CLI.hpp>\n"}))


class Rules(unittest.TestCase):
    def test_sizes_at_the_limit_and_one_past_it(self):
        limit = rules.FILE_LINES_MAX
        self.assertEqual(run(rules.check_sizes, {"src/kv/x.cc": "\n" * limit}), [])
        self.assertEqual(len(run(rules.check_sizes, {"src/kv/x.cc": "\n" * (limit + 1)})), 1)
        body = "  x();\n" * (rules.FUNCTION_LINES_MAX - 2)
        self.assertEqual(run(rules.check_sizes, {"src/kv/x.cc": "void f() {\n" + body + "}\n"}),
                         [])
        self.assertEqual(len(run(rules.check_sizes, {"src/kv/x.cc": "void f() {\n  y();\n" + body + "}\n"})), 1)

    def test_stale_exemptions(self):
        self.assertTrue(run(rules.check_exemptions, {"src/kv/x.cc": ""}))

    def test_words(self):
        bad = ["// TO" "DO: later", "// FIX" "ME", "cd /wo" "rk/x", "hel" "per-3", "https://regi" "stry.example.org/x"]
        for line in bad:
            self.assertEqual(len(run(rules.check_words, {"src/kv/x.cc": line + "\n"})), 1, line)
        for line in ("method", "a/work/b", "${x}/home/y/", "help her", "https://example.org/registry", "XXXXXX"):
            self.assertEqual(run(rules.check_words, {"src/kv/x.cc": line + "\n"}), [], line)

    def test_guards(self):
        self.assertEqual(run(rules.check_guards, {"src/kv/k.h": "#pragma once\n"}), [])
        self.assertEqual(len(run(rules.check_guards, {"src/kv/k.h": "int x;\n"})), 1)
        guard = "#pragma once\n#ifndef K_H\n#define K_H\n#endif\n"
        self.assertEqual(len(run(rules.check_guards, {"src/kv/k.h": guard})), 1)

    def test_readmes(self):
        files = {"src/kv/k.cc": "", "src/base/README.md": "", "src/base/b.cc": "", "backends/cpu/c.cc": ""}
        found = run(rules.check_readmes, files)
        self.assertEqual([line.split(":")[0] for line in found], ["backends/cpu", "src/kv"])

    def test_dead(self):
        files = {"src/kv/k.h": "", "src/kv/dead.h": "", "src/kv/k.cc": '#include "kv/k.h"\n', "fuzz/x.cc": "",
                 "fuzz/kv_k_fuzz.cc": ""}
        self.assertIn("src/kv/dead.h", run(rules.check_dead_headers, files)[0])
        found = [str(f) for f in rules.check_dead_sources(tree_from(files), {})]
        self.assertEqual([line.split(":")[0] for line in found], ["fuzz/x.cc", "src/kv/k.cc"])
        self.assertEqual(len(list(rules.check_dead_sources(tree_from(files), {"src/kv/k.cc": []}))), 1)

    def test_machine_flags(self):
        native = "target_compile_options(x PRIVATE -ma" "vx2)\n"
        self.assertEqual(len(run(rules.check_machine_flags, {"CMakeLists.txt": native})), 1)
        self.assertEqual(run(rules.check_machine_flags, {"backends/cpu/CMakeLists.txt": native}), [])
        whole = "add_compile_options(-ma" "rch=native)\n"
        self.assertEqual(len(run(rules.check_machine_flags, {"backends/cpu/CMakeLists.txt": whole})), 1)
        python = "add_test(NAME x COMMAND python3 -m unittest)\n# -ma" "vx2 is not for all\n"
        self.assertEqual(run(rules.check_machine_flags, {"CMakeLists.txt": python}), [])

    def test_links(self):
        with tempfile.TemporaryDirectory() as root:
            open(os.path.join(root, "there.md"), "w", encoding="utf-8").close()
            text = "[a](there.md) [b](https://x.org/y) [c](gone.md#part) [d](#part)\n"
            tree = Tree(root, [File("x.md", text)])
            found = [str(f) for f in rules.check_links(tree, None)]
            self.assertEqual(len(found), 1)
            self.assertIn("gone.md", found[0])

    def test_contracts(self):
        rules_text = "## E. One\n\n- **E1 A rule.** Words.\n"

        def found(text, path="src/kv/x.cc"):
            return run(rules.check_contracts, {"docs/contracts.md": rules_text, path: text})

        self.assertEqual(found("// contract E1, contract E, (E1)\n"), [])
        self.assertEqual(found("// Contracts E1 and\n// E2 hold\n"), [])  # only what stands together is a list
        self.assertIn("E2 does not stand", found("// contracts E1, E2\n")[0])
        self.assertIn("F4 does not stand", found("nothing is taken (F4)\n", "docs/x.md")[0])
        self.assertIn("M does not stand", found("// contract M\n")[0])
        self.assertEqual(found("call(F16), (M), 'E5'\n"), [])

    def test_cited_files(self):
        files = {"src/kv/k.h": "// see k.cc, kv/k.cc and src/kv/k.cc; x_test.cc beside x.cc; *_test.cc\n#include <there.h>\n",
                 "src/kv/k.cc": "// gone.h; kv/gone.cc\n// docs/gone.md\nint x = a.h;\n",
                 "docs/page.md": "`kv/k.h`, lost.py, https://x.org/y/z.md\n"}
        found = run(rules.check_cites, files)
        self.assertEqual(len(found), 4, found)
        for name in ("docs/gone.md", "gone.h", "kv/gone.cc", "lost.py"):
            self.assertTrue(any(f"'{name}' is not there" in finding for finding in found), name)


class Programs(unittest.TestCase):
    def test_standard_names_have_their_headers(self):
        found = run(standard.check_std, {
            "src/kv/a.h": "#pragma once\n#include <vector>\n",
            "src/kv/a.cc": '#include "kv/a.h"\nstd::vector<int> v;  // std::map\nauto s = std::ranges::find(v, 1);\nstd::find(v);\n',
            "src/kv/b.cc": '#include <map>\nstd::pair<int, int> p;\nauto t = "std::set";\nstd::nobody_knows x;\n',
        })
        self.assertEqual(found, ["src/kv/a.cc:3: [std] std::find without <algorithm>"])

    def test_headers_that_no_source_proves(self):
        files = {"src/kv/k.h": "", "src/kv/k.cc": '#include "kv/k.h"\n#include "kv/other.h"\n',
                 "src/kv/other.h": '#include "kv/deep.h"\n', "src/kv/deep.h": "", "src/kv/unseen.h": "",
                 "src/kv/x.cc": '#include "kv/k.h"\n#include "backends/cpu/kernels/piece.h"\n',
                 "backends/cpu/kernels/piece.h": ""}

        class Commands:
            commands = {"src/kv/k.cc": [], "src/kv/x.cc": []}

        found = programs.unproven_headers(tree_from(files), Commands)
        self.assertEqual(found, {"src/kv/deep.h": "src/kv/k.cc", "src/kv/other.h": "src/kv/k.cc"})

    def test_missing_build_is_skipped_aloud(self):
        with self.assertRaises(programs.Skipped):
            programs.Build("/", "/nonexistent")

    def test_every_check_runs(self):
        tree = tree_from({"src/CMakeLists.txt": TABLE})
        names = [name for name, _ in tidy.checks(tree, layers.Rooms.parse(TABLE), None)]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 15)


if __name__ == "__main__":
    unittest.main()
