#!/usr/bin/env python3
"""Checks that the tree is as the house wants it: layers, sizes, formatting, headers, dead files, words.

    tidy.py [--build FOLDER] [--strict]     all checks; exit status 1 when something was found
    tidy.py --rooms                         the rooms and their floors
    tidy.py --list-formatted                the files that clang-format owns

--build: a configured build, for the checks that need compile_commands.json. --strict: a check that cannot be
done here (a program is missing) fails instead of being skipped.
"""

import argparse
import os
import sys

import layers
import programs
import rules
import standard
from tree import Tree


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    parser.add_argument("--build")
    parser.add_argument("--strict", action="store_true", default=os.environ.get("GANTRY_TIDY_STRICT") == "1")
    parser.add_argument("--rooms", action="store_true")
    parser.add_argument("--list-formatted", action="store_true")
    return parser.parse_args()


def checks(tree, rooms, build_folder):
    """(name, generator of findings), in order; a generator may raise programs.Skipped."""
    for check in layers.CHECKS + rules.CHECKS + standard.CHECKS:
        yield check.__name__, check(tree, rooms)
    yield "check_format", programs.check_format(tree)
    yield "check_shell", programs.check_shell(tree)

    def with_build(check):
        if not build_folder:
            raise programs.Skipped("no --build was given")
        build = programs.Build(tree.root, build_folder)
        yield from check(build)

    yield "check_dead_sources", with_build(lambda build: rules.check_dead_sources(tree, build.commands))
    yield "check_headers", with_build(lambda build: programs.check_headers(tree, build))


def main():
    arguments = parse_arguments()
    root = os.path.realpath(arguments.root)
    tree = Tree.read(root)
    if arguments.list_formatted:
        print("\n".join(programs.formatted_files(tree)))
        return 0
    rooms = layers.Rooms.parse(tree.files[layers.ROOMS_FILE].text)
    if arguments.rooms:
        for room, floor in sorted(rooms.floor.items(), key=lambda row: row[1]):
            print(f"{floor:2}  {room:12} {' '.join(sorted(rooms.reach[room] - {room}))}")
        return 0
    found, skipped, done = [], 0, 0
    for name, findings in checks(tree, rooms, arguments.build):
        try:
            found += findings
            done += 1
        except programs.Skipped as why:
            skipped += 1
            print(f"tidy: {name} {'FAILED' if arguments.strict else 'skipped'}: {why}")
    for finding in sorted(found, key=lambda f: (f.path, f.line)):
        print(finding)
    print(f"tidy: {len(tree.files)} files, {done} checks, {skipped} skipped, {len(found)} findings")
    return 1 if found or (skipped and arguments.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
