"""The checks that other programs do: clang-format, shellcheck, the compiler."""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess

from exempt import GENERATED, HEADER_PIECES
from tree import Finding

FORMATTER = "clang-format-16"
FILES_AT_ONCE = 24


class Skipped(Exception):
    """The check could not be done here; says why."""


def formatted_files(tree):
    return sorted(file.path for file in tree.cpp() if file.path not in GENERATED)


def _parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for findings in pool.map(work, items):
            yield from findings


def check_format(tree):
    if not shutil.which(FORMATTER):
        raise Skipped(f"{FORMATTER} is not installed")
    paths = formatted_files(tree)

    def work(batch):
        done = subprocess.run([FORMATTER, "--dry-run", "-Werror", "--ferror-limit=1", *batch], cwd=tree.root,
                              capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            if ": error:" in line:
                path, number = line.split(":", 2)[:2]
                yield Finding(path, int(number), "format", "not as clang-format writes it: ./dev format")

    yield from _parallel(work, [paths[at:at + FILES_AT_ONCE] for at in range(0, len(paths), FILES_AT_ONCE)])


def check_shell(tree):
    scripts = sorted(file.path for file in tree.files.values()
                     if file.path.endswith(".sh") or (file.lines and file.lines[0].startswith("#!")
                                                      and file.lines[0].endswith("sh")))
    if not scripts:
        return
    if not shutil.which("shellcheck"):
        raise Skipped("shellcheck is not installed")
    done = subprocess.run(["shellcheck", "-f", "gcc", "-S", "warning", *scripts], cwd=tree.root, capture_output=True, text=True,
                          check=False)
    for line in done.stdout.splitlines():
        path, number, rest = line.split(":", 2)
        yield Finding(path, int(number), "shell", rest.strip())


def _compiled_in(unit):
    """The sources of a unit that the build has put together; of any other itself."""
    if not os.path.basename(unit).startswith("unity_"):
        return [unit]
    with open(unit, encoding="utf-8") as stream:
        return re.findall(r'^#include "(.+)"$', stream.read(), flags=re.M)


class Build:
    """What compile_commands.json of a configured build says."""

    def __init__(self, root, folder):
        path = os.path.join(folder, "compile_commands.json")
        if not os.path.exists(path):
            raise Skipped(f"{path} is not there: configure a build first")
        with open(path, encoding="utf-8") as stream:
            entries = json.load(stream)
        self.folder = os.path.abspath(folder)
        real_root = os.path.realpath(root)
        self.commands = {}
        for entry in entries:
            unit = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
            for path in _compiled_in(unit):
                source = os.path.relpath(os.path.realpath(path), real_root)
                self.commands[source] = [path if word == entry["file"] else word for word in shlex.split(entry["command"])]


def _own_includes(tree, path):
    return [target for target in (tree.resolve(i) for i in tree.files[path].includes if not i.system) if target]


def unproven_headers(tree, build):
    """header -> a compiled source that reaches it; without the headers that some source includes first: that
    source's own compilation has proven them self-contained."""
    proven, reached_from = set(), {}
    for source in sorted(build.commands):
        if source not in tree.files:
            continue
        first = tree.files[source].includes[:1]
        if first and not first[0].system:
            proven.add(tree.resolve(first[0]))
        todo, seen = [source], {source}
        while todo:
            for target in _own_includes(tree, todo.pop()):
                if target not in seen:
                    seen.add(target)
                    reached_from.setdefault(target, source)
                    todo.append(target)
    return {header: source for header, source in sorted(reached_from.items())
            if header.endswith(".h") and header not in proven and not header.startswith(tuple(HEADER_PIECES))}


def _compile_alone(tree, build, header, source):
    stub = os.path.join(build.folder, "tidy", header.replace("/", "__") + ".cc")
    os.makedirs(os.path.dirname(stub), exist_ok=True)
    include = header[4:] if header.startswith("src/") else header
    text = f'#include "{include}"\n'
    if not os.path.exists(stub) or open(stub, encoding="utf-8").read() != text:
        with open(stub, "w", encoding="utf-8") as stream:
            stream.write(text)
    # As the source is compiled, its precompiled headers too: that they hide none of the standard library's is standard.py's matter.
    command = list(build.commands[source])
    for option, words in (("-o", 2), ("-MF", 2), ("-MT", 2), ("-MD", 1)):
        if option in command:
            at = command.index(option)
            del command[at:at + words]
    command = command[:command.index("-c")] + ["-fsyntax-only", stub]
    done = subprocess.run(command, cwd=build.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        words = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
        yield Finding(header, 1, "headers", f"does not compile alone: {words}")


def check_headers(tree, build):
    work = list(unproven_headers(tree, build).items())
    yield from _parallel(lambda item: list(_compile_alone(tree, build, *item)), work)
