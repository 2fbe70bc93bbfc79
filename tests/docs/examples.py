#!/usr/bin/env python3
"""Executes every example of the README and of docs/, as written: examples.py GANTRY [PAGE...].

The blocks of a page are executed in their order, in a folder of its own, beside a `gantry serve` on the documented port, in a
network of their own. What is not executed is counted by its reason. `--extract FOLDER PAGE` writes the blocks as files instead.
"""

import argparse
import collections
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from blocks import BadPage, blocks, inline_commands
from checks import CHECKS, Failed, Place, Skipped

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PORT = "8421"


def pages_of(source):
    """README.md first, then docs/ by name."""
    found = ["README.md"]
    for folder, _, files in os.walk(os.path.join(source, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), source) for name in files if name.endswith(".md")]
    return [found[0], *sorted(found[1:])]


def read(source, page):
    with open(os.path.join(source, page), encoding="utf-8") as stream:
        return stream.read()


def own_network():
    """Starts this program again in a network that has only itself; where that may not be, says so and returns False."""
    if os.environ.get("GANTRY_OWN_NETWORK"):
        bring_up_loopback()
        return True
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0:
        os.environ["GANTRY_OWN_NETWORK"] = "1"  # of this process's descendants only
        os.execvp("unshare", ["unshare", "-rn", sys.executable, "-B", *sys.argv])
    return False


def bring_up_loopback():
    import fcntl
    import struct
    flags, up = 0x8914, 0x1 | 0x40  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, flags, struct.pack("16sh14x", b"lo", up))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Count:
    """What became of the blocks."""

    def __init__(self):
        self.done = collections.Counter()
        self.skipped = collections.Counter()
        self.failed = []

    def fail(self, where, what):
        self.failed.append(where)
        print(f"{where}: FAILED: {what}", flush=True)

    def block(self, block, place):
        if block.not_run:
            self.skipped[f"not run: {block.not_run}"] += 1
            if block.file:
                place.keep(block.file, block.text)
        elif block.language not in CHECKS:
            self.fail(block.where, f"a block of '{block.language}': name a language of {', '.join(CHECKS)}, or mark it as not run")
        else:
            try:
                self.done[f"{block.language}: {CHECKS[block.language](block, place)}"] += 1
            except Skipped as why:
                self.skipped[str(why)] += 1
            except (Failed, ValueError) as what:
                self.fail(block.where, what)


def run_page(page, text, binary, port, count):
    found = blocks(page, text.replace(PORT, port))
    if not found:
        return
    with tempfile.TemporaryDirectory(prefix="gantry-examples-") as folder:
        place = Place(folder, SOURCE, binary)
        if port != PORT:
            place.environment["GANTRY_PORT"] = port
        try:
            place.run(["gantry", "serve"])
            for block in found:
                count.block(block, place)
        except Failed as what:
            count.fail(page, what)
        finally:
            try:
                place.run(["gantry", "end"])
            except Failed as what:
                count.fail(page, what)


def help_of(binary, command, known):
    if command not in known:
        shown = subprocess.run([binary, *command, "--help"], capture_output=True, text=True, check=False, timeout=60)
        known[command] = shown.stdout if shown.returncode == 0 else None
    return known[command]


def check_inline(page, text, binary, known, count):
    """Commands in the middle of a sentence: the command is one, and the flags are its own."""
    for line, code in inline_commands(text):
        words = re.sub(r"\\\|.*", "", code.split(" | ")[0]).split()[1:]
        command = tuple(word for word in words[:2 if words[0] in ("debug", "bench") else 1] if not word.startswith("-"))
        if words[0].isupper():
            continue  # `gantry COMMAND --help`
        shown = help_of(binary, command, known)
        if shown is None:
            count.fail(f"{page}:{line}", f"`{code}`: there is no such command")
            continue
        for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", code):
            if not re.search(rf"(?<![\w-]){flag}(?![\w-])", shown) and flag not in ("--help", "--version"):
                count.fail(f"{page}:{line}", f"`{code}`: there is no {flag}")
        count.done["inline: command and flags known"] += 1


def check_dev_commands(page, text, count):
    with open(os.path.join(SOURCE, "dev"), encoding="utf-8") as stream:
        known = set(re.findall(r"^cmd_(\w+)\(\)", stream.read(), re.M))
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"(?<![\w.])\./dev ([a-z]+)", line):
            if name not in known:
                count.fail(f"{page}:{number}", f"./dev has no command '{name}'")
            count.done["inline: ./dev has the command"] += 1


def anchors_of(text):
    """Of each heading, as pages of Markdown are shown in circulation."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"(?ms)^ *```.*?^ *```$", "", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_anchors(page, text, count):
    """Links to a heading, of this page or another."""
    for number, line in enumerate(text.splitlines(), 1):
        for target, anchor in re.findall(r"\]\(((?!\w+:)[^)\s#]*)#([^)\s]+)\)", line):
            other = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
            if not os.path.exists(os.path.join(SOURCE, other)) or anchor not in anchors_of(read(SOURCE, other)):
                count.fail(f"{page}:{number}", f"no heading '#{anchor}' in {other}")
            count.done["inline: the heading that is linked"] += 1


def extract(folder, page):
    """NN.LANGUAGE for each block, NN.file with a name where it is kept under one."""
    os.makedirs(folder, exist_ok=True)
    for number, block in enumerate(blocks(page, read(SOURCE, page)), 1):
        for ending, content in ((block.language, block.text), ("file", block.file)):
            if content:
                with open(os.path.join(folder, f"{number:02}.{ending}"), "w", encoding="utf-8") as stream:
                    stream.write(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extract", metavar="FOLDER")
    parser.add_argument("binary", nargs="?")
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    if options.extract:
        extract(options.extract, options.binary)
        return 0
    binary = os.path.abspath(options.binary)
    port = PORT
    if not own_network():
        port = free_port()
        print(f"no network of its own here: {port} stands for {PORT} in every example")
    count, known, started = Count(), {}, time.monotonic()
    pages = options.pages or pages_of(SOURCE)
    for page in pages:
        text = read(SOURCE, page)
        before = time.monotonic()
        try:
            run_page(page, text, binary, port, count)
        except BadPage as what:
            count.fail(page, what)
        check_inline(page, text, binary, known, count)
        check_dev_commands(page, text, count)
        check_anchors(page, text, count)
        if time.monotonic() - before > 5:
            print(f"{page}: {time.monotonic() - before:.0f} s")
    print(f"examples of {len(pages)} pages, {time.monotonic() - started:.0f} s; stand-ins for a reader's files: "
          f"{', '.join(Place.STAND_INS)}, model-f16.gguf: the model in the box")
    for what, number in sorted(count.done.items()):
        print(f"  {number:4}  {what}")
    for why, number in sorted(count.skipped.items()):
        for _ in range(number):
            print(f"# SKIP {why}")
    print(f"executed or checked: {sum(count.done.values())}, skipped: {sum(count.skipped.values())}, failed: {len(count.failed)}")
    return 1 if count.failed else 0


if __name__ == "__main__":
    if not shutil.which("bash"):
        sys.exit("bash is not installed")
    sys.exit(main())
