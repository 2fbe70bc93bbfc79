"""The rules about single files: sizes, words, guards, READMEs, dead files, flags."""

import os
import re

from cpp import functions
from exempt import GENERATED, LONG_FUNCTIONS
from layers import room_of
from tree import Finding

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 75  # "about 70"
SOURCES = (".cc", ".h", ".inc", ".cu", ".py", ".sh", ".mjs", ".js", ".cmake", "CMakeLists.txt")

# Spelled in pieces, so that this file does not break its own rules.
_UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
_MACHINE_PATH = re.compile(r"(?<![\w.\-}/*])/(?:wo" r"rk|ro" r"ot|home/\w+|Users/\w+)/")
_HELPER = re.compile(r"hel" r"per-")
_REGISTRY = re.compile(r"https?://[^/\s\"'>]*(?:regi" r"stry|artif" r"act|ne" r"xus|mir" r"ror|pro" r"xy)[^/\s\"'>]*", re.I)
_GUARD = re.compile(r"^[ \t]*#[ \t]*ifndef[ \t]+(\w+)[^\n]*\n[ \t]*#[ \t]*define[ \t]+\1\b", re.M)
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
CONTRACTS_FILE = "docs/contracts.md"
_ADDRESS = r"[EMPSDFLT][1-9]?"
_CONTRACT = re.compile(rf"\b[Cc]ontracts?\s+(?://\s*)?({_ADDRESS}(?:(?:,|\s+and|\s+to)\s+{_ADDRESS})*)\b"
                       rf"|\(([EMPSDFLT][1-9](?:,\s+[EMPSDFLT][1-9])*)\)")
_RULE = re.compile(r"^- \*\*([A-Z][1-9])\b", re.M)
_RULES_OF = re.compile(r"^## ([A-Z])\. ", re.M)
_CITED = re.compile(r"(?<![\w/.*>-])((?:[\w-]+/)*[A-Za-z][\w-]*\.(?:h|cc|inc|md|py|cmake))(?![\w*(/-])")
_ANY_FILE = {"x.cc", "x_test.cc"}  # "x" in rules is any name
_MACHINE_FLAG = re.compile(r"(?<![\w-])-m(?:arch|tune|cpu|avx|sse|fma|f16c|bmi|popcnt|amx|native)[\w=.-]*")
_FLAG_HOME = re.compile(r"\b(?:set_source_files_properties|target_compile_options)\s*\(", re.I)


def check_sizes(tree, _rooms):
    for file in tree.named(*SOURCES):
        if file.path in GENERATED:
            continue
        if len(file.lines) > FILE_LINES_MAX:
            yield Finding(file.path, FILE_LINES_MAX + 1, "size", f"{len(file.lines)} lines, at most {FILE_LINES_MAX}")
        if file.is_cpp:
            for function in functions(file.code):
                if function.lines > FUNCTION_LINES_MAX and f"{file.path}:{function.name}" not in LONG_FUNCTIONS:
                    yield Finding(file.path, function.line, "size",
                                  f"{function.name}: {function.lines} lines, at most {FUNCTION_LINES_MAX}")


def check_exemptions(tree, _rooms):
    for path in sorted(set(GENERATED) | {name.split(":")[0] for name in LONG_FUNCTIONS}):
        if path not in tree.files:
            yield Finding("tools/tidy/exempt.py", 1, "size", f"'{path}' is exempt and not there")


def check_words(tree, _rooms):
    rules = ((_UNFINISHED, "unfinished work is finished or left out"),
             (_MACHINE_PATH, "a path of one machine"),
             (_HELPER, "a word of no reader's"),
             (_REGISTRY, "a package host"))
    for file in tree.files.values():
        if file.path in GENERATED:
            continue
        for number, line in enumerate(file.lines, 1):
            for rule, why in rules:
                match = rule.search(line)
                if match:
                    yield Finding(file.path, number, "words", f"'{match[0]}': {why}")


def check_guards(tree, _rooms):
    for file in tree.cpp():
        if not file.path.endswith(".h"):
            continue
        if not re.search(r"^#pragma once$", file.text, re.M):
            yield Finding(file.path, 1, "guards", "a header without #pragma once")
        guard = _GUARD.search(file.code)
        if guard:
            line = file.code.count("\n", 0, guard.start()) + 1
            yield Finding(file.path, line, "guards", f"an #ifndef guard ({guard[1]}): #pragma once is enough")


def check_readmes(tree, rooms):
    folders = {f"src/{room}" for room in rooms.edges if any(p.startswith(f"src/{room}/") for p in tree.files)}
    folders |= {room_of(file.path) for file in tree.cpp() if file.path.startswith("backends/")}
    for folder in sorted(folders):
        if f"{folder}/README.md" not in tree.files:
            yield Finding(folder, 1, "readme", "a room without a README.md")


def check_links(tree, _rooms):
    for file in tree.named(".md"):
        for number, line in enumerate(file.lines, 1):
            for match in _LINK.finditer(line):
                target = match[1]
                if re.match(r"[a-z]+:", target):
                    continue
                path = os.path.normpath(os.path.join(os.path.dirname(file.path), target))
                if not os.path.exists(os.path.join(tree.root, path)):
                    yield Finding(file.path, number, "links", f"'{target}' is not there")


def check_contracts(tree, _rooms):
    """Every contract that is cited is written down."""
    contracts = tree.files.get(CONTRACTS_FILE)
    known = set(_RULE.findall(contracts.text) + _RULES_OF.findall(contracts.text)) if contracts else set()
    for file in tree.named(".md", ".py", "dev", *SOURCES):
        if file.path in GENERATED or file.path.startswith("tools/tidy/"):
            continue
        for match in _CONTRACT.finditer(file.text):
            for address in re.findall(r"\b[A-Z][1-9]?\b", match[1] or match[2]):
                if address not in known:
                    line = file.text.count("\n", 0, match.start()) + 1
                    yield Finding(file.path, line, "contracts", f"{address} does not stand in {CONTRACTS_FILE}")


def check_cites(tree, _rooms):
    """A file that a comment or a page names is there; where it stands need not be said as a whole."""
    tails = set()
    for path in tree.files:
        parts = path.split("/")
        tails.update("/".join(parts[i:]) for i in range(len(parts)))
    for file in tree.files.values():
        if file.path in GENERATED or not (file.is_cpp or file.path.endswith((".md", "CMakeLists.txt", ".cmake"))):
            continue
        for number, line in enumerate(file.lines, 1):
            said = line if file.path.endswith(".md") else re.search(r"(?<!:)(?://|#[ \t])(.*)|$", line)[1] or ""
            for match in _CITED.finditer(said):
                name = match[1]
                if name not in tails and os.path.basename(name) not in _ANY_FILE:
                    yield Finding(file.path, number, "cites", f"'{name}' is not there")


def check_dead_headers(tree, _rooms):
    used = set()
    for file in tree.cpp():
        used.update(tree.resolve(include) for include in file.includes if not include.system)
    for file in tree.cpp():
        if file.is_header and file.path not in used:
            yield Finding(file.path, 1, "dead", "nobody includes it")


def check_dead_sources(tree, compiled):
    """`compiled`: the sources of the build, from compile_commands.json. Fuzz targets are another preset's."""
    for file in tree.cpp():
        if not file.path.endswith(".cc") or file.path in compiled:
            continue
        if file.path.startswith("fuzz/"):
            if not file.path.endswith("_fuzz.cc"):
                yield Finding(file.path, 1, "dead", "not named <room>_<what>_fuzz.cc: in no target")
            continue
        yield Finding(file.path, 1, "dead", "in no target")


def check_machine_flags(tree, _rooms):
    """An instruction set is chosen at run time: -m flags belong to single files or targets of a backend."""
    for file in tree.named("CMakeLists.txt", ".cmake", "CMakePresets.json"):
        text = re.sub(r"^[ \t]*#[^\n]*", "", file.text, flags=re.M)
        for match in _MACHINE_FLAG.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if not file.path.startswith("backends/"):
                yield Finding(file.path, line, "flags", f"'{match[0]}' outside backends/")
            elif re.search(r"add_compile_options|CMAKE_CXX_FLAGS", text.splitlines()[line - 1]):
                yield Finding(file.path, line, "flags", f"'{match[0]}' for a whole folder")
            elif not _FLAG_HOME.search(text):
                yield Finding(file.path, line, "flags", f"'{match[0]}' bound to no file or target")


CHECKS = (check_sizes, check_exemptions, check_words, check_guards, check_readmes, check_links, check_cites, check_contracts,
          check_dead_headers, check_machine_flags)
