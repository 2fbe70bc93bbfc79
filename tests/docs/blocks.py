"""The fenced blocks of a page of Markdown, and what a mark before one says of it.

A mark is a comment on the last line before the fence that is not empty:

    <!-- example: not run: REASON -->   nothing here can execute it; it is counted by its reason
    <!-- example: file NAME -->         the block is kept as NAME for the blocks after it
"""

import dataclasses
import re

_FENCE = re.compile(r"^ *```([^\s`]*)[^`]*$")
_MARK = re.compile(r"^ *<!-- example: (?:(not run): (.+)|(file) (\S+)) -->$")
_INLINE = re.compile(r"`([^`\n]+)`")


class BadPage(Exception):
    """What is wrong with a page, and on which line."""


@dataclasses.dataclass
class Block:
    """`line` is that of the fence. At most one of `not_run` (a reason) and `file` (a name) is set."""
    page: str
    line: int
    language: str
    text: str
    not_run: str = ""
    file: str = ""

    @property
    def where(self):
        return f"{self.page}:{self.line}"


def blocks(page, text):
    """All blocks in order; a mark that stands before no block, or a fence without an end, is a BadPage."""
    found = []
    block = mark = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if block is not None:
            if fence and not fence[1]:
                found.append(block)
                block = None
            else:
                block.text += line + "\n"
        elif fence:
            block = Block(page, number, fence[1], "")
            if mark:
                block.not_run, block.file = mark[1][2] or "", mark[1][4] or ""
            mark = None
        elif line.strip():
            if mark:
                raise BadPage(f"{page}:{mark[0]}: this mark stands before no block")
            if "<!-- example:" in line:
                mark = (number, _MARK.match(line))
                if not mark[1]:
                    raise BadPage(f"{page}:{number}: a mark is 'not run: REASON' or 'file NAME'")
    if block is not None:
        raise BadPage(f"{block.where}: this block has no end")
    if mark:
        raise BadPage(f"{page}:{mark[0]}: this mark stands before no block")
    return found


def inline_commands(text):
    """(line, command) of what stands between single backticks and begins with `gantry `."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield from ((number, code) for code in _INLINE.findall(line) if code.startswith("gantry "))


def console_steps(text):
    """[(command, expected output)] of a block of lines `$ command` and what they print."""
    steps = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], ""])
        elif not steps:
            raise ValueError("a console block begins with '$ '")
        elif steps[-1][0].endswith("\\"):
            steps[-1][0] += "\n" + line
        else:
            steps[-1][1] += line + "\n"
    return [tuple(step) for step in steps]


def same_output(expected, actual):
    """`...` stands for any text of a line; alone on a line, for any lines. White space at a line's end is none."""
    def clean(text):
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    parts = [re.escape(part) for part in re.split(r"(?m)^\.\.\.$\n?", clean(expected))]
    pattern = r"(?:.*\n?)*?".join(part.replace(r"\.\.\.", ".*") for part in parts)
    return re.fullmatch(pattern, clean(actual)) is not None
